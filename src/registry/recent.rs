//! The connections that closed last.

use std::collections::VecDeque;
use std::time::SystemTime;

use serde::Serialize;

use super::serialize::unix_time;
use super::{CloseReason, Snapshot};

/// Connections that a registry remembers after they closed, unless
/// [told otherwise](super::RegistryBuilder::recently_closed). Enough to see what an operator has
/// just done or a fault has just cost; some 100 kB once that many have closed.
pub const DEFAULT_RECENTLY_CLOSED: usize = 256;

/// A connection that closed, as it was at its end. Serializes as [`Snapshot`] does, with the time in
/// seconds since 1970.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClosedConnection {
    /// Everything about it, except its peer's certificate: kilobytes that would be kept for long.
    pub snapshot: Snapshot,
    /// The first cause of its end.
    pub reason: CloseReason,
    /// When it closed, by the wall clock: for display.
    #[serde(serialize_with = "unix_time")]
    pub closed_at: SystemTime,
}

/// The last so many of them, oldest first.
#[derive(Debug)]
pub(super) struct Recent {
    capacity: usize,
    closed: VecDeque<ClosedConnection>,
}

impl Recent {
    pub(super) fn new(capacity: usize) -> Self {
        let closed = VecDeque::new();
        Self { capacity, closed }
    }

    pub(super) fn remember(&mut self, snapshot: &Snapshot, reason: CloseReason) {
        if self.capacity == 0 {
            return;
        }
        if self.closed.len() >= self.capacity {
            self.closed.pop_front();
        }
        let mut snapshot = snapshot.clone();
        snapshot.identity.peer_certificate = None;
        self.closed.push_back(ClosedConnection {
            snapshot,
            reason,
            closed_at: SystemTime::now(),
        });
    }

    pub(super) fn newest_first(&self, limit: usize) -> Vec<ClosedConnection> {
        self.closed.iter().rev().take(limit).cloned().collect()
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self::new(DEFAULT_RECENTLY_CLOSED)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::registry::{ConnectionId, Direction, Draft, Identity, Protocol, Registry};

    fn close(registry: &Registry, reason: CloseReason) -> ConnectionId {
        let registration = registry.register(Draft::new(Direction::Inbound, Protocol::Tcp));
        registration.close(reason);
        registration.id()
    }

    fn ids(registry: &Registry, limit: usize) -> Vec<ConnectionId> {
        let closed = registry.recently_closed(limit);
        closed.iter().map(|closed| closed.snapshot.id).collect()
    }

    #[test]
    fn the_last_to_close_are_remembered_newest_first() {
        let registry = Registry::builder().recently_closed(2).build();
        let [first, second, third] = [
            CloseReason::Error,
            CloseReason::Requested,
            CloseReason::PeerReset,
        ]
        .map(|reason| close(&registry, reason));
        assert_eq!(ids(&registry, usize::MAX), [third, second]);
        assert_eq!(ids(&registry, 1), [third]);
        assert!(first < second);
        let closed = registry.recently_closed(2);
        assert_eq!(closed[0].reason, CloseReason::PeerReset);
        assert_eq!(
            closed[0].snapshot.close_reason,
            Some(CloseReason::PeerReset)
        );
        assert!(closed[1].closed_at <= SystemTime::now());
    }

    #[test]
    fn what_was_known_stays_without_the_certificate() {
        let registry = Registry::new();
        let draft =
            Draft::new(Direction::Inbound, Protocol::WebSocket).host(Arc::from("a.example"));
        let registration = registry.register(draft);
        let identity = Identity::new()
            .user(Arc::from("ada"))
            .peer_certificate(Arc::from([1_u8]));
        registration.set_identity(identity);
        registration.add_label("vip").unwrap();
        registration.stats().record_received(7);
        drop(registration);

        let closed = registry.recently_closed(1).pop().unwrap();
        assert_eq!(closed.reason, CloseReason::Abandoned);
        assert_eq!(closed.snapshot.host.as_deref(), Some("a.example"));
        assert_eq!(
            closed.snapshot.identity,
            Identity::new().user(Arc::from("ada"))
        );
        assert_eq!(closed.snapshot.labels, [Arc::from("vip")]);
        assert_eq!(closed.snapshot.stats.bytes_received, 7);
    }

    #[test]
    fn zero_remembers_nothing() {
        let registry = Registry::builder().recently_closed(0).build();
        close(&registry, CloseReason::Error);
        assert_eq!(registry.recently_closed(1), []);
        assert_eq!(registry.stats().closed, 1);
    }
}
