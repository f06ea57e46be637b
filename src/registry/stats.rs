//! What went over one connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// The counters of one connection. They only grow.
///
/// Recording is an atomic addition without ordering, so it may be done from anywhere; the task that
/// reads and the task that writes do not share a cache line. What is recorded after the connection
/// was closed is kept here but is not in the [registry's totals](super::RegistryStats).
#[derive(Debug)]
pub struct Stats {
    opened_at: Instant,
    received: Half,
    sent: Half,
    exchanges: Exchanges,
}

impl Stats {
    pub(super) fn new(opened_at: Instant) -> Self {
        Self {
            opened_at,
            received: Half::default(),
            sent: Half::default(),
            exchanges: Exchanges::default(),
        }
    }

    /// Counts bytes read from the peer and notes the time: one clock read.
    pub fn record_received(&self, bytes: u64) {
        self.received.record(bytes, self.opened_at.elapsed());
    }

    /// Counts bytes written to the peer and notes the time: one clock read.
    pub fn record_sent(&self, bytes: u64) {
        self.sent.record(bytes, self.opened_at.elapsed());
    }

    /// Counts a message from the peer, whatever the protocol calls a message.
    pub fn record_message_received(&self) {
        self.received.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message to the peer.
    pub fn record_message_sent(&self) {
        self.sent.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request, whichever side made it.
    pub fn record_request(&self) {
        self.exchanges.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts something that went wrong.
    pub fn record_error(&self) {
        self.exchanges.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes read from the peer.
    pub fn bytes_received(&self) -> u64 {
        self.received.bytes.load(Ordering::Relaxed)
    }

    /// Bytes written to the peer.
    pub fn bytes_sent(&self) -> u64 {
        self.sent.bytes.load(Ordering::Relaxed)
    }

    /// Messages from the peer.
    pub fn messages_received(&self) -> u64 {
        self.received.messages.load(Ordering::Relaxed)
    }

    /// Messages to the peer.
    pub fn messages_sent(&self) -> u64 {
        self.sent.messages.load(Ordering::Relaxed)
    }

    /// Requests made, by either side.
    pub fn requests(&self) -> u64 {
        self.exchanges.requests.load(Ordering::Relaxed)
    }

    /// Errors recorded.
    pub fn errors(&self) -> u64 {
        self.exchanges.errors.load(Ordering::Relaxed)
    }

    /// When bytes were last read, if ever.
    pub fn last_received(&self) -> Option<Instant> {
        self.received.last(self.opened_at)
    }

    /// When bytes were last written, if ever.
    pub fn last_sent(&self) -> Option<Instant> {
        self.sent.last(self.opened_at)
    }

    /// The counters as plain data. They are read one after the other: on a busy connection they
    /// may be apart by what happened in those nanoseconds.
    pub fn snapshot(&self) -> StatsSnapshot {
        StatsSnapshot {
            bytes_received: self.bytes_received(),
            bytes_sent: self.bytes_sent(),
            messages_received: self.messages_received(),
            messages_sent: self.messages_sent(),
            requests: self.requests(),
            errors: self.errors(),
            last_received: self.last_received(),
            last_sent: self.last_sent(),
        }
    }
}

/// [`Stats`] at one moment, as plain data. Serialized without the times, which only this process
/// understands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatsSnapshot {
    /// Bytes read from the peer.
    pub bytes_received: u64,
    /// Bytes written to the peer.
    pub bytes_sent: u64,
    /// Messages from the peer.
    pub messages_received: u64,
    /// Messages to the peer.
    pub messages_sent: u64,
    /// Requests made, by either side.
    pub requests: u64,
    /// Errors recorded.
    pub errors: u64,
    /// When bytes were last read, if ever.
    #[serde(skip)]
    pub last_received: Option<Instant>,
    /// When bytes were last written, if ever.
    #[serde(skip)]
    pub last_sent: Option<Instant>,
}

/// One direction's counters. 64 bytes is the cache line of x86-64 and of most ARM cores.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Half {
    bytes: AtomicU64,
    messages: AtomicU64,
    /// Nanoseconds since the connection was opened, plus one: zero means never.
    last: AtomicU64,
}

impl Half {
    fn record(&self, bytes: u64, age: Duration) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let nanoseconds = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        self.last
            .fetch_max(nanoseconds.saturating_add(1), Ordering::Relaxed);
    }

    fn last(&self, opened_at: Instant) -> Option<Instant> {
        let age = self.last.load(Ordering::Relaxed).checked_sub(1)?;
        opened_at.checked_add(Duration::from_nanos(age))
    }
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Exchanges {
    requests: AtomicU64,
    errors: AtomicU64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_byte_of_each_direction_is_dated() {
        let stats = Stats::new(Instant::now());
        assert_eq!(stats.snapshot(), StatsSnapshot::default());

        stats.record_sent(10);
        let sent_at = Instant::now();
        tokio::time::advance(Duration::from_secs(3)).await;
        stats.record_received(20);
        stats.record_received(1);

        assert_eq!(stats.last_sent(), Some(sent_at));
        assert_eq!(stats.last_received(), Some(Instant::now()));
        assert_eq!((stats.bytes_sent(), stats.bytes_received()), (10, 21));
    }

    #[test]
    fn each_counter_counts_its_own() {
        let stats = Stats::new(Instant::now());
        stats.record_message_sent();
        (0..2).for_each(|_| stats.record_message_received());
        (0..3).for_each(|_| stats.record_request());
        (0..4).for_each(|_| stats.record_error());
        let expected = StatsSnapshot {
            messages_sent: 1,
            messages_received: 2,
            requests: 3,
            errors: 4,
            ..StatsSnapshot::default()
        };
        assert_eq!(stats.snapshot(), expected);
    }
}
