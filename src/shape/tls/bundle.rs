//! All key shares of a profile as one group, since rustls sends the share of one.

use std::collections::HashMap;
use std::sync::LazyLock;

use parking_lot::Mutex;
use rand::RngExt;
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};

use super::groups::{component, group};
use super::wire;
use crate::profile::read::Reader;
use crate::profile::template::{HybridKey, listed_key_length};

/// What rustls knows a bundle as: a number for private use (RFC 8446 section 4.2.7), which never leaves this process.
pub(super) const NUMBER: u16 = 0xfe77;

/// The bundle of these groups. There are as many as profiles differ in their shares; they are kept for ever.
pub(super) fn bundle(groups: Vec<u16>, hybrid: HybridKey) -> &'static dyn SupportedKxGroup {
    type Known = Mutex<HashMap<(Vec<u16>, bool), &'static Bundle>>;
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::default);
    *KNOWN
        .lock()
        .entry((groups.clone(), hybrid == HybridKey::Shared))
        .or_insert_with(|| Box::leak(Box::new(Bundle { groups, hybrid })))
}

/// The shares in a bundle's public key: groups and keys.
pub(super) fn split(shares: &[u8]) -> Vec<(u16, &[u8])> {
    let mut reader = Reader::new(shares);
    // rustls takes no empty key: a byte is in front.
    reader.u8();
    reader
        .all(|reader| Some((reader.u16()?, reader.vector16()?.rest())))
        .unwrap_or_default()
}

/// The server's key as a bundle's exchange takes it: behind the group that the server chose.
pub(super) fn join(group: u16, key: &[u8]) -> Vec<u8> {
    [&group.to_be_bytes(), key].concat()
}

#[derive(Debug)]
struct Bundle {
    groups: Vec<u16>,
    hybrid: HybridKey,
}

impl Bundle {
    /// The hybrid group whose key this group shares.
    fn hybrid_of(&self, number: u16) -> Option<u16> {
        let mut hybrids = self.groups.iter().copied();
        match self.hybrid {
            HybridKey::Own => None,
            HybridKey::Shared => hybrids.find(|hybrid| component(*hybrid) == Some(number)),
        }
    }
}

impl SupportedKxGroup for Bundle {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut exchanges = Vec::with_capacity(self.groups.len());
        for &number in &self.groups {
            if let (None, Some(group)) = (self.hybrid_of(number), group(number)) {
                exchanges.push((number, group.start()?));
            }
        }
        let mut public = vec![0];
        let mut shared = Vec::new();
        for &number in &self.groups {
            let find = |wanted| exchanges.iter().find(|(number, _)| *number == wanted);
            let key = match self.hybrid_of(number) {
                Some(hybrid) => {
                    shared.push((number, hybrid));
                    find(hybrid)
                        .and_then(|(_, exchange)| exchange.hybrid_component())
                        .map(|(_, key)| key.to_vec())
                }
                None => find(number)
                    .map(|(_, exchange)| exchange.pub_key().to_vec())
                    .or_else(|| listed_key(number)),
            };
            if let Some(key) = key {
                public.extend(number.to_be_bytes());
                wire::vector16(&mut public, &key);
            }
        }
        Ok(Box::new(Exchanges {
            public,
            exchanges,
            shared,
        }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::Unknown(NUMBER)
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// Random bytes in place of a key that nobody could use: any number below the prime is a finite field's public key.
fn listed_key(number: u16) -> Option<Vec<u8>> {
    let mut key = vec![0; listed_key_length(number)?];
    rand::rng().fill(key.as_mut_slice());
    Some(key)
}

struct Exchanges {
    public: Vec<u8>,
    exchanges: Vec<(u16, Box<dyn ActiveKeyExchange>)>,
    /// Groups that share the key of a hybrid one.
    shared: Vec<(u16, u16)>,
}

impl ActiveKeyExchange for Exchanges {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        const NOT_OFFERED: Error = Error::PeerMisbehaved(PeerMisbehaved::WrongGroupForKeyShare);
        let mut reader = Reader::new(peer);
        let chosen = reader.u16().ok_or(NOT_OFFERED)?;
        let hybrid = self
            .shared
            .iter()
            .find(|(number, _)| *number == chosen)
            .map(|(_, hybrid)| *hybrid);
        let (_, exchange) = self
            .exchanges
            .into_iter()
            .find(|(number, _)| *number == hybrid.unwrap_or(chosen))
            .ok_or(NOT_OFFERED)?;
        match hybrid {
            Some(_) => exchange.complete_hybrid_component(reader.rest()),
            None => exchange.complete(reader.rest()),
        }
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::Unknown(NUMBER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: [u16; 3] = [0x11ec, 0x001d, 0x0017];

    fn keys(hybrid: HybridKey) -> Vec<(u16, Vec<u8>)> {
        let exchange = bundle(FIREFOX.to_vec(), hybrid).start().unwrap();
        split(exchange.pub_key())
            .into_iter()
            .map(|(number, key)| (number, key.to_vec()))
            .collect()
    }

    #[test]
    fn the_separate_share_has_the_hybrid_ones_key_or_its_own() {
        for (hybrid, is_shared) in [(HybridKey::Shared, true), (HybridKey::Own, false)] {
            let keys = keys(hybrid);
            let lengths: Vec<_> = keys
                .iter()
                .map(|(number, key)| (*number, key.len()))
                .collect();
            assert_eq!(lengths, [(0x11ec, 1216), (0x001d, 32), (0x0017, 65)]);
            assert_eq!(keys[0].1[1184..] == keys[1].1, is_shared);
        }
    }

    #[test]
    fn every_share_can_be_completed() {
        for hybrid in [HybridKey::Shared, HybridKey::Own] {
            for number in FIREFOX.into_iter().chain([0x0019]) {
                let groups = [&FIREFOX[..], &[0x0019]].concat();
                let exchange = bundle(groups, hybrid).start().unwrap();
                let (_, key) = *split(exchange.pub_key())
                    .iter()
                    .find(|(other, _)| *other == number)
                    .unwrap();
                let server = group(number).unwrap().start_and_complete(key).unwrap();
                let secret = exchange.complete(&join(number, &server.pub_key)).unwrap();
                assert_eq!(
                    secret.secret_bytes(),
                    server.secret.secret_bytes(),
                    "{number:04x}"
                );
            }
        }
    }

    #[test]
    fn a_group_without_a_share_is_refused() {
        let exchange = bundle(FIREFOX.to_vec(), HybridKey::Own).start().unwrap();
        assert!(exchange.complete(&join(0x0018, &[4; 97])).is_err());
    }

    #[test]
    fn equal_bundles_are_one() {
        let one = bundle(FIREFOX.to_vec(), HybridKey::Own);
        let two = bundle(FIREFOX.to_vec(), HybridKey::Own);
        let address = |group: &'static dyn SupportedKxGroup| std::ptr::from_ref(group).cast::<()>();
        assert_eq!(address(one), address(two));
    }

    #[test]
    fn a_listed_finite_field_gets_a_key_of_its_length() {
        let exchange = bundle(vec![0x0100], HybridKey::Own).start().unwrap();
        assert_eq!(split(exchange.pub_key())[0].1.len(), 256);
    }
}
