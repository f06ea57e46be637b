//! The kinds of requests and their headers.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::profile::http2::StreamPriority;

/// All kinds of requests that a profile knows.
#[derive(Clone, Debug)]
pub(crate) struct RequestTemplates {
    /// At least one; the first is meant where none is named.
    pub(crate) kinds: Vec<RequestTemplate>,
}

/// A kind of request: a navigation, a fetch, an image.
#[derive(Clone, Debug)]
pub(crate) struct RequestTemplate {
    pub(crate) name: Box<str>,
    /// In the HEADERS frame.
    pub(crate) priority: Option<StreamPriority>,
    pub(crate) http2: HeaderTemplate,
    pub(crate) http1: HeaderTemplate,
}

/// The headers of a kind of request in one version of HTTP, in the client's order.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderTemplate {
    pub(crate) slots: Vec<HeaderSlot>,
    /// Before which slot the headers stand that have none: those that only the user knows.
    pub(crate) others: usize,
    /// Whether each cookie is a header field of its own (RFC 9113 §8.2.3).
    pub(crate) splits_cookies: bool,
    /// What a request without headers of its own has, where that is always the same.
    pub(super) bare: Option<HeaderMap>,
}

/// A header's place.
#[derive(Clone, Debug)]
pub(crate) struct HeaderSlot {
    pub(crate) name: HeaderName,
    /// The name in HTTP/1.1.
    pub(crate) spelled: Box<str>,
    /// What is sent if the user sets nothing; if there is none, the place is for the user's.
    pub(crate) default: Option<DefaultValue>,
    /// The requests that have the default.
    pub(crate) only: MethodCondition,
}

/// A value that a profile gives a header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum DefaultValue {
    Fixed(HeaderValue),
    /// The request's origin between two texts: `https://example.com` and `/`.
    Origin {
        before: Box<str>,
        after: Box<str>,
    },
    /// `host` or `host:port`, in HTTP/1.1's `Host`.
    Authority,
}

/// Which methods have a default.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum MethodCondition {
    #[default]
    All,
    /// All but GET and HEAD: what Fetch gives an `Origin` even to the page's own server.
    Unsafe,
}

impl HeaderTemplate {
    pub(crate) fn new(slots: Vec<HeaderSlot>, others: usize, splits_cookies: bool) -> Self {
        let mut bare = Some(HeaderMap::with_capacity(slots.len()));
        for slot in &slots {
            match (&slot.default, slot.only) {
                (None, _) => {}
                (Some(DefaultValue::Fixed(value)), MethodCondition::All) => {
                    if let Some(headers) = &mut bare {
                        headers.append(&slot.name, value.clone());
                    }
                }
                (Some(_), _) => bare = None,
            }
        }
        Self {
            slots,
            others,
            splits_cookies,
            bare,
        }
    }
}

impl RequestTemplates {
    /// The kind of this name, or the first.
    pub(crate) fn kind(&self, name: Option<&str>) -> Option<&RequestTemplate> {
        match name {
            None => self.kinds.first(),
            Some(name) => self.kinds.iter().find(|kind| &*kind.name == name),
        }
    }

    /// The kinds' names, the first being the default.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.iter().map(|kind| &*kind.name)
    }
}

impl HeaderTemplate {
    /// The default of this header, in lower case, if it is the same in all requests.
    pub(crate) fn fixed(&self, name: &str) -> Option<&str> {
        let slot = self.slots.iter().find(|slot| slot.name == name)?;
        match &slot.default {
            Some(DefaultValue::Fixed(value)) => value.to_str().ok(),
            _ => None,
        }
    }
}

impl MethodCondition {
    pub(crate) fn holds(self, method: &Method) -> bool {
        match self {
            Self::All => true,
            Self::Unsafe => !matches!(*method, Method::GET | Method::HEAD),
        }
    }
}
