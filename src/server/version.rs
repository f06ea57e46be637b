//! Which version of HTTP a connection speaks.

use crate::config::{ALPN_HTTP1, ALPN_HTTP2, Protocols};
use crate::registry::Protocol;

/// What to speak over TLS when `alpn` was agreed; nothing when the client must be refused.
pub(super) fn agreed(protocols: Protocols, alpn: Option<&[u8]>) -> Option<Protocol> {
    match (protocols, alpn) {
        (Protocols::Any | Protocols::Http2, Some(ALPN_HTTP2)) => Some(Protocol::Http2),
        (Protocols::Any | Protocols::Http1, Some(ALPN_HTTP1) | None) => Some(Protocol::Http1),
        _ => None,
    }
}

/// What to speak without TLS.
pub(super) fn plain(protocols: Protocols) -> Protocol {
    match protocols {
        Protocols::Any | Protocols::Http1 => Protocol::Http1,
        Protocols::Http2 => Protocol::Http2,
    }
}
