//! Addresses that count as one peer.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// One host has a whole /64 to choose its address from (RFC 4291 §2.5.1, RFC 7421), and changes it
/// at will (RFC 8981): a single IPv6 address says nothing about who it is.
const IPV6_PREFIX_LENGTH: u32 = 64;

/// The addresses that one peer can be expected to hold: an IPv4 address by itself, an IPv6 address
/// with its /64. An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`) is in the group of the
/// former.
///
/// Displayed as `192.0.2.1/32` and `2001:db8::/64`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AddressGroup(IpAddr);

impl AddressGroup {
    /// The lowest address of the group.
    pub const fn network(self) -> IpAddr {
        self.0
    }

    /// How many leading bits its addresses have in common: 32 or 64.
    pub const fn prefix_length(self) -> u32 {
        match self.0 {
            IpAddr::V4(_) => u32::BITS,
            IpAddr::V6(_) => IPV6_PREFIX_LENGTH,
        }
    }

    /// Whether `address` is in the group.
    pub fn contains(self, address: IpAddr) -> bool {
        Self::from(address) == self
    }
}

impl From<IpAddr> for AddressGroup {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let mask = u128::MAX << (u128::BITS - IPV6_PREFIX_LENGTH);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        })
    }
}

impl From<SocketAddr> for AddressGroup {
    fn from(address: SocketAddr) -> Self {
        Self::from(address.ip())
    }
}

impl fmt::Display for AddressGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.prefix_length())
    }
}

impl serde::Serialize for AddressGroup {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(address: &str) -> AddressGroup {
        AddressGroup::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn an_ipv4_address_is_alone_and_an_ipv6_address_is_with_its_64() {
        assert_eq!(group("192.0.2.1").to_string(), "192.0.2.1/32");
        assert_ne!(group("192.0.2.1"), group("192.0.2.2"));
        assert_eq!(group("::ffff:192.0.2.1"), group("192.0.2.1"));

        let home = group("2001:db8:1:2:3:4:5:6");
        assert_eq!(home.to_string(), "2001:db8:1:2::/64");
        assert_eq!(home, group("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(home.contains("2001:db8:1:2::9".parse().unwrap()));
        assert!(!home.contains("2001:db8:1:3::".parse().unwrap()));
        assert!(!home.contains("2001:db8:1:1:ffff:ffff:ffff:ffff".parse().unwrap()));
    }
}
