//! Where redirects lead, by reqwest's names and rules.

use std::fmt;
use std::sync::Arc;

use ::reqwest::Url;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, REFERER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tower_http::follow_redirect::policy::{
    Action as Followed, Attempt as Proposed, Policy as FollowPolicy,
};

use super::content::Content;
use crate::error::{Error, ErrorKind, Result};

/// As many as reqwest follows; browsers follow 20 (the Fetch Standard, §4.4).
const MOST_REDIRECTS: usize = 10;

/// Sent by no client of this century, and still a secret.
const COOKIE2: &str = "cookie2";

/// Which redirects are followed. Default: ten at most, as [`reqwest::redirect::Policy`].
#[derive(Clone)]
pub struct Policy(Kind);

#[derive(Clone)]
enum Kind {
    Custom(Arc<dyn Fn(Attempt<'_>) -> Action + Send + Sync>),
    Limited(usize),
    Never,
}

/// A redirect that a server asks for.
#[derive(Debug)]
pub struct Attempt<'a> {
    status: StatusCode,
    next: &'a Url,
    previous: &'a [Url],
}

/// What becomes of it; made by an [`Attempt`].
#[derive(Debug)]
pub struct Action(Decision);

#[derive(Debug)]
enum Decision {
    Follow,
    Stop,
    Refuse(Box<dyn std::error::Error + Send + Sync>),
}

impl Policy {
    /// Follows `most` redirects; one more is an error.
    pub fn limited(most: usize) -> Self {
        Self(Kind::Limited(most))
    }

    /// Follows none: the redirecting response is what the caller gets.
    pub fn none() -> Self {
        Self(Kind::Never)
    }

    /// Decides anew for each.
    pub fn custom(policy: impl Fn(Attempt<'_>) -> Action + Send + Sync + 'static) -> Self {
        Self(Kind::Custom(Arc::new(policy)))
    }

    /// What this policy says to `attempt`: a custom one can fall back on another.
    pub fn redirect(&self, attempt: Attempt<'_>) -> Action {
        match &self.0 {
            Kind::Custom(policy) => policy(attempt),
            // The first of the previous URLs is no redirect.
            Kind::Limited(most) if attempt.previous.len() > *most => {
                attempt.error("too many redirects")
            }
            Kind::Limited(_) => attempt.follow(),
            Kind::Never => attempt.stop(),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::limited(MOST_REDIRECTS)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Custom(_) => f.write_str("custom"),
            Kind::Limited(most) => write!(f, "limited({most})"),
            Kind::Never => f.write_str("none"),
        }
    }
}

impl Attempt<'_> {
    /// The redirecting response's.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Where it leads.
    pub fn url(&self) -> &Url {
        self.next
    }

    /// What has been asked for so far, the first request's first.
    pub fn previous(&self) -> &[Url] {
        self.previous
    }

    /// Goes there.
    pub fn follow(self) -> Action {
        Action(Decision::Follow)
    }

    /// Hands the redirecting response to the caller.
    pub fn stop(self) -> Action {
        Action(Decision::Stop)
    }

    /// Fails the request.
    pub fn error(self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Action {
        Action(Decision::Refuse(error.into()))
    }
}

/// One request's way.
#[derive(Clone, Debug)]
pub(super) struct Following {
    policy: Policy,
    referer: bool,
    https_only: bool,
    previous: Vec<Url>,
}

impl Following {
    pub(super) fn new(policy: &Policy, referer: bool, https_only: bool) -> Self {
        Self {
            policy: policy.clone(),
            referer,
            https_only,
            previous: Vec::new(),
        }
    }
}

impl FollowPolicy<Content, Error> for Following {
    fn redirect(&mut self, proposed: &Proposed<'_>) -> Result<Followed> {
        let next = url(proposed.location())?;
        self.previous.push(url(proposed.previous())?);
        let attempt = Attempt {
            status: proposed.status(),
            next: &next,
            previous: &self.previous,
        };
        match self.policy.redirect(attempt).0 {
            Decision::Stop => Ok(Followed::Stop),
            Decision::Refuse(error) => Err(refused(&next).with_source(error)),
            Decision::Follow => {
                // As in reqwest, a scheme that nobody here speaks is an error of another kind than one that is not wanted.
                check_scheme(&next, false).map_err(Error::sent)?;
                check_scheme(&next, self.https_only)
                    .map_err(|error| refused(&next).with_source(error))?;
                Ok(Followed::Follow)
            }
        }
    }

    fn on_request(&mut self, request: &mut Request<Content>) {
        let (Some(previous), Ok(next)) = (self.previous.last(), url(request.uri())) else {
            return;
        };
        let headers = request.headers_mut();
        if is_elsewhere(&next, previous) {
            remove_secrets(headers);
        }
        if self.referer
            && let Some(referer) = referer(&next, previous)
        {
            headers.insert(REFERER, referer);
        }
    }

    /// Without it 307 and 308 would not be followed with a body.
    fn clone_body(&self, content: &Content) -> Option<Content> {
        content.again()
    }
}

/// # Errors
///
/// [`InvalidTarget`](ErrorKind::InvalidTarget) for what is neither `https` nor, where that may be, `http`.
pub(super) fn check_scheme(url: &Url, https_only: bool) -> Result<()> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if !https_only => Ok(()),
        scheme => Err(Error::new(ErrorKind::InvalidTarget)
            .with_host(url.host_str().unwrap_or_default())
            .with_detail(format!("{scheme} is no scheme that may be asked for here"))),
    }
}

fn url(uri: &http::Uri) -> Result<Url> {
    Url::parse(&uri.to_string())
        .map_err(|error| Error::new(ErrorKind::InvalidTarget).with_source(error))
}

fn refused(next: &Url) -> Error {
    let error = Error::new(ErrorKind::RedirectRefused).sent();
    error.with_host(next.host_str().unwrap_or_default())
}

/// Whether a secret meant for the one must not reach the other.
fn is_elsewhere(next: &Url, previous: &Url) -> bool {
    let place = |url: &Url| {
        (
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    place(next) != place(previous) || next.scheme() != previous.scheme()
}

fn remove_secrets(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE] {
        headers.remove(name);
    }
    headers.remove(COOKIE2);
}

/// The previous URL without what is nobody's business; nothing on the way from `https` to `http`.
fn referer(next: &Url, previous: &Url) -> Option<HeaderValue> {
    if next.scheme() == "http" && previous.scheme() == "https" {
        return None;
    }
    let mut referer = previous.clone();
    referer.set_fragment(None);
    referer.set_username("").ok()?;
    referer.set_password(None).ok()?;
    HeaderValue::from_str(referer.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(urls: &[&str]) -> Vec<Url> {
        urls.iter().map(|url| url.parse().unwrap()).collect()
    }

    fn decide(policy: &Policy, redirects: usize) -> Decision {
        let next = "https://example.com/next".parse().unwrap();
        let previous = urls(&vec!["https://example.com/"; redirects]);
        let attempt = Attempt {
            status: StatusCode::FOUND,
            next: &next,
            previous: &previous,
        };
        policy.redirect(attempt).0
    }

    #[test]
    fn ten_are_followed() {
        let policy = Policy::default();
        assert!(matches!(decide(&policy, 10), Decision::Follow));
        assert!(matches!(decide(&policy, 11), Decision::Refuse(_)));
        assert!(matches!(
            decide(&Policy::limited(0), 1),
            Decision::Refuse(_)
        ));
        assert!(matches!(decide(&Policy::none(), 1), Decision::Stop));
    }

    #[test]
    fn a_custom_policy_sees_where_it_leads() {
        let policy = Policy::custom(|attempt| {
            let known = attempt.url().path() == "/next" && attempt.status() == StatusCode::FOUND;
            match known && attempt.previous().len() == 1 {
                true => attempt.stop(),
                false => Policy::default().redirect(attempt),
            }
        });
        assert!(matches!(decide(&policy, 1), Decision::Stop));
        assert!(matches!(decide(&policy, 2), Decision::Follow));
    }

    #[test]
    fn secrets_stay_where_they_were_meant_for() {
        let places = urls(&[
            "https://example.com/a",
            "https://example.com:443/b",
            "https://example.com:444/b",
            "http://example.com/b",
            "https://example.org/b",
        ]);
        let elsewhere: Vec<bool> = places
            .iter()
            .map(|place| is_elsewhere(place, &places[0]))
            .collect();
        assert_eq!(elsewhere, [false, false, true, true, true]);
    }

    #[test]
    fn a_referer_tells_no_secret() {
        let urls = urls(&[
            "https://me:secret@a.example/x?y#z",
            "https://b.example/",
            "http://b.example/",
        ]);
        let said =
            |next: &Url| referer(next, &urls[0]).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(said(&urls[1]).as_deref(), Some("https://a.example/x?y"));
        assert_eq!(said(&urls[2]), None);
    }
}
