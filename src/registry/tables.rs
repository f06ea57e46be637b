//! All connections and the indexes over them, as one value under one lock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::facts::Facts;
use super::index::{Index, shrink};
use super::{
    CloseReason, ConnectionId, Direction, Entry, Protocol, RegistryStats, State, StatsSnapshot,
};

/// The connections present, by each of their properties.
///
/// Methods that take `&mut self` keep all fields in agreement with each other and with the entries'
/// facts. They run no foreign code: an entry's owner keeps it alive, so none is dropped in here.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) entries: HashMap<ConnectionId, Arc<Entry>>,
    pub(super) by_address: Index<SocketAddr>,
    pub(super) by_direction: Index<Direction>,
    pub(super) by_host: Index<Arc<str>>,
    pub(super) by_protocol: Index<Protocol>,
    pub(super) by_state: Index<State>,
    /// Counts and sums; of the sums only what closed connections contributed.
    past: RegistryStats,
}

impl Tables {
    /// Adds a connection.
    pub(super) fn insert(&mut self, entry: &Arc<Entry>) {
        let facts = entry.facts.read();
        self.entries.insert(entry.id(), Arc::clone(entry));
        self.by_direction.add(&entry.direction(), entry);
        self.reindex(entry, None, Some(&facts));
        self.past.opened += 1;
    }

    /// Changes a connection's facts, unless it is closed. What they were and what they are, if that
    /// differs.
    pub(super) fn change(
        &mut self,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Facts),
    ) -> Option<(Facts, Facts)> {
        let mut facts = entry.facts.write();
        if facts.state == State::Closed {
            return None;
        }
        let before = facts.clone();
        change(&mut facts);
        if before == *facts {
            return None;
        }
        self.reindex(entry, Some(&before), Some(&facts));
        Some((before, facts.clone()))
    }

    /// Removes a connection for good. Its last facts and stats, or nothing if it was closed before.
    pub(super) fn close(
        &mut self,
        entry: &Arc<Entry>,
        reason: CloseReason,
    ) -> Option<(Facts, StatsSnapshot)> {
        self.entries.remove(&entry.id())?;
        shrink(&mut self.entries);
        let mut facts = entry.facts.write();
        self.by_direction.remove(&entry.direction(), entry.id());
        self.reindex(entry, Some(&facts), None);
        facts.state = State::Closed;
        facts.closed_at = Some(Instant::now());
        let stats = entry.stats().snapshot();
        self.past.add_closed(reason, &stats);
        Some((facts.clone(), stats))
    }

    /// Counts, and sums over the connections past and present.
    pub(super) fn stats(&self) -> RegistryStats {
        let mut stats = self.past.clone();
        for entry in self.entries.values() {
            stats.add(&entry.stats().snapshot());
        }
        stats.present = self.entries.len();
        stats.present_by_state = self
            .by_state
            .counts()
            .map(|(state, count)| (*state, count))
            .collect();
        stats
    }

    fn reindex(&mut self, entry: &Arc<Entry>, before: Option<&Facts>, after: Option<&Facts>) {
        let address = |facts: &Facts| facts.remote_addr;
        self.by_address.replace(
            before.and_then(address).as_ref(),
            after.and_then(address).as_ref(),
            entry,
        );
        self.by_host.replace(
            before.and_then(|facts| facts.host.as_ref()),
            after.and_then(|facts| facts.host.as_ref()),
            entry,
        );
        self.by_protocol.replace(
            before.map(|facts| &facts.protocol),
            after.map(|facts| &facts.protocol),
            entry,
        );
        self.by_state.replace(
            before.map(|facts| &facts.state),
            after.map(|facts| &facts.state),
            entry,
        );
    }
}
