//! Version 2: binary, with fields for more than addresses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crc::{CRC_32_ISCSI, Crc};

use super::header::{HeaderError, Progress, ProxyHeader, fields};
use crate::profile::read::Reader;

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

pub(super) fn parse(bytes: &[u8]) -> Result<Progress, HeaderError> {
    let Some((start, block)) = bytes.split_first_chunk::<START>() else {
        return Ok(Progress::Needs(START - bytes.len()));
    };
    let [.., command, family, high, low] = *start;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if START + length > LONGEST {
        return Err(HeaderError::TooLong);
    }
    if block.len() < length {
        return Ok(Progress::Needs(length - block.len()));
    }
    match command {
        // Nothing else is to be looked at.
        LOCAL => Ok(Progress::Whole(ProxyHeader::default())),
        PROXY => decode(bytes, family, Reader::new(block)).map(Progress::Whole),
        _ => Err(HeaderError::Unassigned),
    }
}

/// Also what is valid and no TCP over IP is accepted, without addresses.
fn decode(header: &[u8], family: u8, mut block: Reader<'_>) -> Result<ProxyHeader, HeaderError> {
    let addresses = match (family >> 4, family & 0x0f) {
        (INET, STREAM | DATAGRAM) => pair::<_, 4>(&mut block, Ipv4Addr::from),
        (INET6, STREAM | DATAGRAM) => pair::<_, 16>(&mut block, Ipv6Addr::from),
        (UNIX, STREAM | DATAGRAM) => {
            block.take(UNIX_ADDRESSES).ok_or(HeaderError::Address)?;
            return with_fields(header, None, block.rest());
        }
        // It does not say where its addresses, if any, end, and the fields begin.
        (0..=UNIX, 0) | (0, 0..=DATAGRAM) => return Ok(ProxyHeader::default()),
        _ => return Err(HeaderError::Unassigned),
    };
    let addresses = addresses.ok_or(HeaderError::Address)?;
    let is_stream = family & 0x0f == STREAM;
    with_fields(header, is_stream.then_some(addresses), block.rest())
}

fn with_fields(
    header: &[u8],
    addresses: Option<(SocketAddr, SocketAddr)>,
    bytes: &[u8],
) -> Result<ProxyHeader, HeaderError> {
    // Behind the signature and so on, and behind the fields before it.
    let mut at = header.len() - bytes.len();
    for field in fields(bytes) {
        let (kind, value) = field.ok_or(HeaderError::Field)?;
        at += FIELD_START;
        if kind == CHECKSUM {
            let expected = value.try_into().map_err(|_| HeaderError::Field)?;
            if checksum(header, at) != u32::from_be_bytes(expected) {
                return Err(HeaderError::Checksum);
            }
        }
        at += value.len();
    }
    Ok(ProxyHeader {
        addresses,
        fields: bytes.into(),
    })
}

/// The CRC32c of `header`, with zeros in place of the four bytes that hold it.
fn checksum(header: &[u8], at: usize) -> u32 {
    let mut digest = CRC32C.digest();
    digest.update(header.get(..at).unwrap_or_default());
    digest.update(&[0; 4]);
    digest.update(header.get(at + 4..).unwrap_or_default());
    digest.finalize()
}

fn pair<T, const N: usize>(
    block: &mut Reader<'_>,
    address: impl Fn([u8; N]) -> T,
) -> Option<(SocketAddr, SocketAddr)>
where
    T: Into<std::net::IpAddr>,
{
    let [source, destination] =
        [block.array()?, block.array()?].map(|octets| address(octets).into());
    Some((
        SocketAddr::new(source, block.u16()?),
        SocketAddr::new(destination, block.u16()?),
    ))
}

/// As iSCSI's (RFC 4960 appendix B). By the bit: it is seldom, short, and needs no table.
const CRC32C: Crc<u32, crc::NoTable> = Crc::<u32, crc::NoTable>::new(&CRC_32_ISCSI);

/// Up to and including the length.
pub(super) const START: usize = 16;

/// The whole of it. Senders are to stay within 536 bytes, the smallest TCP segment; the certificate of a client makes it longer. nginx
/// reads as much.
const LONGEST: usize = 4096;

/// Type and length.
const FIELD_START: usize = 3;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

const INET: u8 = 1;
const INET6: u8 = 2;
const UNIX: u8 = 3;
const UNIX_ADDRESSES: usize = 2 * 108;

const STREAM: u8 = 1;
const DATAGRAM: u8 = 2;

const CHECKSUM: u8 = 0x03;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proxy_header::{ProxiedAddress, Tlv};

    use super::*;

    /// The bytes of a library that is not ours.
    fn encoded<'a>(
        address: Option<ProxiedAddress>,
        tlvs: impl IntoIterator<Item = Tlv<'a>>,
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = proxy_header::ProxyHeader::with_tlvs(address, tlvs);
        header.encode_v2(&mut bytes).unwrap();
        bytes
    }

    fn tcp4() -> ProxiedAddress {
        let [source, destination] =
            ["192.0.2.1:56324", "192.0.2.2:443"].map(|address| address.parse().unwrap());
        ProxiedAddress::stream(source, destination)
    }

    fn whole(bytes: &[u8]) -> Result<ProxyHeader, HeaderError> {
        match parse(bytes)? {
            Progress::Whole(header) => Ok(header),
            Progress::Needs(bytes) => panic!("needs {bytes} more"),
        }
    }

    fn with_start(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    #[test]
    fn the_example_of_the_specification_of_crc32c() {
        // RFC 3720 appendix B.4: 32 bytes of zeros, of which four would be the checksum's.
        assert_eq!(checksum(&[0; 32], 7), 0x8a91_36aa);
    }

    #[test]
    fn a_checksum_is_verified_wherever_it_stands() {
        for before in [vec![], vec![Tlv::Authority("a.test".into())]] {
            let tlvs = before.into_iter().chain([Tlv::Crc32c(0), Tlv::Noop(5)]);
            let mut bytes = encoded(Some(tcp4()), tlvs);
            let end = bytes.len() - (3 + 5);
            let sum = CRC32C.checksum(&bytes).to_be_bytes();
            assert_eq!(whole(&bytes), Err(HeaderError::Checksum));
            bytes[end - 4..end].copy_from_slice(&sum);
            assert!(whole(&bytes).is_ok());
            // Of another type, it would be none.
            for at in (START..bytes.len()).filter(|at| *at != end - 7) {
                let mut changed = bytes.clone();
                changed[at] ^= 0x40;
                assert!(whole(&changed).is_err(), "{at}");
            }
        }
        let bytes = encoded(Some(tcp4()), [Tlv::Custom(CHECKSUM, vec![0; 3].into())]);
        assert_eq!(whole(&bytes), Err(HeaderError::Field));
    }

    #[test]
    fn fields_are_kept() {
        let ssl = proxy_header::SslInfo::new(true, false, false, 0);
        let tlvs = [
            Tlv::Authority("a.test".into()),
            Tlv::Alpn(b"h2"[..].into()),
            Tlv::UniqueId(b"id"[..].into()),
            Tlv::Ssl(ssl),
        ];
        let header = whole(&encoded(Some(tcp4()), tlvs)).unwrap();
        assert_eq!(header.source(), Some(tcp4().source));
        assert_eq!(header.destination(), Some(tcp4().destination));
        assert_eq!(header.authority(), Some("a.test"));
        assert_eq!(
            (header.alpn(), header.unique_id()),
            (Some(&b"h2"[..]), Some(&b"id"[..]))
        );
        assert_eq!(header.field(0x20), Some(&[1, 0, 0, 0, 0][..]));
        assert_eq!(header.field(0xee), None);
    }

    #[test]
    fn who_speaks_for_itself_is_welcome_whatever_it_adds() {
        for (family, block) in [
            (0, &[][..]),
            (0x11, &[]),
            (0x11, &[1; 12]),
            (0xff, &[3, 0, 9]),
        ] {
            assert_eq!(
                whole(&with_start(LOCAL, family, block)),
                Ok(ProxyHeader::default())
            );
        }
    }

    #[test]
    fn what_is_no_tcp_has_no_addresses() {
        for (family, length) in [
            (0x00, 0),
            (0x00, 5),
            (0x01, 12),
            (0x10, 12),
            (0x12, 12),
            (0x22, 36),
            (0x31, 216),
        ] {
            let header = whole(&with_start(PROXY, family, &vec![0; length]));
            assert_eq!(header.unwrap().addresses, None, "{family:#x}");
        }
    }

    #[test]
    fn what_differs_from_the_specification_is_refused() {
        use HeaderError::{Address, Field, Unassigned};
        for (command, family, length, error) in [
            (0x22, 0x11, 12, Unassigned),
            (0x11, 0x11, 12, Unassigned),
            (PROXY, 0x13, 12, Unassigned),
            (PROXY, 0x41, 12, Unassigned),
            (PROXY, 0x11, 11, Address),
            (PROXY, 0x21, 35, Address),
            (PROXY, 0x31, 215, Address),
            (PROXY, 0x11, 13, Field),
            (PROXY, 0x31, 218, Field),
        ] {
            let header = whole(&with_start(command, family, &vec![9; length]));
            assert_eq!(header, Err(error), "{command:#x} {family:#x} {length}");
        }
    }

    #[test]
    fn an_announced_length_beyond_the_limit_is_not_waited_for() {
        let longest = with_start(PROXY, 0, &vec![0; LONGEST - START]);
        assert!(whole(&longest).is_ok());
        let longer = with_start(PROXY, 0, &vec![0; LONGEST - START + 1]);
        assert_eq!(whole(&longer[..START]), Err(HeaderError::TooLong));
    }

    proptest! {
        /// What the other library writes is read as it was meant, whatever the fields are.
        #[test]
        fn another_librarys_headers_are_read(
            source: SocketAddr,
            is_v6: bool,
            port: u16,
            tlvs in proptest::collection::vec((6..=255_u8, proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
        ) {
            let ip = if is_v6 { Ipv6Addr::LOCALHOST.into() } else { std::net::IpAddr::from(Ipv4Addr::LOCALHOST) };
            let source = SocketAddr::new(if source.is_ipv6() == is_v6 { source.ip() } else { ip }, source.port());
            let destination = SocketAddr::new(ip, port);
            let custom = tlvs.iter().map(|(kind, value)| Tlv::Custom(*kind, value.into()));
            let bytes = encoded(Some(ProxiedAddress::stream(source, destination)), custom);
            let header = whole(&bytes).unwrap();
            prop_assert_eq!(header.addresses, Some((source, destination)));
            for (kind, _) in &tlvs {
                let first = tlvs.iter().find(|(other, _)| other == kind).map(|(_, value)| &value[..]);
                prop_assert_eq!(header.field(*kind), first);
            }
        }

        /// Nothing panics, and what is read is what the other library reads of it.
        #[test]
        fn any_bytes_are_read_as_the_other_library_does(
            command in prop::sample::select(vec![0x20_u8, 0x21, 0x22, 0x10]),
            family in prop::sample::select(vec![0_u8, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32, 0x41]),
            block in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = with_start(command, family, &block);
            if let Ok(header) = whole(&bytes) && command == PROXY && family & 0x0f == STREAM {
                let (other, length) = proxy_header::ProxyHeader::parse(&bytes, proxy_header::ParseConfig::default()).unwrap();
                prop_assert_eq!(length, bytes.len());
                let addresses = other.proxied_address().map(|address| (address.source, address.destination));
                prop_assert_eq!(header.addresses, addresses);
            }
        }
    }
}
