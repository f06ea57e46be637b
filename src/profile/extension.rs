//! One extension of a ClientHello, and what the bodies of some of them say.

use super::grease::is_grease;
use super::hello_error::{HelloError, required};
use super::read::Reader;

/// An extension as it was sent (RFC 8446 section 4.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Extension {
    id: u16,
    body: Box<[u8]>,
}

impl Extension {
    /// The extension's number in IANA's registry of TLS ExtensionType values.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// The content, without type and length.
    pub const fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether the number is a GREASE value (RFC 8701).
    pub const fn is_grease(&self) -> bool {
        is_grease(self.id)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            id: reader.u16()?,
            body: reader.vector16()?.rest().into(),
        })
    }
}

pub(super) const SERVER_NAME: u16 = 0;
pub(super) const SUPPORTED_GROUPS: u16 = 10;
pub(super) const POINT_FORMATS: u16 = 11;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const ALPN: u16 = 16;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
pub(super) const KEY_SHARE: u16 = 51;

/// What the known extensions say; empty where the client did not send them. Of one sent twice, which RFC 8446 section 4.2
/// forbids, the first counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Decoded {
    pub(super) alpn_protocols: Vec<Box<[u8]>>,
    pub(super) key_share_groups: Vec<u16>,
    pub(super) point_formats: Vec<u8>,
    pub(super) server_name: Option<Box<str>>,
    pub(super) signature_algorithms: Vec<u16>,
    pub(super) supported_groups: Vec<u16>,
    pub(super) supported_versions: Vec<u16>,
}

impl Decoded {
    pub(super) fn from_extensions(all: &[Extension]) -> Result<Self, HelloError> {
        let names = |body: &mut Reader<'_>| body.vector16()?.all(protocol_name);
        let shares = |body: &mut Reader<'_>| body.vector16()?.all(key_share_group);
        let short_list = |body: &mut Reader<'_>| body.vector8()?.all(Reader::u16);
        let list = |body: &mut Reader<'_>| body.vector16()?.all(Reader::u16);
        let formats = |body: &mut Reader<'_>| Some(body.vector8()?.rest().to_vec());
        Ok(Self {
            alpn_protocols: decode(all, ALPN, "application_layer_protocol_negotiation", names)?,
            key_share_groups: decode(all, KEY_SHARE, "key_share", shares)?,
            point_formats: decode(all, POINT_FORMATS, "ec_point_formats", formats)?,
            server_name: decode(all, SERVER_NAME, "server_name", host_name)?,
            signature_algorithms: decode(all, SIGNATURE_ALGORITHMS, "signature_algorithms", list)?,
            supported_groups: decode(all, SUPPORTED_GROUPS, "supported_groups", list)?,
            supported_versions: decode(all, SUPPORTED_VERSIONS, "supported_versions", short_list)?,
        })
    }
}

fn decode<T: Default>(
    all: &[Extension],
    id: u16,
    field: &'static str,
    content: impl Fn(&mut Reader<'_>) -> Option<T>,
) -> Result<T, HelloError> {
    let Some(extension) = all.iter().find(|extension| extension.id == id) else {
        return Ok(T::default());
    };
    let mut body = Reader::new(&extension.body);
    let content = content(&mut body).filter(|_| body.is_empty());
    required(content, field)
}

/// A ProtocolName (RFC 7301 section 3.1).
fn protocol_name(list: &mut Reader<'_>) -> Option<Box<[u8]>> {
    Some(list.vector8()?.rest().into())
}

/// The group of a KeyShareEntry (RFC 8446 section 4.2.8); the key is stepped over.
fn key_share_group(list: &mut Reader<'_>) -> Option<u16> {
    let group = list.u16()?;
    list.vector16()?;
    Some(group)
}

/// The groups and keys of a `key_share` extension's body; `None` if it is malformed.
pub(super) fn key_shares(body: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    Reader::new(body)
        .vector16()?
        .all(|list| Some((list.u16()?, list.vector16()?.rest())))
}

/// The first name of type `host_name` in a ServerNameList (RFC 6066 section 3).
fn host_name(body: &mut Reader<'_>) -> Option<Option<Box<str>>> {
    const HOST_NAME: u8 = 0;
    let names = body
        .vector16()?
        .all(|list| Some((list.u8()?, list.vector16()?.rest())))?;
    let Some((_, name)) = names.into_iter().find(|(kind, _)| *kind == HOST_NAME) else {
        return Some(None);
    };
    Some(Some(str::from_utf8(name).ok()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(id: u16, body: &[u8]) -> Extension {
        Extension {
            id,
            body: body.into(),
        }
    }

    #[test]
    fn the_first_of_two_counts() {
        let twice = [extension(43, &[2, 3, 4]), extension(43, &[2, 3, 3])];
        assert_eq!(
            Decoded::from_extensions(&twice).unwrap().supported_versions,
            [0x0304]
        );
    }

    #[test]
    fn an_error_names_the_extension() {
        for (id, body, field) in [
            (0, &b"\x00\x04\x00\x00\x01\xff"[..], "server_name"),
            (10, &[0, 3, 0, 29, 0], "supported_groups"),
            (13, &[0, 2, 4, 3, 9], "signature_algorithms"),
            (
                16,
                &[0, 3, 3, b'h', b'2'],
                "application_layer_protocol_negotiation",
            ),
            (43, &[], "supported_versions"),
            (51, &[0, 4, 0, 29, 0, 32], "key_share"),
        ] {
            let error = Decoded::from_extensions(&[extension(id, body)]).unwrap_err();
            assert_eq!(error, HelloError::Malformed { field });
        }
    }

    #[test]
    fn a_name_of_another_type_is_no_host() {
        let names = extension(SERVER_NAME, b"\x00\x09\x07\x00\x01z\x00\x00\x02ab");
        let decoded = Decoded::from_extensions(&[names]).unwrap();
        assert_eq!(decoded.server_name.as_deref(), Some("ab"));
    }
}
