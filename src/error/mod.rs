//! What can go wrong, whose fault it is, and whether a retry is safe.
//!
//! There is one [`Error`]. It has a [`kind`](Error::kind), the host, address and profile it concerns, a source chain, and the two
//! facts a caller needs to decide what to do next: [was the request sent](Error::was_sent) and
//! [is a retry safe](Error::is_retryable).

mod classify;
mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

pub use kind::{ErrorKind, Fault};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Arc<dyn StdError + Send + Sync>;

/// Why a connection could not be had or a request not be answered.
///
/// Cloning is cheap: one failed dial is reported to every caller that waited for it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    detail: Option<Arc<str>>,
    host: Option<Arc<str>>,
    address: Option<SocketAddr>,
    profile: Option<Arc<str>>,
    proxy: Option<Arc<str>>,
    sent: bool,
    retryable: bool,
    source: Option<Source>,
}

impl Error {
    /// An error of `kind`, about a request that was not sent.
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: None,
            host: None,
            address: None,
            profile: None,
            proxy: None,
            sent: false,
            retryable: kind.is_transient(),
            source: None,
        }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.0.kind.fault()
    }

    /// The host that was asked for, without its port.
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The remote address, once one had been chosen; of a connection through a proxy, the proxy's.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address
    }

    /// The profile that the connection was to have, where that matters.
    pub fn profile(&self) -> Option<&str> {
        self.0.profile.as_deref()
    }

    /// The proxy that the connection was to lead through, without its credentials. Then [`address`](Self::address) is the proxy's, and
    /// the kind tells whether it is the proxy that failed.
    pub fn proxy(&self) -> Option<&str> {
        self.0.proxy.as_deref()
    }

    /// Whether any byte of the request may have reached the server.
    ///
    /// `false` is a promise; `true` is a possibility.
    pub fn was_sent(&self) -> bool {
        self.0.sent
    }

    /// Whether the same request may be tried again without the risk that the server acts on it twice.
    ///
    /// True when the cause is a passing one and the request was not sent, or the server said that it did not process it.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.0.kind.is_timeout()
    }

    /// Whether the server's certificate was refused.
    pub fn is_certificate(&self) -> bool {
        self.0.kind.is_certificate()
    }
}

/// For those who make errors: the crate's modules, and users' own resolvers and the like.
impl Error {
    /// Says more about this one case.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Arc<str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Says which host it is about; the innermost layer that knew one is kept.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.0.host.get_or_insert_with(|| host.into());
        self
    }

    pub(crate) fn with_address(mut self, address: SocketAddr) -> Self {
        self.0.address.get_or_insert(address);
        self
    }

    pub(crate) fn with_profile(mut self, profile: &Arc<str>) -> Self {
        self.0.profile.get_or_insert_with(|| Arc::clone(profile));
        self
    }

    pub(crate) fn with_proxy(mut self, proxy: &Arc<str>) -> Self {
        self.0.proxy.get_or_insert_with(|| Arc::clone(proxy));
        self
    }

    /// Keeps what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The request may have reached the server, so a retry is no longer known to be safe.
    pub(crate) fn sent(mut self) -> Self {
        self.0.sent = true;
        self.0.retryable = false;
        self
    }

    /// The server proved that it did not process the request (RFC 9113 §8.7).
    pub(crate) fn not_processed(mut self) -> Self {
        self.0.retryable = true;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            detail,
            host,
            address,
            profile,
            proxy,
            ..
        } = &*self.0;
        write!(f, "{}", kind.describe())?;
        if let Some(detail) = detail {
            write!(f, ": {detail}")?;
        }
        match (host, address) {
            (Some(host), Some(address)) => write!(f, " (host {host}, address {address}")?,
            (Some(host), None) => write!(f, " (host {host}")?,
            (None, Some(address)) => write!(f, " (address {address}")?,
            (None, None) => return Ok(()),
        }
        if let Some(proxy) = proxy {
            write!(f, ", proxy {proxy}")?;
        }
        if let Some(profile) = profile {
            write!(f, ", profile {profile}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            detail,
            host,
            address,
            profile,
            proxy,
            sent,
            retryable,
            source,
        } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("detail", detail)
            .field("host", host)
            .field("address", address)
            .field("profile", profile)
            .field("proxy", proxy)
            .field("sent", sent)
            .field("retryable", retryable)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_kind_detail_host_and_address() {
        let error = Error::new(ErrorKind::ConnectRefused)
            .with_host("example.com")
            .with_address(SocketAddr::from(([127, 0, 0, 1], 443)));
        assert_eq!(
            error.to_string(),
            "connection refused (host example.com, address 127.0.0.1:443)"
        );
    }

    #[test]
    fn the_innermost_host_is_kept() {
        let error = Error::new(ErrorKind::HostNotFound)
            .with_host("inner")
            .with_host("outer");
        assert_eq!(error.host(), Some("inner"));
    }

    #[test]
    fn a_sent_request_is_retryable_only_when_the_server_did_not_process_it() {
        let error = Error::new(ErrorKind::ConnectionClosed);
        assert!(error.is_retryable() && !error.was_sent());
        let error = error.sent();
        assert!(!error.is_retryable() && error.was_sent());
        assert!(error.not_processed().is_retryable());
    }
}
