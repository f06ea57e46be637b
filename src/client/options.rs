//! What a request says about its own appearance.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, Entry, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::profile::StreamPriority;

/// How one request differs from what its connection's profile would make of it. It goes into the request's
/// [extensions](http::request::Builder::extension):
///
/// ```
/// use hotpool::client::RequestOptions;
///
/// let request = http::Request::get("https://example.com/data.json")
///     .extension(RequestOptions::new().kind("fetch"))
///     .body(())?;
/// # Ok::<(), http::Error>(())
/// ```
///
/// Headers that the request itself has always win over the profile's, in the place where its client puts them. How they are compressed is
/// the client's way too: browsers do not exempt values that are [sensitive](http::HeaderValue::set_sensitive) from HPACK's table, but for
/// those that their profile names.
///
/// A part of a resource (`range`) is best asked for with `accept-encoding: identity`, as Chromium does: a profile's codings are not taken off
/// a `206`.
#[derive(Clone, Debug, Default)]
pub struct RequestOptions {
    pub(super) kind: Option<Cow<'static, str>>,
    pub(super) priority: Option<StreamPriority>,
    pub(super) without: Vec<HeaderName>,
    pub(super) own_headers_only: bool,
    pub(super) raw_body: bool,
    pub(super) replayable: bool,
    /// What may have reached a server is not sent again by the pool: its sender decides about that.
    pub(super) resend_unsent_only: bool,
    pub(super) max_retries: Option<usize>,
    pub(super) patience: Option<Duration>,
    pub(super) undressed: Undressed,
}

/// What goes with a request on a connection whose profile adds nothing to requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Undressed {
    /// Of these, those that the request has not itself.
    pub(super) headers: HeaderMap,
    /// Content codings to ask for, if neither a coding nor a part is asked for, and to decode in any case.
    pub(super) codings: Option<HeaderValue>,
}

/// Adds those of `defaults` that are not there.
pub(super) fn fill(headers: &mut HeaderMap, defaults: &HeaderMap) {
    for (name, value) in defaults {
        if let Entry::Vacant(vacant) = headers.entry(name) {
            vacant.insert(value.clone());
        }
    }
}

impl Undressed {
    /// The request's own headers, and what goes with them.
    pub(super) fn complete(&self, mut own: HeaderMap) -> HeaderMap {
        fill(&mut own, &self.headers);
        if let Some(codings) = &self.codings
            && !own.contains_key(ACCEPT_ENCODING)
            && !own.contains_key(RANGE)
        {
            own.insert(ACCEPT_ENCODING, codings.clone());
        }
        own
    }
}

impl RequestOptions {
    /// The profile's habits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the request is for, of the [kinds that the profile knows](crate::profile::Profile::request_kinds): it decides about
    /// the headers, their order and the stream's priority. Default: the profile's first kind, in browsers a navigation. A profile
    /// without kinds, such as `rustls`, adds nothing to requests and takes no notice.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The priority fields of the request's HEADERS frame instead of the kind's. It takes a profile with an HTTP/2 part.
    #[must_use]
    pub fn priority(mut self, priority: StreamPriority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Leaves out a header that the profile would add. May be called again.
    #[must_use]
    pub fn without(mut self, header: HeaderName) -> Self {
        self.without.push(header);
        self
    }

    /// Adds none of the profile's headers; the request's own are still put in its order.
    #[must_use]
    pub fn own_headers_only(mut self) -> Self {
        self.own_headers_only = true;
        self
    }

    /// The request may be processed twice: should its connection end before any answer, it is sent again, once, on another.
    ///
    /// Without this, nothing is sent again that the server might have processed, whatever its method: to a server that is not written
    /// by the book, a GET may do something. A body of more than 64 KiB, or one that is not in memory as a whole, cannot be sent again once
    /// a connection has had it. For all GET, HEAD, OPTIONS and TRACE requests of a pool there is
    /// [`replay_safe_methods`](crate::config::Config::replay_safe_methods).
    #[must_use]
    pub fn replayable(mut self) -> Self {
        self.replayable = true;
        self
    }

    /// How often the request is sent again at most, instead of the pool's [`max_retries`](crate::config::Config::max_retries).
    #[must_use]
    pub fn max_retries(mut self, retries: usize) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// How long the request waits for a connection, whenever it needs one, instead of the pool's
    /// [`acquire_timeout`](crate::config::Config::acquire_timeout); as [`get_within`](crate::Pool::get_within) does.
    #[must_use]
    pub fn acquire_within(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Hands out the response's body as it was sent, in whatever coding. Default: decoded, if it was the profile that asked for
    /// codings, and the feature `decompression` is on.
    #[must_use]
    pub fn raw_body(mut self) -> Self {
        self.raw_body = true;
        self
    }
}
