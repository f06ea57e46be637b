//! The registry, as everybody holds it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::shared::Shared;
use super::{
    AddressGroup, ClosedConnection, ConnectionId, Direction, Draft, Entry, Events, Protocol,
    Registration, RegistryBuilder, RegistryStats, Snapshot, State,
};

/// The connections of a process, or of a part of it. Clones are the same registry.
///
/// All indexes change together: what one lookup finds, another made at that moment finds too.
/// Lookups give the connections in the order of their ids, so oldest first; they cost one shared
/// lock and O(found · log found). Counts cost the lock and O(1). A connection with its places in the
/// indexes takes about a kilobyte.
#[derive(Clone, Default)]
pub struct Registry {
    pub(super) shared: Arc<Shared>,
}

impl Registry {
    /// What can be chosen about a registry.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::new()
    }

    /// An empty registry, as by default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a connection, in state [`State::Connecting`] and healthy.
    pub fn register(&self, draft: Draft) -> Registration {
        let entry = Arc::new(Entry::new(draft));
        self.shared.open(&entry);
        Registration::new(Arc::clone(&self.shared), entry)
    }

    /// The connection of that name, unless it is closed.
    pub fn entry(&self, id: ConnectionId) -> Option<Arc<Entry>> {
        self.shared.tables.read().entries.get(&id).cloned()
    }

    /// All connections.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.shared
            .tables
            .read()
            .entries
            .values()
            .cloned()
            .collect()
    }

    /// Those whose peer has that address.
    pub fn by_address(&self, address: SocketAddr) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_address.entries(&address);
        oldest_first(entries)
    }

    /// Those whose peer is in that group of addresses.
    pub fn by_address_group(&self, group: AddressGroup) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_address_group.entries(&group);
        oldest_first(entries)
    }

    /// Those opened in that direction.
    pub fn by_direction(&self, direction: Direction) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_direction.entries(&direction);
        oldest_first(entries)
    }

    /// Those for that host, compared as it was given.
    pub fn by_host(&self, host: &str) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_host.entries(host);
        oldest_first(entries)
    }

    /// Those with that label.
    pub fn by_label(&self, label: &str) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_label.entries(label);
        oldest_first(entries)
    }

    /// Those on which that protocol is spoken.
    pub fn by_protocol(&self, protocol: Protocol) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_protocol.entries(&protocol);
        oldest_first(entries)
    }

    /// Those in that state; none for [`State::Closed`].
    pub fn by_state(&self, state: State) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_state.entries(&state);
        oldest_first(entries)
    }

    /// Those of that user, those among them that were asked to close too.
    pub fn by_user(&self, user: &str) -> Vec<Arc<Entry>> {
        let entries = self.shared.tables.read().by_user.entries(user);
        oldest_first(entries)
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.shared.tables.read().entries.len()
    }

    /// How many have a peer of that address.
    pub fn count_by_address(&self, address: SocketAddr) -> usize {
        self.shared.tables.read().by_address.count(&address)
    }

    /// How many have a peer in that group of addresses.
    pub fn count_by_address_group(&self, group: AddressGroup) -> usize {
        self.shared.tables.read().by_address_group.count(&group)
    }

    /// How many were opened in that direction.
    pub fn count_by_direction(&self, direction: Direction) -> usize {
        self.shared.tables.read().by_direction.count(&direction)
    }

    /// How many are for that host.
    pub fn count_by_host(&self, host: &str) -> usize {
        self.shared.tables.read().by_host.count(host)
    }

    /// How many have that label.
    pub fn count_by_label(&self, label: &str) -> usize {
        self.shared.tables.read().by_label.count(label)
    }

    /// How many speak that protocol.
    pub fn count_by_protocol(&self, protocol: Protocol) -> usize {
        self.shared.tables.read().by_protocol.count(&protocol)
    }

    /// How many are in that state; zero for [`State::Closed`].
    pub fn count_by_state(&self, state: State) -> usize {
        self.shared.tables.read().by_state.count(&state)
    }

    /// How many that user has.
    pub fn count_by_user(&self, user: &str) -> usize {
        self.shared.tables.read().by_user.count(user)
    }

    /// All connections as plain data, of one moment.
    ///
    /// Until it is complete no connection can open, close or change: about half a microsecond for
    /// each, so 50 ms for a hundred thousand. Where that matters more than the one moment, take
    /// [`entries`](Self::entries), a fifth of that, and then the [`snapshot`](Entry::snapshot) of
    /// each.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let tables = self.shared.tables.read();
        let snapshots = tables.entries.values().map(|entry| entry.snapshot());
        snapshots.collect()
    }

    /// Counts and sums since the registry was made, of one moment. Costs 0.1 to 0.2 µs for each
    /// connection present, in which none can open, close or change.
    pub fn stats(&self) -> RegistryStats {
        self.shared.tables.read().stats()
    }

    /// The connections that closed last, newest first, at most `limit` of them and at most as many
    /// as the registry [remembers](RegistryBuilder::recently_closed). A connection is here from the
    /// moment in which it leaves the lookups. Costs the shared lock and O(limit).
    pub fn recently_closed(&self, limit: usize) -> Vec<ClosedConnection> {
        self.shared.tables.read().recent.newest_first(limit)
    }

    /// What happens from now on.
    ///
    /// To follow the whole, subscribe first and then take a [`snapshot`](Self::snapshot): what
    /// happened in between is in both.
    pub fn subscribe(&self) -> Events {
        self.shared.publisher.subscribe()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

fn oldest_first(mut entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
    entries.sort_unstable_by_key(|entry| entry.id());
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::CloseReason;

    fn draft() -> Draft {
        Draft::new(Direction::Inbound, Protocol::Http1)
    }

    #[test]
    fn totals_include_closed_connections() {
        let registry = Registry::new();
        let [first, second] = [(); 2].map(|()| registry.register(draft()));
        for registration in [&first, &second] {
            registration.stats().record_received(100);
            registration.stats().record_request();
        }
        second.set_state(State::Open);
        let before = registry.stats();
        drop(first);
        let after = registry.stats();

        assert_eq!((before.opened, before.closed, before.present), (2, 0, 2));
        assert_eq!((after.opened, after.closed, after.present), (2, 1, 1));
        assert_eq!((before.bytes_received, before.requests), (200, 2));
        assert_eq!((after.bytes_received, after.requests), (200, 2));
        assert_eq!(after.closed_for(CloseReason::Abandoned), 1);
        assert_eq!(
            (
                after.present_in(State::Open),
                after.present_in(State::Connecting)
            ),
            (1, 0)
        );
    }

    #[test]
    fn registries_are_apart_and_clones_are_not() {
        let (here, elsewhere) = (Registry::new(), Registry::new());
        let registration = here.register(draft());
        let clone = here.clone();
        assert_eq!((here.count(), clone.count()), (1, 1));
        assert!(clone.entry(registration.id()).is_some());
        assert!(elsewhere.entry(registration.id()).is_none());
        drop((here, clone));
        assert_eq!(registration.state(), State::Connecting);
    }
}
