//! Which client a request is of, where proxies send those of many over one connection.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

use super::forwarded::{Node, elements, forwarded_for, x_forwarded_for};
use super::trusted::TrustedProxies;

/// The client that made a request: among the [extensions](http::Extensions) of each request that a handler gets.
///
/// It is the [connection's](crate::registry::Entry::client_addr), unless that is of a
/// [trusted proxy](super::ListenerBuilder::trusted_proxies). Then it is taken from `Forwarded` (RFC 7239) or `X-Forwarded-For`: from the
/// right, as long as who added an element is a trusted proxy. What is left of that anybody may have written, and it is not looked at. The
/// same holds for the first element that is no address (`unknown`, `_hidden`, malformed): then the client is the proxy that added it.
/// So it is for what is behind the 32nd proxy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ClientAddress {
    ip: IpAddr,
    port: Option<u16>,
    source: AddressSource,
}

/// Who says what the address of a client is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AddressSource {
    /// The connection: the socket's peer, or its PROXY header.
    Connection,
    /// The header `Forwarded`.
    Forwarded,
    /// The header `X-Forwarded-For`.
    XForwardedFor,
}

/// In which header trusted proxies say for whom they ask. A proxy that adds to one of them may let the other pass as the client wrote it:
/// so it is best to say which.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AddressHeader {
    /// In the one that a request has. Where it has both and they do not agree on the client, one is a forgery, and neither is believed: the
    /// client is the connection's. Every trusted proxy must add to one of them.
    #[default]
    Either,
    /// `Forwarded` only.
    Forwarded,
    /// `X-Forwarded-For` only.
    XForwardedFor,
    /// In none: the client is always the connection's.
    Neither,
}

impl ClientAddress {
    /// The address; an IPv4 address never in IPv6's form.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The port, if it was said.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Who said so.
    pub fn source(&self) -> AddressSource {
        self.source
    }

    pub(super) fn of_connection(address: SocketAddr) -> Self {
        Self {
            ip: address.ip().to_canonical(),
            port: Some(address.port()),
            source: AddressSource::Connection,
        }
    }

    /// The client of a request with `headers`, on a connection of `connection`.
    pub(super) fn of_request(
        connection: Self,
        headers: &HeaderMap,
        wanted: AddressHeader,
        trusted: &TrustedProxies,
    ) -> Self {
        if !trusted.contains(connection.ip) {
            return connection;
        }
        let walk = |name, node| walk(connection.ip, headers, name, node, trusted);
        let forwarded = || walk(FORWARDED, forwarded_for);
        let x_forwarded_for = || walk(X_FORWARDED_FOR, x_forwarded_for);
        let (node, source) = match wanted {
            AddressHeader::Neither => return connection,
            AddressHeader::Forwarded => (forwarded(), AddressSource::Forwarded),
            AddressHeader::XForwardedFor => (x_forwarded_for(), AddressSource::XForwardedFor),
            AddressHeader::Either if !headers.contains_key(FORWARDED) => {
                (x_forwarded_for(), AddressSource::XForwardedFor)
            }
            AddressHeader::Either if !headers.contains_key(X_FORWARDED_FOR) => {
                (forwarded(), AddressSource::Forwarded)
            }
            AddressHeader::Either => {
                let other = x_forwarded_for().map(|node| node.ip);
                let agreed = forwarded().filter(|node| Some(node.ip) == other);
                (agreed, AddressSource::Forwarded)
            }
        };
        node.map_or(connection, |Node { ip, port }| Self { ip, port, source })
    }
}

/// The client as the header `name` has it; none if nobody who is trusted said anything there.
fn walk(
    connection: IpAddr,
    headers: &HeaderMap,
    name: HeaderName,
    node: fn(&[u8]) -> Option<Node>,
    trusted: &TrustedProxies,
) -> Option<Node> {
    let lines = headers.get_all(name).iter().rev();
    let mut elements = lines
        .flat_map(|line| elements(line.as_bytes()))
        .take(MAX_HOPS);
    let (mut client, mut by) = (None, connection);
    while trusted.contains(by)
        && let Some(found) = elements.next().and_then(node)
    {
        by = found.ip;
        client = Some(found);
    }
    client
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Elements that are read of one header: more proxies one behind the other than anybody has, and no work for what a client made up.
const MAX_HOPS: usize = 32;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn address(wanted: AddressHeader, peer: &str, lines: &[(&'static str, &str)]) -> ClientAddress {
        let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"];
        let trusted = networks
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let connection = ClientAddress::of_connection((peer.parse::<IpAddr>().unwrap(), 1).into());
        ClientAddress::of_request(connection, &headers, wanted, &trusted)
    }

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        address(AddressHeader::Either, peer, lines).ip().to_string()
    }

    /// R13: the last element from any peer was the quota's key, and so a quota of everybody's own making.
    #[test]
    fn a_stranger_is_itself_whatever_it_says() {
        for line in [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1, 10.0.0.1"),
            ("forwarded", "for=192.0.2.1"),
        ] {
            assert_eq!(client("203.0.113.9", &[line]), "203.0.113.9");
        }
    }

    #[test]
    fn the_first_who_is_not_trusted_is_the_client() {
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("198.51.100.66, 192.0.2.1", "192.0.2.1"),
            ("198.51.100.66, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
            ("198.51.100.66,192.0.2.1,2001:db8:ffff::1,,", "192.0.2.1"),
            // Everybody is trusted: the one who began.
            ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
            ("", PROXY),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(
                client(PROXY, &[("x-forwarded-for", value)]),
                expected,
                "{value}"
            );
        }
        let lines = [
            ("x-forwarded-for", "198.51.100.66, 192.0.2.1"),
            ("x-forwarded-for", "10.2.2.2"),
        ];
        assert_eq!(client(PROXY, &lines), "192.0.2.1");
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        for (value, expected) in [
            ("192.0.2.1, unknown", PROXY),
            ("192.0.2.1, 10.2.2.2.2", PROXY),
            ("192.0.2.1, junk, 10.2.2.2", "10.2.2.2"),
            ("192.0.2.1\u{e9}", PROXY),
        ] {
            assert_eq!(
                client(PROXY, &[("x-forwarded-for", value)]),
                expected,
                "{value}"
            );
        }
        assert_eq!(
            client(
                PROXY,
                &[("forwarded", "for=192.0.2.1, for=_hidden, for=10.2.2.2")]
            ),
            "10.2.2.2"
        );
        assert_eq!(
            client(PROXY, &[("forwarded", "for=192.0.2.1, by=10.2.2.2")]),
            PROXY
        );
    }

    #[test]
    fn two_headers_must_agree() {
        let (honest, forged) = ("192.0.2.1", "198.51.100.66");
        let lines = |forwarded: &str, x: &str| {
            let lines = [
                ("forwarded", format!("for={forwarded}")),
                ("x-forwarded-for", x.to_owned()),
            ];
            [
                AddressHeader::Either,
                AddressHeader::Forwarded,
                AddressHeader::XForwardedFor,
                AddressHeader::Neither,
            ]
            .map(|wanted| {
                let lines = lines.each_ref().map(|(name, value)| (*name, &**value));
                address(wanted, PROXY, &lines).ip().to_string()
            })
        };
        assert_eq!(lines(honest, honest), [honest, honest, honest, PROXY]);
        assert_eq!(lines(forged, honest), [PROXY, forged, honest, PROXY]);
        assert_eq!(lines(honest, forged), [PROXY, honest, forged, PROXY]);
        assert_eq!(lines("unknown", forged), [PROXY, PROXY, forged, PROXY]);
    }

    #[test]
    fn no_more_hops_are_read_than_anybody_has() {
        let value = format!("192.0.2.1, 10.7.7.7{}", ", 10.2.2.2".repeat(MAX_HOPS));
        assert_eq!(client(PROXY, &[("x-forwarded-for", &value)]), "10.2.2.2");
    }

    #[test]
    fn ports_and_sources_are_told() {
        let from = |line| address(AddressHeader::Either, PROXY, &[line]);
        let found = from(("forwarded", r#"for="[2001:db8::1]:4711""#));
        assert_eq!(
            (found.port(), found.source()),
            (Some(4711), AddressSource::Forwarded)
        );
        let found = from(("x-forwarded-for", "192.0.2.1"));
        assert_eq!(
            (found.port(), found.source()),
            (None, AddressSource::XForwardedFor)
        );
        let found = from(("via", "1.1 a"));
        assert_eq!(
            (found.port(), found.source()),
            (Some(1), AddressSource::Connection)
        );
    }
}
