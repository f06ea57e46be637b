//! Networks in the form in which they are compared with addresses.

use ipnet::{IpNet, Ipv4Net};

/// RFC 4291 §2.5.5.2.
const MAPPED_PREFIX: u8 = 96;

/// Without the bits behind the prefix, and as IPv4 where it is within ::ffff:0:0/96: as [`IpAddr::to_canonical`](std::net::IpAddr::to_canonical)
/// makes it of addresses.
pub(crate) fn canonical_network(network: IpNet) -> IpNet {
    let network = network.trunc();
    let IpNet::V6(v6) = network else {
        return network;
    };
    let prefix = v6.prefix_len().checked_sub(MAPPED_PREFIX);
    match (v6.network().to_ipv4_mapped(), prefix) {
        (Some(address), Some(prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}
