//! Which HTTP versions a connection may come to speak.

/// What is offered by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Protocols {
    /// `h2` and `http/1.1`: the server chooses. Without TLS it is HTTP/1.1.
    #[default]
    Any,
    /// `http/1.1` only.
    Http1,
    /// `h2` only; a server that lacks it is an error. Without TLS the server must know beforehand (RFC 9113 §3.3).
    Http2,
}

impl Protocols {
    pub(super) const ALL: [Self; 3] = [Self::Any, Self::Http1, Self::Http2];

    pub(super) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Any => vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()],
            Self::Http1 => vec![ALPN_HTTP1.to_vec()],
            Self::Http2 => vec![ALPN_HTTP2.to_vec()],
        }
    }
}

pub(super) const ALPN_HTTP2: &[u8] = b"h2";
pub(super) const ALPN_HTTP1: &[u8] = b"http/1.1";
