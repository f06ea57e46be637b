//! Connections by one of their properties.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::{ConnectionId, Entry};

/// Below this capacity a table is not worth shrinking.
const SMALL: usize = 64;

/// Connections by a property of type `K`. Adding, removing and counting take constant time.
///
/// A key without connections is not kept, and a table that once was large gives its memory back:
/// hosts and addresses come and go for as long as the process runs.
#[derive(Debug)]
pub(super) struct Index<K>(HashMap<K, Bucket>);

impl<K: Clone + Eq + Hash> Index<K> {
    pub(super) fn add(&mut self, key: &K, entry: &Arc<Entry>) {
        match self.0.get_mut(key) {
            Some(bucket) => bucket.insert(entry),
            None => {
                let bucket = Bucket::One(Arc::clone(entry));
                self.0.insert(key.clone(), bucket);
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K, id: ConnectionId) {
        if let Some(bucket) = self.0.get_mut(key)
            && bucket.remove(id)
        {
            self.0.remove(key);
            shrink(&mut self.0);
        }
    }

    /// Brings the index up to date with a property that may not be known.
    pub(super) fn replace(&mut self, from: Option<&K>, to: Option<&K>, entry: &Arc<Entry>) {
        if from == to {
            return;
        }
        if let Some(key) = from {
            self.remove(key, entry.id());
        }
        if let Some(key) = to {
            self.add(key, entry);
        }
    }

    /// The connections of `key`, unless there are none.
    pub(super) fn bucket<Q>(&self, key: &Q) -> Option<&Bucket>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.get(key)
    }

    pub(super) fn entries<Q>(&self, key: &Q) -> Vec<Arc<Entry>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entries = self.bucket(key).map(|bucket| bucket.iter().cloned());
        entries.map(Iterator::collect).unwrap_or_default()
    }

    pub(super) fn count<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.bucket(key).map_or(0, Bucket::len)
    }

    /// The keys that have connections.
    pub(super) fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.0.keys()
    }

    /// The keys that have connections, with these.
    pub(super) fn buckets(&self) -> impl ExactSizeIterator<Item = (&K, &Bucket)> {
        self.0.iter()
    }
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// The connections of one key. Most addresses and users have one, for which no table is made.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "a table is thrice as large as the pointer, and most buckets have none"
)]
pub(super) enum Bucket {
    One(Arc<Entry>),
    Many(Box<HashMap<ConnectionId, Arc<Entry>>>),
}

impl Bucket {
    fn insert(&mut self, entry: &Arc<Entry>) {
        match self {
            Self::One(first) => {
                let both = [first, entry].map(|entry| (entry.id(), Arc::clone(entry)));
                *self = Self::Many(Box::new(HashMap::from(both)));
            }
            Self::Many(entries) => {
                entries.insert(entry.id(), Arc::clone(entry));
            }
        }
    }

    /// Removes a connection; whether none is left, and the bucket is to go.
    fn remove(&mut self, id: ConnectionId) -> bool {
        match self {
            Self::One(entry) => entry.id() == id,
            Self::Many(entries) => {
                entries.remove(&id);
                shrink(entries);
                entries.is_empty()
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(entries) => entries.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let (one, many) = match self {
            Self::One(entry) => (Some(entry), None),
            Self::Many(entries) => (None, Some(entries.values())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    #[cfg(test)]
    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.iter().any(|entry| entry.id() == id)
    }
}

/// Gives memory back when three quarters are unused. Half of what is kept stays free, so a table
/// cannot grow and shrink in turns: the cost per removal is constant on average.
pub(super) fn shrink<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > SMALL && table.len() < table.capacity() / 4 {
        table.shrink_to(table.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Direction, Draft, Protocol};

    const MANY: usize = 10_000;

    fn entries(count: usize) -> Vec<Arc<Entry>> {
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp);
        (0..count)
            .map(|_| Arc::new(Entry::new(draft.clone())))
            .collect()
    }

    #[test]
    fn a_table_that_was_large_gives_its_memory_back() {
        let entries = entries(MANY);
        let mut by_key = Index::default();
        for (key, entry) in entries.iter().enumerate() {
            by_key.add(&key, entry);
            by_key.add(&MANY, entry);
        }
        assert_eq!(by_key.count(&MANY), MANY);
        for (key, entry) in entries.iter().enumerate().skip(1) {
            by_key.remove(&key, entry.id());
            by_key.remove(&MANY, entry.id());
        }
        assert_eq!(by_key.0.len(), 2);
        assert!(by_key.0.capacity() <= 2 * SMALL);
        let Bucket::Many(entries) = &by_key.0[&MANY] else {
            panic!("one of many");
        };
        assert!(entries.capacity() <= 2 * SMALL);
    }

    #[test]
    fn a_key_without_connections_is_not_kept() {
        let mut by_key = Index::default();
        let entries = entries(2);
        by_key.replace(None, Some(&"a"), &entries[0]);
        by_key.replace(None, Some(&"a"), &entries[1]);
        by_key.replace(Some(&"a"), Some(&"b"), &entries[0]);
        by_key.replace(Some(&"a"), None, &entries[1]);
        assert_eq!(by_key.buckets().len(), 1);
        assert_eq!(by_key.count(&"b"), 1);

        by_key.remove(&"b", entries[1].id());
        by_key.remove(&"c", entries[1].id());
        assert!(by_key.bucket(&"b").unwrap().contains(entries[0].id()));

        // Of two the one that came first goes first; adding twice is adding once.
        by_key.add(&"b", &entries[1]);
        by_key.add(&"b", &entries[1]);
        assert_eq!(by_key.count(&"b"), 2);
        by_key.remove(&"b", entries[0].id());
        assert!(by_key.bucket(&"b").unwrap().contains(entries[1].id()));
        by_key.remove(&"b", entries[1].id());
        assert_eq!(by_key.buckets().len(), 0);
    }
}
