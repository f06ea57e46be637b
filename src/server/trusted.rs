//! Whose word on other peoples' addresses is taken.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::canonical_network;

/// The networks of the proxies in front. An IPv4 address is the same whether it is mapped into IPv6 or not.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().map(canonical_network).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_and_networks_are_the_plain_ones() {
        let networks = ["10.1.0.0/16", "::ffff:192.0.2.0/120", "2001:db8::/32"];
        let trusted: TrustedProxies = networks
            .map(|text| text.parse().unwrap())
            .into_iter()
            .collect();
        let contains = |address: &str| trusted.contains(address.parse().unwrap());
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.9", "2001:db8::1"] {
            assert!(contains(inside), "{inside}");
        }
        for outside in [
            "10.2.0.1",
            "::ffff:10.2.0.1",
            "192.0.3.9",
            "2001:db9::1",
            "::1",
        ] {
            assert!(!contains(outside), "{outside}");
        }
        assert!(!TrustedProxies::default().contains([127, 0, 0, 1].into()));
    }
}
