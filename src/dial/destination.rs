//! In which order a host's addresses are tried.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};

/// How many addresses of the preferred family are tried before the first of the other (RFC 8305 §4, First Address Family Count).
const FIRST_FAMILY_COUNT: usize = 1;

/// A host may resolve to a thousand. At a quarter of a second each, more would take longer than a dial may.
pub(super) const MOST_ADDRESSES: usize = 16;

/// As many as a resolver hands over of both families.
const MOST_SOURCES: usize = 64;

/// The destinations, the preferred first, by those rules of RFC 6724 §6 that a client can decide.
///
/// Left out are rules 3, 4 and 7, for which the system tells nothing, and 9 (the longest common prefix), which would undo the rotation
/// that name servers do. What worked before (RFC 8305 §4) is known to the address policy, which has the last word on the order.
pub(super) fn sort(addresses: &mut [SocketAddr], source: impl Fn(SocketAddr) -> Option<IpAddr>) {
    // Stable, so that of equals the resolver's first stays first (rule 10).
    addresses.sort_by_cached_key(|address| Rank::of(address.ip(), source(*address)));
}

/// [`sort`], asking for the source of each address; or, of more than a name service names, of one for all that are alike to the rules: each
/// costs a socket and four system calls, and of so many few are tried.
pub(super) fn sort_many(
    addresses: &mut [SocketAddr],
    source: impl Fn(SocketAddr) -> Option<IpAddr>,
) {
    if addresses.len() <= MOST_SOURCES {
        return sort(addresses, source);
    }
    let known: RefCell<HashMap<_, Option<IpAddr>>> = RefCell::default();
    sort(addresses, |address| {
        let alike = (address.is_ipv4(), scope(address.ip()), policy(address.ip()));
        let mut known = known.borrow_mut();
        *known.entry(alike).or_insert_with(|| source(address))
    });
}

/// The families in turn (RFC 8305 §4), and no more than so many. The first address's family comes first, or if one was tried before,
/// the one that was not tried last.
pub(super) fn interleave(
    addresses: &[SocketAddr],
    last: Option<SocketAddr>,
    most: usize,
) -> Vec<SocketAddr> {
    let begins_with_ipv4 = match (last, addresses.first()) {
        (Some(last), _) => !last.is_ipv4(),
        (None, Some(first)) => first.is_ipv4(),
        (None, None) => return Vec::new(),
    };
    let is_same = |address: &&SocketAddr| address.is_ipv4() == begins_with_ipv4;
    let mut same = addresses.iter().filter(is_same);
    let mut other = addresses.iter().filter(|address| !is_same(address));
    let mut order: Vec<SocketAddr> = same.by_ref().take(FIRST_FAMILY_COUNT).copied().collect();
    while order.len() < most {
        let before = order.len();
        order.extend(other.next());
        order.extend(same.next());
        if order.len() == before {
            break;
        }
    }
    order.truncate(most);
    order
}

/// The address that the system would connect from, found without sending anything; `None` where there is no route.
pub(super) fn system_source(destination: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match destination {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(destination).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The lesser is preferred; the fields are the rules in their order.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Rank {
    /// Rule 1.
    is_unusable: bool,
    /// Rule 2.
    is_of_other_scope: bool,
    /// Rule 5.
    is_of_other_label: bool,
    /// Rule 6.
    precedence: std::cmp::Reverse<u8>,
    /// Rule 8.
    scope: u8,
}

impl Rank {
    fn of(destination: IpAddr, source: Option<IpAddr>) -> Self {
        let (precedence, label) = policy(destination);
        Self {
            is_unusable: source.is_none(),
            is_of_other_scope: source.is_none_or(|source| scope(source) != scope(destination)),
            is_of_other_label: source.is_none_or(|source| policy(source).1 != label),
            precedence: std::cmp::Reverse(precedence),
            scope: scope(destination),
        }
    }
}

/// Precedence and label (RFC 6724 §2.1, the default table).
fn policy(address: IpAddr) -> (u8, u8) {
    let v6 = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => (50, 0),
        [0, 0, 0, 0, 0, 0xffff, ..] => (35, 4),
        [0, 0, 0, 0, 0, 0, ..] => (1, 3),
        [0x2002, ..] => (30, 2),
        [0x2001, 0, ..] => (5, 5),
        [first, ..] if first & 0xfe00 == 0xfc00 => (3, 13),
        [first, ..] if first & 0xffc0 == 0xfec0 => (1, 11),
        [0x3ffe, ..] => (1, 12),
        _ => (40, 1),
    }
}

/// RFC 6724 §3.1 and §3.2, in the numbers of RFC 4291 §2.7.
fn scope(address: IpAddr) -> u8 {
    const LINK_LOCAL: u8 = 2;
    const SITE_LOCAL: u8 = 5;
    const GLOBAL: u8 = 14;
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_link_local() => LINK_LOCAL,
        IpAddr::V4(_) => GLOBAL,
        IpAddr::V6(v6) => match v6.octets() {
            [0xff, flags_and_scope, ..] => flags_and_scope & 0x0f,
            [0xfe, second, ..] if second & 0xc0 == 0x80 => LINK_LOCAL,
            [0xfe, second, ..] if second & 0xc0 == 0xc0 => SITE_LOCAL,
            _ if v6.is_loopback() => LINK_LOCAL,
            _ => GLOBAL,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        let address = |text: &&str| SocketAddr::new(text.parse().unwrap(), 443);
        list.iter().map(address).collect()
    }

    /// RFC 6724 §10.2, with the sources that its examples give, and two of our own at the end.
    #[test]
    fn the_standards_examples() {
        for (sources, given, wanted) in [
            (
                ["2001:db8:1::2", "169.254.13.78"],
                ["2001:db8:1::1", "198.51.100.121"],
                "2001:db8:1::1",
            ),
            (
                ["fe80::1", "198.51.100.117"],
                ["2001:db8:1::1", "198.51.100.121"],
                "198.51.100.121",
            ),
            (
                ["2001:db8:1::2", "10.1.2.4"],
                ["2001:db8:1::1", "10.1.2.3"],
                "2001:db8:1::1",
            ),
            (
                ["2002:c633:6401::2", "fe80::2"],
                ["2002:c633:6401::1", "fe80::1"],
                "fe80::1",
            ),
            (
                ["2001:db8::2", "fd00::2"],
                ["2001:db8::1", "fd00::1"],
                "2001:db8::1",
            ),
            (
                ["", "198.51.100.117"],
                ["2001:db8:1::1", "8.8.8.8"],
                "8.8.8.8",
            ),
        ] {
            for reversed in [false, true] {
                let mut list = addresses(&given);
                let source = |address: SocketAddr| {
                    let at = given
                        .iter()
                        .position(|one| *one == address.ip().to_string());
                    sources[at.unwrap()].parse().ok()
                };
                if reversed {
                    list.reverse();
                }
                sort(&mut list, source);
                assert_eq!(list[0].ip().to_string(), wanted, "{given:?}");
            }
        }
    }

    #[test]
    fn equals_keep_the_resolvers_order() {
        let mut list = addresses(&["192.0.2.3", "192.0.2.1", "192.0.2.2"]);
        let given = list.clone();
        sort(&mut list, |_| Some("192.0.2.9".parse().unwrap()));
        assert_eq!(list, given);
    }

    #[test]
    fn of_a_thousand_addresses_few_sources_are_asked_for() {
        let asked = std::cell::Cell::new(0);
        let source = |_: SocketAddr| {
            asked.set(asked.get() + 1);
            Some("192.0.2.9".parse().unwrap())
        };
        for (count, wanted) in [(MOST_SOURCES, MOST_SOURCES), (1_000, 2)] {
            asked.set(0);
            let v4 = (1..).map(|n| SocketAddr::from(([192, 0, 2, 1], n)));
            let mut list: Vec<_> = v4.take(count - 1).collect();
            list.push("[2001:db8::1]:443".parse().unwrap());
            sort_many(&mut list, source);
            assert_eq!(asked.get(), wanted);
            assert_eq!(list.len(), count);
        }
    }

    #[test]
    fn families_alternate_from_the_first() {
        let list = addresses(&["::1", "::2", "::3", "1.1.1.1"]);
        assert_eq!(
            interleave(&list, None, MOST_ADDRESSES),
            addresses(&["::1", "1.1.1.1", "::2", "::3"])
        );
        let list = addresses(&["1.1.1.1", "1.1.1.2", "::1", "::2", "::3"]);
        let wanted = addresses(&["1.1.1.1", "::1", "1.1.1.2", "::2", "::3"]);
        assert_eq!(interleave(&list, None, MOST_ADDRESSES), wanted);
        assert!(interleave(&[], None, MOST_ADDRESSES).is_empty());
    }

    #[test]
    fn families_alternate_from_the_one_tried_last() {
        let list = addresses(&["::1", "::2", "1.1.1.1", "1.1.1.2"]);
        for (last, wanted) in [
            ("::9", ["1.1.1.1", "::1", "1.1.1.2"]),
            ("1.1.1.9", ["::1", "1.1.1.1", "::2"]),
        ] {
            let last = addresses(&[last]).first().copied();
            assert_eq!(interleave(&list, last, 3), addresses(&wanted));
        }
        let same = addresses(&["::1", "::2"]);
        assert_eq!(interleave(&same, same.first().copied(), 9), same);
        assert!(interleave(&same, None, 0).is_empty());
    }

    #[test]
    fn of_a_thousand_addresses_few_of_each_family_are_tried() {
        let v4 = (0..500_u16).map(|n| SocketAddr::from(([192, 0, 2, 1], 1 + n)));
        let v6 = (0..500_u16).map(|n| SocketAddr::from((Ipv6Addr::LOCALHOST, 1 + n)));
        let order = interleave(&v4.chain(v6).collect::<Vec<_>>(), None, MOST_ADDRESSES);
        assert_eq!(order.len(), MOST_ADDRESSES);
        let v6 = order.iter().filter(|address| address.is_ipv6());
        assert_eq!(v6.count(), MOST_ADDRESSES / 2);
    }

    #[test]
    fn the_source_of_loopback_is_loopback() {
        let source = system_source("127.0.0.1:9".parse().unwrap());
        assert_eq!(source, Some("127.0.0.1".parse().unwrap()));
    }
}
