//! All hosts of a pool, by key.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashTable;
use parking_lot::Mutex;

use super::host::HostPool;
use super::key::{HostKey, HostKeyRef};

/// Adding a host copies its shard's table, so more shards make adding cheaper; looking up costs the same.
const SHARDS: usize = 64;

type Table = HashTable<Arc<HostPool>>;

/// A map that is read without a lock: each shard is a snapshot that writers replace.
#[derive(Debug)]
pub(super) struct Hosts {
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    table: ArcSwap<Table>,
    /// One writer at a time.
    writing: Mutex<()>,
}

impl Hosts {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }

    /// Runs `found` on the host if it is there; no lock, no allocation, no reference count.
    pub(super) fn with<T>(
        &self,
        key: HostKeyRef<'_>,
        found: impl FnOnce(&Arc<HostPool>) -> T,
    ) -> Option<T> {
        let hash = self.hash(&key);
        let table = self.shard(hash).table.load();
        table.find(hash, |host| key == **host.key()).map(found)
    }

    /// The host, made if it is not there.
    pub(super) fn find_or_insert(
        &self,
        key: HostKeyRef<'_>,
        make: impl FnOnce(HostKey) -> HostPool,
    ) -> Arc<HostPool> {
        if let Some(host) = self.with(key, Arc::clone) {
            return host;
        }
        let hash = self.hash(&key);
        let shard = self.shard(hash);
        let _writing = shard.writing.lock();
        let mut table = Table::clone(&shard.table.load());
        if let Some(host) = table.find(hash, |host| key == **host.key()) {
            return Arc::clone(host);
        }
        let host = Arc::new(make(key.to_owned()));
        table.insert_unique(hash, Arc::clone(&host), |host| self.hash_of(host));
        shard.table.store(Arc::new(table));
        host
    }

    /// Removes the host if `retire` says so.
    pub(super) fn retire(&self, key: HostKeyRef<'_>, retire: impl FnOnce(&Arc<HostPool>) -> bool) {
        let shard = self.shard(self.hash(&key));
        let _writing = shard.writing.lock();
        let table = shard.table.load();
        let hash = self.hash(&key);
        let Some(gone) = table.find(hash, |host| key == **host.key()) else {
            return;
        };
        if retire(gone) {
            let mut fewer = Table::clone(&table);
            fewer.retain(|host| !Arc::ptr_eq(host, gone));
            shard.table.store(Arc::new(fewer));
        }
    }

    /// All hosts, as of now.
    pub(super) fn all(&self) -> Vec<Arc<HostPool>> {
        let mut hosts = Vec::new();
        for shard in &self.shards {
            hosts.extend(shard.table.load().iter().cloned());
        }
        hosts
    }

    /// What may tell thousands of hosts apart; the rest only tells a few, and equality compares all of it.
    fn hash(&self, key: &HostKeyRef<'_>) -> u64 {
        self.hasher
            .hash_one((key.origin, key.partition, key.addresses, key.proxy))
    }

    fn hash_of(&self, host: &HostPool) -> u64 {
        self.hash(&host.key().borrowed())
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The table uses the top seven and the low bits; these lie between. The index cannot be out of range.
        let [first, ..] = &self.shards;
        self.shards
            .get((hash >> 48) as usize % SHARDS)
            .unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::pool::{Pool, Target};

    #[tokio::test]
    async fn every_partition_is_hashed_for_itself() {
        let pool = Pool::builder().build().unwrap();
        let target = |number: usize| {
            let target = Target::parse("example.com").unwrap();
            target.partition(&format!("tenant-{number}"))
        };
        let hosts = &pool.shared().hosts;
        let mut hashes = HashSet::new();
        for number in 0..1_000 {
            let target = target(number);
            let hash = pool.shared().with_key(&target, |key| hosts.hash(&key));
            let host = pool.host_pool(&target).unwrap();
            assert_eq!(hash.unwrap(), hosts.hash_of(&host));
            hashes.insert(hosts.hash_of(&host));
        }
        assert!(hashes.len() > 990, "{} hashes", hashes.len());
        assert_eq!(hosts.all().len(), 1_000);
        for number in 0..1_000 {
            let target = target(number);
            let there = pool
                .shared()
                .with_key(&target, |key| hosts.with(key, |_| ()));
            assert!(there.unwrap().is_some());
        }
    }
}
