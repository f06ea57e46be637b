//! Version 1: a line of text.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::header::{HeaderError, Progress, ProxyHeader};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

pub(super) fn parse(bytes: &[u8]) -> Result<Progress, HeaderError> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let (line, end) = bytes
        .split_at_checked(end.unwrap_or(bytes.len()))
        .unwrap_or_default();
    match end {
        // A single CR or LF is no end.
        b"\r\n" => decode(line).map(Progress::Whole),
        b"\r" | b"" if line.len() + END.len() > LONGEST => Err(HeaderError::TooLong),
        b"\r" => Ok(Progress::Needs(1)),
        b"" => Ok(Progress::Needs(
            SHORTEST.saturating_sub(line.len()).max(END.len()),
        )),
        _ => Err(HeaderError::LineEnd),
    }
}

fn decode(line: &[u8]) -> Result<ProxyHeader, HeaderError> {
    // Whatever comes behind the word is to be ignored.
    if line == UNKNOWN
        || line
            .strip_prefix(UNKNOWN)
            .is_some_and(|rest| rest.starts_with(b" "))
    {
        return Ok(ProxyHeader::default());
    }
    let words = std::str::from_utf8(line).map_err(|_| HeaderError::Address)?;
    let words: Vec<&str> = words.split(' ').collect();
    let addresses = match *words {
        ["PROXY", "TCP4", ref addresses @ ..] => decode_addresses::<Ipv4Addr>(addresses),
        ["PROXY", "TCP6", ref addresses @ ..] => decode_addresses::<Ipv6Addr>(addresses),
        _ => return Err(HeaderError::Unassigned),
    };
    Ok(ProxyHeader {
        addresses: Some(addresses.ok_or(HeaderError::Address)?),
        ..ProxyHeader::default()
    })
}

fn decode_addresses<T>(words: &[&str]) -> Option<(SocketAddr, SocketAddr)>
where
    T: FromStr + Into<std::net::IpAddr>,
{
    let [source, destination, source_port, destination_port] = words else {
        return None;
    };
    let address = |address: &str, number: &str| {
        let address: T = address.parse().ok()?;
        Some(SocketAddr::new(address.into(), port(number)?))
    };
    Some((
        address(source, source_port)?,
        address(destination, destination_port)?,
    ))
}

/// Decimal, without a sign and without leading zeros.
fn port(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

const UNKNOWN: &[u8] = b"PROXY UNKNOWN";

const END: &[u8] = b"\r\n";

/// `PROXY UNKNOWN` and its end.
pub(super) const SHORTEST: usize = 15;

/// The longest line that the specification allows, its end included: unknown, with two IPv6 addresses and ports.
const LONGEST: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(line: &str) -> Result<ProxyHeader, HeaderError> {
        match parse(line.as_bytes())? {
            Progress::Whole(header) => Ok(header),
            Progress::Needs(bytes) => panic!("needs {bytes} more"),
        }
    }

    #[test]
    fn addresses_are_read() {
        for (line, source, destination) in [
            (
                "PROXY TCP4 192.0.2.1 198.51.100.255 56324 443\r\n",
                "192.0.2.1:56324",
                "198.51.100.255:443",
            ),
            (
                "PROXY TCP6 2001:DB8::1 ::ffff:192.0.2.1 0 65535\r\n",
                "[2001:db8::1]:0",
                "[::ffff:192.0.2.1]:65535",
            ),
        ] {
            let header = whole(line).unwrap();
            assert_eq!(header.source(), Some(source.parse().unwrap()));
            assert_eq!(header.destination(), Some(destination.parse().unwrap()));
        }
    }

    #[test]
    fn the_unknown_has_no_addresses() {
        for line in [
            "PROXY UNKNOWN\r\n",
            "PROXY UNKNOWN \r\n",
            "PROXY UNKNOWN 192.0.2.1 and whatever\r\n",
        ] {
            assert_eq!(whole(line).unwrap(), ProxyHeader::default(), "{line}");
        }
    }

    #[test]
    fn what_differs_from_the_specification_is_refused() {
        for line in [
            "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1  2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
            "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
            "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
            "PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n",
            "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
            "PROXY UNKNOWNS 192.0.2.1\r\n",
            "PROXY unknown\r\n",
            "PROXY \r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r2",
            "PROXY UNKNOWN\n192.0.2.1\r\n",
        ] {
            assert!(whole(line).is_err(), "{line:?}");
        }
        let bytes = b"PROXY TCP4 \xff92.0.2.1 192.0.2.2 1 2\r\n";
        assert_eq!(parse(bytes), Err(HeaderError::Address));
    }

    #[test]
    fn no_line_is_longer_than_107_bytes() {
        let line = format!("PROXY UNKNOWN {}\r\n", "f".repeat(LONGEST - 16));
        assert_eq!(line.len(), LONGEST);
        assert!(whole(&line).is_ok());
        let longer = line.replace("\r\n", "f\r");
        assert_eq!(whole(&longer), Err(HeaderError::TooLong));
        assert_eq!(whole(&longer[..LONGEST - 1]), Err(HeaderError::TooLong));
    }
}
