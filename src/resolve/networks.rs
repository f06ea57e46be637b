//! Sets of networks, and those that have a name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::canonical_network;

/// A part of the address space with a purpose of its own, none of which the Internet routes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NamedRange {
    /// `loopback`: 127.0.0.0/8 and ::1.
    Loopback,
    /// `private`: 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918), and fc00::/7 (RFC 4193).
    Private,
    /// `link-local`: 169.254.0.0/16 (RFC 3927), where clouds serve credentials, and fe80::/10.
    LinkLocal,
    /// `shared`: 100.64.0.0/10, between a provider and its customers (RFC 6598).
    Shared,
    /// `multicast`: 224.0.0.0/4 and ff00::/8, with 255.255.255.255, the broadcast.
    Multicast,
    /// `unspecified`: 0.0.0.0/8 and ::, which mean this machine when connected to.
    Unspecified,
    /// `benchmarking`: 198.18.0.0/15 (RFC 2544) and 2001:2::/48 (RFC 5180).
    Benchmarking,
    /// `protocol-assignments`: 192.0.0.0/24 (RFC 6890), what protocols use between a host and its own network.
    ProtocolAssignments,
    /// `reserved`: 240.0.0.0/4 (RFC 1112).
    Reserved,
    /// `local-nat64`: 64:ff9b:1::/48 (RFC 8215), of which each network makes IPv4 addresses as it likes.
    LocalNat64,
}

impl NamedRange {
    /// Every range there is.
    pub const ALL: &[Self] = &[
        Self::Loopback,
        Self::Private,
        Self::LinkLocal,
        Self::Shared,
        Self::Multicast,
        Self::Unspecified,
        Self::Benchmarking,
        Self::ProtocolAssignments,
        Self::Reserved,
        Self::LocalNat64,
    ];

    /// The name in access rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Shared => "shared",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Benchmarking => "benchmarking",
            Self::ProtocolAssignments => "protocol-assignments",
            Self::Reserved => "reserved",
            Self::LocalNat64 => "local-nat64",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|range| range.as_str() == name)
    }

    pub(super) fn networks(self) -> impl Iterator<Item = IpNet> {
        let networks: &'static [IpNet] = match self {
            Self::Loopback => const { &[v4([127, 0, 0, 0], 8), v6(Ipv6Addr::LOCALHOST, 128)] },
            Self::Private => {
                const {
                    &[
                        v4([10, 0, 0, 0], 8),
                        v4([172, 16, 0, 0], 12),
                        v4([192, 168, 0, 0], 16),
                        v6(begins_with(0xfc00), 7),
                    ]
                }
            }
            Self::LinkLocal => const { &[v4([169, 254, 0, 0], 16), v6(begins_with(0xfe80), 10)] },
            Self::Shared => const { &[v4([100, 64, 0, 0], 10)] },
            Self::Multicast => {
                const {
                    &[
                        v4([224, 0, 0, 0], 4),
                        v4([255, 255, 255, 255], 32),
                        v6(begins_with(0xff00), 8),
                    ]
                }
            }
            Self::Unspecified => const { &[v4([0, 0, 0, 0], 8), v6(Ipv6Addr::UNSPECIFIED, 128)] },
            Self::Benchmarking => {
                const {
                    &[
                        v4([198, 18, 0, 0], 15),
                        v6(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48),
                    ]
                }
            }
            Self::ProtocolAssignments => const { &[v4([192, 0, 0, 0], 24)] },
            Self::Reserved => const { &[v4([240, 0, 0, 0], 4)] },
            Self::LocalNat64 => const { &[v6(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48)] },
        };
        networks.iter().copied()
    }
}

impl fmt::Display for NamedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const fn v4(octets: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(address: Ipv6Addr, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(address, prefix))
}

const fn begins_with(segment: u16) -> Ipv6Addr {
    Ipv6Addr::new(segment, 0, 0, 0, 0, 0, 0, 0)
}

/// The IPv4 address to which a gateway brings what is sent to an IPv6 one: NAT64's (RFC 6052 §2.1) or 6to4's (RFC 3056 §2).
pub(super) fn translated(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let ([0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..]) = address.segments()
    else {
        return None;
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
}

/// Networks none of which covers another, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Networks(Vec<IpNet>);

impl Networks {
    pub(super) fn insert(&mut self, network: IpNet) {
        let network = canonical_network(network);
        let behind = self.position(network.network());
        let before = behind
            .checked_sub(1)
            .and_then(|at| Some((at, self.0.get(at)?)));
        let begin = match before {
            Some((_, known)) if known.contains(&network) => return,
            Some((at, known)) if network.contains(known) => at,
            _ => behind,
        };
        let covered = self.0.iter().skip(begin);
        let end = begin + covered.take_while(|known| network.contains(*known)).count();
        self.0.splice(begin..end, [network]);
    }

    /// The network that has `address`, which is not an IPv4 address written as an IPv6 one.
    pub(super) fn find(&self, address: IpAddr) -> Option<IpNet> {
        let before = self.position(address).checked_sub(1)?;
        let network = *self.0.get(before)?;
        network.contains(&address).then_some(network)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().copied()
    }

    /// How many begin at `address` or before; IPv4 comes before IPv6.
    fn position(&self, address: IpAddr) -> usize {
        self.0.partition_point(|known| known.network() <= address)
    }
}
