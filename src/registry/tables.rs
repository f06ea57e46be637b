//! All connections and the indexes over them, as one value under one lock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::facts::Facts;
use super::index::Index;
use super::recent::Recent;
use super::totals::Past;
use super::{AddressGroup, CloseReason, ConnectionId, Direction, Entry, Protocol, Snapshot, State};

/// The connections present, by each of their properties.
///
/// Methods that take `&mut self` keep all fields in agreement with each other and with the entries'
/// facts. They run no foreign code: an entry's owner keeps it alive, so none is dropped in here.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// In the order of the ids, which is that of opening: so a listing can go on where it was.
    pub(super) entries: BTreeMap<ConnectionId, Arc<Entry>>,
    pub(super) by_address: Index<SocketAddr>,
    pub(super) by_address_group: Index<AddressGroup>,
    pub(super) by_direction: Index<Direction>,
    pub(super) by_host: Index<Arc<str>>,
    pub(super) by_label: Index<Arc<str>>,
    pub(super) by_protocol: Index<Protocol>,
    pub(super) by_state: Index<State>,
    pub(super) by_user: Index<Arc<str>>,
    pub(super) recent: Recent,
    pub(super) past: Past,
}

/// The connection is closed, or was never in this registry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed;

impl Tables {
    /// Adds a connection.
    pub(super) fn insert(&mut self, entry: &Arc<Entry>) {
        let facts = entry.facts.read();
        self.entries.insert(entry.id(), Arc::clone(entry));
        self.by_direction.add(&entry.direction(), entry);
        self.reindex(entry, None, Some(&facts));
        self.past.count_opened(self.entries.len());
    }

    /// Changes a connection's facts. What they were and what they are, if that differs.
    pub(super) fn change(
        &mut self,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Facts),
    ) -> Result<Option<(Facts, Facts)>, Closed> {
        let mut facts = entry.facts.write();
        if facts.state == State::Closed {
            return Err(Closed);
        }
        let before = facts.clone();
        change(&mut facts);
        if before == *facts {
            return Ok(None);
        }
        self.reindex(entry, Some(&before), Some(&facts));
        Ok(Some((before, facts.clone())))
    }

    /// Removes a connection for good. What it was at its end, or nothing if it was closed before.
    pub(super) fn close(&mut self, entry: &Arc<Entry>, reason: CloseReason) -> Option<Snapshot> {
        self.entries.remove(&entry.id())?;
        let mut facts = entry.facts.write();
        self.by_direction.remove(&entry.direction(), entry.id());
        self.reindex(entry, Some(&facts), None);
        facts.state = State::Closed;
        facts.closed_at = Some(Instant::now());
        let last = entry.snapshot_of(&facts);
        self.past
            .count_closed(last.protocol, reason, last.age, &last.stats);
        self.recent.remember(&last, reason);
        Some(last)
    }

    fn reindex(&mut self, entry: &Arc<Entry>, before: Option<&Facts>, after: Option<&Facts>) {
        let address = |facts: &Facts| facts.remote_addr;
        self.by_address.replace(
            before.and_then(address).as_ref(),
            after.and_then(address).as_ref(),
            entry,
        );
        self.by_address_group.replace(
            before.and_then(Facts::address_group).as_ref(),
            after.and_then(Facts::address_group).as_ref(),
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
        self.by_user.replace(
            before.and_then(|facts| facts.identity.user.as_ref()),
            after.and_then(|facts| facts.identity.user.as_ref()),
            entry,
        );
        let [before, after] =
            [before, after].map(|facts| facts.map(|facts| facts.labels.as_slice()));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        for gone in before.iter().filter(|label| !after.contains(label)) {
            self.by_label.remove(gone, entry.id());
        }
        for new in after.iter().filter(|label| !before.contains(label)) {
            self.by_label.add(new, entry);
        }
    }
}
