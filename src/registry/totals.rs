//! What went through a registry since it was made.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::time::Instant;

use super::serialize::{seconds, unix_time};
use super::tables::Tables;
use super::{CloseReason, Protocol, State, StatsSnapshot};

/// A registry's counts at one moment: `opened` is always `closed` plus `present`, and what is
/// counted by state, reason or protocol adds up to the whole.
///
/// Sums are over all connections there ever were, and never fall. Serializes with `serde`: durations
/// in seconds, the time in seconds since 1970.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RegistryStats {
    /// When the registry was made, by the wall clock: for display.
    #[serde(serialize_with = "unix_time")]
    pub started_at: SystemTime,
    /// How long ago it was made.
    #[serde(serialize_with = "seconds")]
    pub uptime: Duration,
    /// Connections registered.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Connections closed, by first cause. A cause that never occurred is absent.
    pub closed_by_reason: BTreeMap<CloseReason, u64>,
    /// How long the closed connections were in the registry, on average. Zero without any.
    #[serde(serialize_with = "seconds")]
    pub average_lifetime: Duration,
    /// Connections present.
    pub present: usize,
    /// Connections present, by state. A state that none is in is absent.
    pub present_by_state: BTreeMap<State, usize>,
    /// The most connections there were at a time.
    pub peak: usize,
    /// Connections present on which something is under way.
    pub active: usize,
    /// How long the connections present have been in the registry, on average. Zero without any.
    #[serde(serialize_with = "seconds")]
    pub average_age: Duration,
    /// Users that have a connection.
    pub online_users: usize,
    /// The connections of each protocol, past and present. One that none ever spoke is absent.
    pub by_protocol: BTreeMap<Protocol, ProtocolStats>,
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

    /// The connections of `protocol`; zeros if there never were any.
    pub fn of_protocol(&self, protocol: Protocol) -> ProtocolStats {
        self.by_protocol.get(&protocol).copied().unwrap_or_default()
    }
}

/// A protocol's part in [`RegistryStats`].
///
/// A connection counts wholly for what is spoken on it now, or was when it closed: after an upgrade
/// its bytes are the new protocol's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProtocolStats {
    /// Connections present.
    pub present: usize,
    /// Connections closed.
    pub closed: u64,
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

impl ProtocolStats {
    pub(super) fn add(&mut self, stats: &StatsSnapshot) {
        self.bytes_received += stats.bytes_received;
        self.bytes_sent += stats.bytes_sent;
        self.messages_received += stats.messages_received;
        self.messages_sent += stats.messages_sent;
        self.requests += stats.requests;
        self.errors += stats.errors;
    }
}

/// What is known without the connections present.
#[derive(Debug)]
pub(super) struct Past {
    started: Instant,
    started_at: SystemTime,
    opened: u64,
    peak: usize,
    lifetimes: Duration,
    closed_by_reason: BTreeMap<CloseReason, u64>,
    /// With nothing present.
    by_protocol: BTreeMap<Protocol, ProtocolStats>,
}

impl Default for Past {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
            opened: 0,
            peak: 0,
            lifetimes: Duration::ZERO,
            closed_by_reason: BTreeMap::new(),
            by_protocol: BTreeMap::new(),
        }
    }
}

impl Past {
    /// Counts a connection opened, with which `present` are there.
    pub(super) fn count_opened(&mut self, present: usize) {
        self.opened += 1;
        self.peak = self.peak.max(present);
    }

    pub(super) fn count_closed(
        &mut self,
        protocol: Protocol,
        reason: CloseReason,
        age: Duration,
        stats: &StatsSnapshot,
    ) {
        self.lifetimes = self.lifetimes.saturating_add(age);
        *self.closed_by_reason.entry(reason).or_default() += 1;
        let of_protocol = self.by_protocol.entry(protocol).or_default();
        of_protocol.closed += 1;
        of_protocol.add(stats);
    }
}

impl Tables {
    /// Counts, and sums over the connections past and present.
    pub(super) fn stats(&self) -> RegistryStats {
        let (now, past) = (Instant::now(), &self.past);
        let mut by_protocol = past.by_protocol.clone();
        let (mut active, mut ages) = (0, Duration::ZERO);
        for entry in self.entries.values() {
            let of_protocol = by_protocol.entry(entry.protocol()).or_default();
            of_protocol.present += 1;
            of_protocol.add(&entry.stats().snapshot());
            active += usize::from(entry.in_flight() > 0);
            ages = ages.saturating_add(entry.age_at(now));
        }
        let present_by_state = self
            .by_state
            .buckets()
            .map(|(state, bucket)| (*state, bucket.len()));
        let (present, closed) = (self.entries.len(), past.closed_by_reason.values().sum());
        let sum = |part: fn(&ProtocolStats) -> u64| by_protocol.values().map(part).sum();
        RegistryStats {
            started_at: past.started_at,
            uptime: now.saturating_duration_since(past.started),
            opened: past.opened,
            closed,
            closed_by_reason: past.closed_by_reason.clone(),
            average_lifetime: average(past.lifetimes, closed),
            present,
            present_by_state: present_by_state.collect(),
            peak: past.peak,
            active,
            average_age: average(ages, present as u64),
            online_users: self.by_user.keys().len(),
            bytes_received: sum(|stats| stats.bytes_received),
            bytes_sent: sum(|stats| stats.bytes_sent),
            messages_received: sum(|stats| stats.messages_received),
            messages_sent: sum(|stats| stats.messages_sent),
            requests: sum(|stats| stats.requests),
            errors: sum(|stats| stats.errors),
            by_protocol,
        }
    }
}

fn average(sum: Duration, count: u64) -> Duration {
    let nanoseconds = sum.as_nanos().checked_div(u128::from(count)).unwrap_or(0);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Direction, Draft, Registry};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn times_are_averages_and_the_peak_stays() {
        let registry = Registry::new();
        let before = registry.stats();
        assert_eq!(
            (before.average_age, before.average_lifetime),
            Default::default()
        );
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp);
        let [first, second] = [(); 2].map(|()| registry.register(draft.clone()));
        tokio::time::advance(2 * SECOND).await;
        let third = registry.register(draft);
        let _exchange = third.begin();
        drop(first);
        tokio::time::advance(2 * SECOND).await;
        drop(second);

        let stats = registry.stats();
        assert_eq!(stats.average_lifetime, 3 * SECOND);
        assert_eq!((stats.average_age, stats.uptime), (2 * SECOND, 4 * SECOND));
        assert_eq!((stats.peak, stats.present, stats.active), (3, 1, 1));
        assert_eq!(stats.started_at, before.started_at);
    }

    #[test]
    fn an_upgrade_takes_what_was_counted_along() {
        let registry = Registry::new();
        let registration = registry.register(Draft::new(Direction::Inbound, Protocol::Http1));
        registration.stats().record_received(7);
        registration.stats().record_request();
        assert_eq!(registry.stats().of_protocol(Protocol::Http1).requests, 1);

        registration.set_protocol(Protocol::WebSocket);
        registration.stats().record_message_sent();
        registration.stats().record_message_received();
        registration.stats().record_error();
        let present = registry.stats();
        assert!(!present.by_protocol.contains_key(&Protocol::Http1));
        let expected = ProtocolStats {
            present: 1,
            bytes_received: 7,
            messages_received: 1,
            messages_sent: 1,
            requests: 1,
            errors: 1,
            ..ProtocolStats::default()
        };
        assert_eq!(present.of_protocol(Protocol::WebSocket), expected);

        drop(registration);
        let (present, closed) = (0, 1);
        let expected = ProtocolStats {
            present,
            closed,
            ..expected
        };
        assert_eq!(registry.stats().of_protocol(Protocol::WebSocket), expected);
        assert_eq!(
            (registry.stats().messages_sent, registry.stats().errors),
            (1, 1)
        );
    }
}
