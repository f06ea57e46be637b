//! What somebody listed.

use std::net::IpAddr;

use ipnet::IpNet;

use super::entry::{BlacklistCause, BlacklistEntry};
use super::tracked::remaining;
use super::verdict::Badness;
use crate::error::{Error, ErrorKind, Result};

/// Entries that may be added by hand: each is looked at for each address that is dialed.
const MOST: usize = 4_096;

/// Networks listed by hand, each once.
#[derive(Debug, Default)]
pub(super) struct Manual(Vec<Listing>);

#[derive(Debug)]
struct Listing {
    network: IpNet,
    /// `None`: until it is removed.
    until: Option<u64>,
    tried: u32,
}

impl Manual {
    /// A network that is listed already has the new term.
    pub(super) fn add(&mut self, network: IpNet, until: Option<u64>, now: u64) -> Result<()> {
        self.forget_expired(now);
        self.remove(network);
        if self.0.len() >= MOST {
            return Err(
                Error::new(ErrorKind::InvalidConfiguration).with_detail(format!(
                    "blacklist: {MOST} of {MOST} entries that may be added are there"
                )),
            );
        }
        self.0.push(Listing {
            network,
            until,
            tried: 0,
        });
        Ok(())
    }

    pub(super) fn remove(&mut self, network: IpNet) -> bool {
        let before = self.0.len();
        self.0.retain(|listing| listing.network != network);
        self.0.len() < before
    }

    /// Whether and how badly an address is listed; by several networks, as badly as by the worst.
    pub(super) fn badness(&self, address: IpAddr, now: u64) -> Option<Badness> {
        let listings = self
            .covering(address.to_canonical(), now)
            .map(|listing| Badness {
                by_hand: true,
                tried: listing.tried,
                until: listing.until.unwrap_or(u64::MAX),
            });
        listings.max()
    }

    /// An address is tried all the same.
    pub(super) fn tried(&mut self, address: IpAddr, now: u64) {
        for listing in &mut self.0 {
            if listing.network.contains(&address.to_canonical()) && listing.is_listed(now) {
                listing.tried = listing.tried.saturating_add(1);
            }
        }
    }

    pub(super) fn entries(&self, now: u64) -> impl Iterator<Item = BlacklistEntry> {
        let listed = self.0.iter().filter(move |listing| listing.is_listed(now));
        listed.map(move |listing| BlacklistEntry {
            network: listing.network,
            port: None,
            host: None,
            cause: BlacklistCause::Manual,
            failures: 0,
            terms: 1,
            remaining: listing.until.map(|until| remaining(until, now)),
        })
    }

    fn covering(&self, address: IpAddr, now: u64) -> impl Iterator<Item = &Listing> {
        let listed = self.0.iter().filter(move |listing| listing.is_listed(now));
        listed.filter(move |listing| listing.network.contains(&address))
    }

    fn forget_expired(&mut self, now: u64) {
        self.0.retain(|listing| listing.is_listed(now));
    }
}

impl Listing {
    fn is_listed(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_to_them_and_expired_ones_make_room() {
        let mut manual = Manual::default();
        let network = |number: usize| {
            let address = IpAddr::from((0xfc_u128 << 120 | number as u128).to_be_bytes());
            IpNet::from(address)
        };
        for number in 0..MOST {
            manual.add(network(number), Some(10), 0).unwrap();
        }
        let error = manual.add(network(MOST), None, 9).unwrap_err();
        assert!(error.to_string().contains("4096 of 4096"), "{error}");
        manual.add(network(3), Some(10), 9).unwrap();
        manual.add(network(MOST), None, 10).unwrap();
        assert_eq!(manual.0.len(), 1);
        assert_eq!(manual.entries(u64::MAX).count(), 1);
    }
}
