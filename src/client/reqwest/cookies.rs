//! The jar that a client's requests share, if it has one.

#[cfg(feature = "cookies")]
use std::sync::Arc;

use http::{HeaderMap, Uri};

#[cfg(feature = "cookies")]
use ::reqwest::cookie::CookieStore;

/// Without the feature `cookies` there is none.
#[derive(Clone, Default)]
pub(super) struct Cookies {
    #[cfg(feature = "cookies")]
    jar: Option<Arc<dyn CookieStore>>,
}

#[cfg(feature = "cookies")]
impl Cookies {
    pub(super) fn new(jar: Option<Arc<dyn CookieStore>>) -> Self {
        Self { jar }
    }

    /// Puts on what a request to `uri` is to have, unless it has cookies of its own.
    pub(super) fn put_on(&self, uri: &Uri, headers: &mut HeaderMap) {
        if let Some((jar, url)) = self.at(uri)
            && !headers.contains_key(http::header::COOKIE)
            && let Some(kept) = jar.cookies(&url)
        {
            headers.insert(http::header::COOKIE, kept);
        }
    }

    /// Keeps what a response from `uri` sets.
    pub(super) fn keep(&self, uri: &Uri, headers: &HeaderMap) {
        let mut set = headers.get_all(http::header::SET_COOKIE).iter().peekable();
        if set.peek().is_some()
            && let Some((jar, url)) = self.at(uri)
        {
            jar.set_cookies(&mut set, &url);
        }
    }

    fn at(&self, uri: &Uri) -> Option<(&dyn CookieStore, ::reqwest::Url)> {
        let jar = self.jar.as_deref()?;
        Some((jar, uri.to_string().parse().ok()?))
    }
}

#[cfg(not(feature = "cookies"))]
impl Cookies {
    pub(super) fn put_on(&self, _: &Uri, _: &mut HeaderMap) {}

    pub(super) fn keep(&self, _: &Uri, _: &HeaderMap) {}
}

impl std::fmt::Debug for Cookies {
    /// What is in a jar is nobody's to log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}
