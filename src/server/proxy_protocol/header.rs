//! What a PROXY header says.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{v1, v2};
use crate::profile::read::Reader;
use crate::registry::Entry;

/// What a trusted proxy said in its PROXY header of the connection that it forwards.
///
/// It is found among the [attributes](Entry::attributes) of the connection, under [`ATTRIBUTE`](Self::ATTRIBUTE). A proxy that speaks
/// for itself, as in its health checks (LOCAL, and in version 1 UNKNOWN), and one that forwards what is not TCP, says nothing here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyHeader {
    pub(super) addresses: Option<(SocketAddr, SocketAddr)>,
    /// Whole type-length-value fields only.
    pub(super) fields: Box<[u8]>,
}

impl ProxyHeader {
    /// The name of the attribute that holds it.
    pub const ATTRIBUTE: &'static str = "proxy-header";

    /// The one that `connection` began with.
    pub fn of(connection: &Entry) -> Option<Arc<Self>> {
        connection.attributes().value(Self::ATTRIBUTE).ok()
    }

    /// The client's address, as the proxy sees it.
    pub fn source(&self) -> Option<SocketAddr> {
        self.addresses.map(|(source, _)| source)
    }

    /// Where the client connected to.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.addresses.map(|(_, destination)| destination)
    }

    /// The protocol that the client and the proxy agreed on (`PP2_TYPE_ALPN`).
    pub fn alpn(&self) -> Option<&[u8]> {
        self.field(ALPN)
    }

    /// The host that the client asked the proxy for (`PP2_TYPE_AUTHORITY`); none if it is not UTF-8.
    pub fn authority(&self) -> Option<&str> {
        self.field(AUTHORITY)
            .and_then(|name| std::str::from_utf8(name).ok())
    }

    /// The proxy's name for the connection (`PP2_TYPE_UNIQUE_ID`).
    pub fn unique_id(&self) -> Option<&[u8]> {
        self.field(UNIQUE_ID)
    }

    /// The first field of type `kind`, as it was sent: for those that this crate makes nothing of, such as the client's certificate
    /// (`PP2_TYPE_SSL`, 0x20). Version 1 has none.
    pub fn field(&self, kind: u8) -> Option<&[u8]> {
        fields(&self.fields)
            .map_while(|field| field)
            .find_map(|(found, value)| (found == kind).then_some(value))
    }
}

/// How far a header has got.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// At least so many more bytes belong to it.
    Needs(usize),
    /// It is there.
    Whole(ProxyHeader),
}

/// Why bytes are no header. More of them would not help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HeaderError {
    Address,
    Checksum,
    Field,
    LineEnd,
    Signature,
    TooLong,
    Unassigned,
}

/// Reads a header that begins with `bytes`, which must not reach behind it.
pub(super) fn parse(bytes: &[u8]) -> Result<Progress, HeaderError> {
    if bytes.is_empty() {
        Ok(Progress::Needs(v1::SHORTEST.min(v2::START)))
    } else if begins(bytes, v2::SIGNATURE) {
        v2::parse(bytes)
    } else if begins(bytes, v1::SIGNATURE) {
        v1::parse(bytes)
    } else {
        Err(HeaderError::Signature)
    }
}

/// The type and the value of each of `fields`; none for the first that is cut short, and the ones behind it.
pub(super) fn fields(bytes: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || {
        (!reader.is_empty()).then(|| Some((reader.u8()?, reader.vector16()?.rest())))
    })
    .scan(false, |is_over, field| {
        (!std::mem::replace(is_over, field.is_none())).then_some(field)
    })
}

/// As far as there are bytes, or there is a signature.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    std::iter::zip(bytes, signature).all(|(byte, expected)| byte == expected)
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "a PROXY header with a malformed address",
            Self::Checksum => "a PROXY header with a wrong checksum",
            Self::Field => "a PROXY header with a malformed field",
            Self::LineEnd => "a PROXY header with a malformed end of line",
            Self::Signature => "no PROXY header",
            Self::TooLong => "a PROXY header that is too long",
            Self::Unassigned => "a PROXY header with an unassigned command or family",
        })
    }
}

impl std::error::Error for HeaderError {}

impl From<HeaderError> for io::Error {
    fn from(error: HeaderError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const UNIQUE_ID: u8 = 0x05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_with_the_first_that_is_cut_short() {
        let found: Vec<_> = fields(&[1, 0, 1, 9, 5, 0, 0, 7, 0, 2, 1]).collect();
        assert_eq!(found, [Some((1, &[9][..])), Some((5, &[][..])), None]);
        assert_eq!(fields(&[]).count(), 0);
    }

    #[test]
    fn other_beginnings_are_refused_at_once() {
        for bytes in [
            &b"G"[..],
            b"PROXY\t",
            b"\x16\x03\x01",
            b"\r\n\r\n\0\r\nQUIT\r",
        ] {
            assert_eq!(parse(bytes), Err(HeaderError::Signature), "{bytes:?}");
        }
        for bytes in [&b""[..], b"P", b"\r\n\r\n"] {
            assert!(matches!(parse(bytes), Ok(Progress::Needs(_))), "{bytes:?}");
        }
    }
}
