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
pub(super) struct Index<K>(HashMap<K, HashMap<ConnectionId, Arc<Entry>>>);

impl<K: Clone + Eq + Hash> Index<K> {
    pub(super) fn add(&mut self, key: &K, entry: &Arc<Entry>) {
        self.0
            .entry(key.clone())
            .or_default()
            .insert(entry.id(), Arc::clone(entry));
    }

    pub(super) fn remove(&mut self, key: &K, id: ConnectionId) {
        let Some(entries) = self.0.get_mut(key) else {
            return;
        };
        entries.remove(&id);
        if entries.is_empty() {
            self.0.remove(key);
            shrink(&mut self.0);
        } else {
            shrink(entries);
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

    pub(super) fn entries<Q>(&self, key: &Q) -> Vec<Arc<Entry>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0
            .get(key)
            .map(|entries| entries.values().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn count<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.get(key).map_or(0, HashMap::len)
    }

    #[cfg(test)]
    pub(super) fn contains(&self, key: &K, id: ConnectionId) -> bool {
        self.0
            .get(key)
            .is_some_and(|entries| entries.contains_key(&id))
    }

    /// The keys that have connections, with their number.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&K, usize)> {
        self.0.iter().map(|(key, entries)| (key, entries.len()))
    }
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
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
        assert!(by_key.0[&MANY].capacity() <= 2 * SMALL);
    }

    #[test]
    fn a_key_without_connections_is_not_kept() {
        let mut by_key = Index::default();
        let entries = entries(2);
        by_key.replace(None, Some(&"a"), &entries[0]);
        by_key.replace(None, Some(&"a"), &entries[1]);
        by_key.replace(Some(&"a"), Some(&"b"), &entries[0]);
        by_key.replace(Some(&"a"), None, &entries[1]);
        assert_eq!(by_key.counts().collect::<Vec<_>>(), [(&"b", 1)]);

        by_key.remove(&"b", entries[1].id());
        by_key.remove(&"c", entries[1].id());
        assert!(by_key.contains(&"b", entries[0].id()));
    }
}
