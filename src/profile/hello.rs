//! A ClientHello, read from the wire.

use super::extension::{Decoded, Extension};
use super::hello_error::{HelloError, required};
use super::read::Reader;
use super::record::read_record;

/// What a TLS client offers first (RFC 8446 section 4.1.2), GREASE included, everything in the order of the wire.
///
/// The bodies of the extensions that the accessors decode have been checked; all other bodies are kept as they came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientHello {
    record_version: Option<u16>,
    legacy_version: u16,
    random: [u8; 32],
    session_id: Box<[u8]>,
    cipher_suites: Vec<u16>,
    compression_methods: Box<[u8]>,
    extensions: Vec<Extension>,
    decoded: Decoded,
    /// Of the message, header included.
    length: usize,
}

impl ClientHello {
    /// Reads the hello from the TLS records that carry it, however many they are. What follows it is ignored.
    ///
    /// [`HelloError::Truncated`] means that more bytes are needed, so this can be called again as they arrive.
    pub fn from_records(records: &[u8]) -> Result<Self, HelloError> {
        let mut reader = Reader::new(records);
        let mut message = Vec::new();
        let mut record_version = None;
        loop {
            let (version, fragment) = read_record(&mut reader, message.is_empty())?;
            let first = *record_version.get_or_insert(version);
            message.extend_from_slice(fragment);
            match Self::from_message(&message) {
                Err(HelloError::Truncated) if !reader.is_empty() => {}
                outcome => {
                    return Ok(Self {
                        record_version: Some(first),
                        ..outcome?
                    });
                }
            }
        }
    }

    /// Reads the hello from the handshake message: type, length, body. What follows it is ignored.
    pub fn from_message(message: &[u8]) -> Result<Self, HelloError> {
        let mut reader = Reader::new(message);
        if reader.u8().ok_or(HelloError::Truncated)? != CLIENT_HELLO {
            return Err(HelloError::NotClientHello);
        }
        let length = reader.u24().ok_or(HelloError::Truncated)? as usize;
        if length > MAXIMUM_LENGTH {
            return Err(HelloError::Malformed { field: "length" });
        }
        Self::from_body(Reader::new(
            reader.take(length).ok_or(HelloError::Truncated)?,
        ))
    }

    /// The version in the header of the first record, or `None` if the hello was read without records.
    pub const fn record_version(&self) -> Option<u16> {
        self.record_version
    }

    /// The version in the hello itself: `0x0303` for TLS 1.2 and, since it is frozen, for TLS 1.3.
    pub const fn legacy_version(&self) -> u16 {
        self.legacy_version
    }

    /// The client random.
    pub const fn random(&self) -> &[u8; 32] {
        &self.random
    }

    /// The legacy session id, at most 32 bytes.
    pub const fn session_id(&self) -> &[u8] {
        &self.session_id
    }

    /// The cipher suites by their numbers.
    pub fn cipher_suites(&self) -> &[u16] {
        &self.cipher_suites
    }

    /// The compression methods; one zero in any modern hello.
    pub const fn compression_methods(&self) -> &[u8] {
        &self.compression_methods
    }

    /// All extensions.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The first extension with this number, if it was sent.
    pub fn extension(&self, id: u16) -> Option<&Extension> {
        self.extensions
            .iter()
            .find(|extension| extension.id() == id)
    }

    /// The protocol names of the ALPN extension (RFC 7301).
    pub fn alpn_protocols(&self) -> impl Iterator<Item = &[u8]> {
        self.decoded.alpn_protocols.iter().map(AsRef::as_ref)
    }

    /// The groups for which a key share was sent (RFC 8446 section 4.2.8).
    pub fn key_share_groups(&self) -> &[u16] {
        &self.decoded.key_share_groups
    }

    /// The elliptic curve point formats (RFC 8422 section 5.1.2).
    pub fn point_formats(&self) -> &[u8] {
        &self.decoded.point_formats
    }

    /// The host name of the server name extension (RFC 6066 section 3).
    pub fn server_name(&self) -> Option<&str> {
        self.decoded.server_name.as_deref()
    }

    /// The signature algorithms (RFC 8446 section 4.2.3).
    pub fn signature_algorithms(&self) -> &[u16] {
        &self.decoded.signature_algorithms
    }

    /// The key exchange groups, named curves before TLS 1.3 (RFC 8446 section 4.2.7).
    pub fn supported_groups(&self) -> &[u16] {
        &self.decoded.supported_groups
    }

    /// The versions of the supported versions extension (RFC 8446 section 4.2.1); empty before TLS 1.3.
    pub fn supported_versions(&self) -> &[u16] {
        &self.decoded.supported_versions
    }

    /// Whether `other` says the same, in a record of this version if it came in one.
    pub(super) fn is_same(&self, other: &Self, record_version: u16) -> bool {
        let expected = other.record_version.map(|_| record_version);
        other.record_version == expected
            && self.legacy_version == other.legacy_version
            && self.random == other.random
            && self.session_id == other.session_id
            && self.cipher_suites == other.cipher_suites
            && self.compression_methods == other.compression_methods
            && self.extensions == other.extensions
    }

    /// How long the handshake message is, its header included.
    pub const fn message_length(&self) -> usize {
        self.length
    }

    fn from_body(mut body: Reader<'_>) -> Result<Self, HelloError> {
        let length = HEADER + body.rest().len();
        let legacy_version = required(body.u16(), "legacy_version")?;
        let random = required(body.array(), "random")?;
        let session_id = body.vector8().filter(|id| id.rest().len() <= random.len());
        let session_id = required(session_id, "legacy_session_id")?.rest().into();
        let cipher_suites = body.vector16().and_then(|suites| suites.all(Reader::u16));
        let cipher_suites = required(cipher_suites, "cipher_suites")?;
        let compression_methods = required(body.vector8(), "legacy_compression_methods")?;
        let extensions = required(read_extensions(body), "extensions")?;
        Ok(Self {
            record_version: None,
            length,
            legacy_version,
            random,
            session_id,
            cipher_suites,
            compression_methods: compression_methods.rest().into(),
            decoded: Decoded::from_extensions(&extensions)?,
            extensions,
        })
    }
}

/// Before TLS 1.3 a hello could end without a list of extensions (RFC 5246 section 7.4.1.2).
fn read_extensions(mut body: Reader<'_>) -> Option<Vec<Extension>> {
    if body.is_empty() {
        return Some(Vec::new());
    }
    let list = body.vector16()?;
    if body.is_empty() {
        list.all(Extension::read)
    } else {
        None
    }
}

/// Type and length of a handshake message.
const HEADER: usize = 4;

/// HandshakeType `client_hello`.
const CLIENT_HELLO: u8 = 1;

/// The sum of the fields at their longest: two bytes of version, random, session id, suites, compression methods, extensions.
/// A hello that announces more is refused at once rather than waited for.
const MAXIMUM_LENGTH: usize = 2 + 32 + (1 + 32) + (2 + 0xfffe) + (1 + 0xff) + (2 + 0xffff);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tests::{chromium, firefox, go};

    /// The records of `hello`, cut anew so that none carries more than `limit` bytes.
    fn resplit(hello: &[u8], limit: usize) -> Vec<u8> {
        hello[5..]
            .chunks(limit)
            .flat_map(|part| {
                let length = u16::try_from(part.len()).unwrap().to_be_bytes();
                [&[22, 3, 1][..], &length, part].concat()
            })
            .collect()
    }

    #[test]
    fn go_is_read_field_by_field() {
        let hello = ClientHello::from_records(&go()).unwrap();
        assert_eq!(hello.record_version(), Some(0x0301));
        assert_eq!(hello.legacy_version(), 0x0303);
        assert_eq!(hello.random()[..2], [0x40, 0x85]);
        assert_eq!(hello.session_id().len(), 32);
        assert_eq!(hello.cipher_suites().len(), 19);
        assert_eq!(hello.compression_methods(), [0]);
        let order: Vec<u16> = hello.extensions().iter().map(Extension::id).collect();
        assert_eq!(order, [0, 5, 10, 11, 13, 0xff01, 16, 18, 43, 51]);
        assert_eq!(hello.extension(0xff01).map(Extension::body), Some(&[0][..]));
        assert_eq!(
            hello.alpn_protocols().collect::<Vec<_>>(),
            [&b"h2"[..], b"http/1.1"]
        );
        assert_eq!(hello.key_share_groups(), [29]);
        assert_eq!(hello.point_formats(), [0]);
        assert_eq!(hello.server_name(), Some("www.example.test"));
        assert_eq!(hello.signature_algorithms().first(), Some(&0x0804));
        assert_eq!(hello.supported_groups(), [29, 23, 24, 25]);
        assert_eq!(hello.supported_versions(), [0x0304, 0x0303]);
    }

    #[test]
    fn the_record_boundaries_do_not_matter() {
        for records in [go(), chromium(), firefox()] {
            let hello = ClientHello::from_message(&records[5..]).unwrap();
            assert_eq!(hello.record_version(), None);
            for limit in [1, 3, 4, 100] {
                let split = ClientHello::from_records(&resplit(&records, limit)).unwrap();
                assert_eq!(
                    ClientHello {
                        record_version: None,
                        ..split
                    },
                    hello
                );
            }
        }
    }

    #[test]
    fn every_prefix_is_truncated_and_every_suffix_ignored() {
        for records in [go(), resplit(&go(), 50)] {
            let hello = ClientHello::from_records(&records);
            assert!(hello.is_ok());
            for length in 0..records.len() {
                let prefix = ClientHello::from_records(&records[..length]);
                assert_eq!(prefix, Err(HelloError::Truncated), "{length}");
            }
            let followed = [&records[..], &[20, 3, 3, 0, 1, 1]].concat();
            assert_eq!(ClientHello::from_records(&followed), hello);
        }
    }

    #[test]
    fn other_beginnings_are_refused_at_once() {
        let refused = |bytes: &[u8]| ClientHello::from_records(bytes).unwrap_err();
        assert_eq!(refused(b"GET / HTTP/1.1\r\n"), HelloError::NotClientHello);
        assert_eq!(refused(&[22, 3, 3, 0, 4, 2]), HelloError::NotClientHello);
        assert_eq!(
            refused(&[22, 3, 3, 0, 0]),
            HelloError::Malformed {
                field: "record length"
            }
        );
        assert_eq!(
            refused(&[22, 3, 3, 64, 1]),
            HelloError::Malformed {
                field: "record length"
            }
        );
        assert_eq!(
            refused(&[22, 3, 1, 0, 4, 1, 9, 9, 9]),
            HelloError::Malformed { field: "length" }
        );
        let interrupted = [22, 3, 1, 0, 1, 1, 21, 3, 1, 0, 2, 1, 0];
        assert_eq!(
            refused(&interrupted),
            HelloError::Malformed {
                field: "record type"
            }
        );
    }

    #[test]
    fn a_hello_without_extensions_is_one() {
        let body = [&[3, 1][..], &[7; 32], &[0], &[0, 2, 0, 47], &[1, 0]].concat();
        let hello = ClientHello::from_body(Reader::new(&body)).unwrap();
        assert_eq!(hello.extensions(), []);
        assert_eq!(hello.cipher_suites(), [47]);
    }
}
