//! What went through a registry since it was made.

use std::collections::BTreeMap;

use super::{CloseReason, State, StatsSnapshot};

/// A registry's counts at one moment: `opened` is always `closed` plus `present`.
///
/// Sums are over all connections there ever were, and never fall.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RegistryStats {
    /// Connections registered.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Connections closed, by first cause. A cause that never occurred is absent.
    pub closed_by_reason: BTreeMap<CloseReason, u64>,
    /// Connections present.
    pub present: usize,
    /// Connections present, by state. A state that none is in is absent.
    pub present_by_state: BTreeMap<State, usize>,
    /// Bytes read from peers.
    pub bytes_received: u64,
    /// Bytes written to peers.
    pub bytes_sent: u64,
    /// Messages from peers.
    pub messages_received: u64,
    /// Messages to peers.
    pub messages_sent: u64,
    /// Requests made, by either side.
    pub requests: u64,
    /// Errors recorded.
    pub errors: u64,
}

impl RegistryStats {
    /// Connections closed for `reason`.
    pub fn closed_for(&self, reason: CloseReason) -> u64 {
        self.closed_by_reason.get(&reason).copied().unwrap_or(0)
    }

    /// Connections present in `state`.
    pub fn present_in(&self, state: State) -> usize {
        self.present_by_state.get(&state).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, stats: &StatsSnapshot) {
        self.bytes_received += stats.bytes_received;
        self.bytes_sent += stats.bytes_sent;
        self.messages_received += stats.messages_received;
        self.messages_sent += stats.messages_sent;
        self.requests += stats.requests;
        self.errors += stats.errors;
    }

    pub(super) fn add_closed(&mut self, reason: CloseReason, stats: &StatsSnapshot) {
        self.closed += 1;
        *self.closed_by_reason.entry(reason).or_default() += 1;
        self.add(stats);
    }
}
