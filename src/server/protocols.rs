//! Which versions of HTTP a listener speaks.

use crate::registry::Protocol;

/// Which versions of HTTP a listener speaks.
///
/// Over TLS the client chooses by ALPN; one that sends no ALPN gets HTTP/1.1 or, where that is not
/// spoken, is refused (RFC 9113 §3.2). Without TLS nothing is negotiated: HTTP/2 is spoken only
/// where it is the only one, by prior knowledge, and otherwise HTTP/1.1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Protocols {
    /// HTTP/1.1, and HTTP/1.0 for clients that know no better.
    Http1,
    /// Both; HTTP/2 is preferred.
    #[default]
    Http1AndHttp2,
    /// HTTP/2.
    Http2,
}

impl Protocols {
    /// What is offered by ALPN, the preferred first.
    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![HTTP1.to_vec()],
            Self::Http1AndHttp2 => vec![HTTP2.to_vec(), HTTP1.to_vec()],
            Self::Http2 => vec![HTTP2.to_vec()],
        }
    }

    /// What to speak over TLS when `alpn` was agreed; nothing when the client must be refused.
    pub(super) fn agreed(self, alpn: Option<&[u8]>) -> Option<Protocol> {
        match (self, alpn) {
            (Self::Http1AndHttp2 | Self::Http2, Some(HTTP2)) => Some(Protocol::Http2),
            (Self::Http1AndHttp2 | Self::Http1, Some(HTTP1) | None) => Some(Protocol::Http1),
            _ => None,
        }
    }

    /// What to speak without TLS.
    pub(super) fn plain(self) -> Protocol {
        match self {
            Self::Http1 | Self::Http1AndHttp2 => Protocol::Http1,
            Self::Http2 => Protocol::Http2,
        }
    }
}

/// The ALPN names (RFC 7301 §6, RFC 9113 §3.1).
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";
