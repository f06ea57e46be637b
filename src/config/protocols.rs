//! Which HTTP versions a connection may come to speak.

/// `h2` as ALPN spells it (RFC 9113 §3.1).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// `http/1.1` as ALPN spells it (RFC 7301 §6).
pub(crate) const ALPN_HTTP1: &[u8] = b"http/1.1";

/// What is offered, or accepted, by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Protocols {
    /// HTTP/2 and HTTP/1.1, HTTP/2 preferred. Without TLS it is HTTP/1.1.
    #[default]
    Any,
    /// HTTP/1.1 only. A listener also answers HTTP/1.0.
    Http1,
    /// HTTP/2 only; a client refuses a server that lacks it. Without TLS the other side must know beforehand (RFC 9113 §3.3).
    Http2,
}

impl Protocols {
    pub(crate) const ALL: [Self; 3] = [Self::Any, Self::Http1, Self::Http2];

    /// The protocols' names, the preferred first.
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Any => vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()],
            Self::Http1 => vec![ALPN_HTTP1.to_vec()],
            Self::Http2 => vec![ALPN_HTTP2.to_vec()],
        }
    }
}
