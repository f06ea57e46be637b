//! The record of one connection.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::facts::Facts;
use super::sync::RwLock;
use super::{
    Activity, AddressGroup, Attributes, CloseReason, ConnectionId, Direction, Draft, Health,
    Identity, Protocol, Snapshot, State, Stats,
};

/// A connection, as everybody but its owner sees it.
///
/// Held in an [`Arc`], it stays readable after the connection was closed. Reading is an atomic or
/// an uncontended lock of this entry alone; no method takes the registry's lock.
pub struct Entry {
    id: ConnectionId,
    direction: Direction,
    opened_at: Instant,
    /// Written with the registry's lock held, so that the indexes and the facts change as one.
    pub(super) facts: RwLock<Facts>,
    cause: OnceLock<CloseReason>,
    closing: CancellationToken,
    in_flight: AtomicUsize,
    stats: Stats,
    attributes: Attributes,
}

impl Entry {
    pub(super) fn new(draft: Draft) -> Self {
        let opened_at = Instant::now();
        Self {
            id: ConnectionId::next(),
            direction: draft.direction,
            opened_at,
            facts: RwLock::new(Facts::new(draft)),
            cause: OnceLock::new(),
            closing: CancellationToken::new(),
            in_flight: AtomicUsize::new(0),
            stats: Stats::new(opened_at),
            attributes: Attributes::default(),
        }
    }

    /// Its name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Who opened it.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What is spoken on it.
    pub fn protocol(&self) -> Protocol {
        self.facts.read().protocol
    }

    /// The host it is for, once known.
    pub fn host(&self) -> Option<Arc<str>> {
        self.facts.read().host.clone()
    }

    /// The peer's address, once known.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.facts.read().remote_addr
    }

    /// The group of the peer's address, once known.
    pub fn address_group(&self) -> Option<AddressGroup> {
        self.facts.read().address_group()
    }

    /// The client's address: what a trusted proxy said that it is, or the [peer's](Self::remote_addr). Requests from several clients that
    /// a proxy sends over one connection each have their own.
    pub fn client_addr(&self) -> Option<SocketAddr> {
        let facts = self.facts.read();
        facts.client_addr.or(facts.remote_addr)
    }

    /// Our address, once known.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.facts.read().local_addr
    }

    /// Where in its life it is.
    pub fn state(&self) -> State {
        self.facts.read().state
    }

    /// What its owner thinks of it.
    pub fn health(&self) -> Health {
        self.facts.read().health
    }

    /// Who the peer has proven to be.
    pub fn identity(&self) -> Identity {
        self.facts.read().identity.clone()
    }

    /// The user that the peer has proven to be.
    pub fn user(&self) -> Option<Arc<str>> {
        self.facts.read().identity.user.clone()
    }

    /// Its labels, sorted.
    pub fn labels(&self) -> Vec<Arc<str>> {
        self.facts.read().labels.as_slice().to_vec()
    }

    /// Whether it has that label.
    pub fn has_label(&self, label: &str) -> bool {
        self.facts.read().labels.contains(label)
    }

    /// Whether anything is under way.
    pub fn activity(&self) -> Activity {
        activity_of(self.in_flight())
    }

    /// The number of requests or exchanges under way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts one more request or exchange as under way until the guard is dropped: one atomic
    /// addition. It neither is a limit nor counts into [`Stats::requests`].
    pub fn begin(self: &Arc<Self>) -> ActivityGuard {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        ActivityGuard {
            entry: Arc::clone(self),
        }
    }

    /// What went over it.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What the application tied to it.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// When it was registered.
    pub fn opened_at(&self) -> Instant {
        self.opened_at
    }

    /// How long it has been, or was, in the registry.
    pub fn age(&self) -> Duration {
        let end = self.facts.read().end(Instant::now());
        self.age_at(end)
    }

    /// How long nothing has been received on it: since the last byte from the peer, or since it was
    /// registered if there was none. What is sent to the peer does not count, so a peer that is
    /// gone grows idle however much is broadcast to it. After the close it stands still.
    pub fn idle_for(&self) -> Duration {
        let end = self.facts.read().end(Instant::now());
        self.idle_at(end)
    }

    /// The first cause of its end, from when it is known; the connection may still be open.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.cause.get().copied()
    }

    /// Asks the owner to close, and records `reason` unless there is an earlier cause.
    ///
    /// Returns at once: the connection is gone when its state is [`State::Closed`]. Asking again,
    /// or after that, does nothing.
    pub fn request_close(&self, reason: CloseReason) {
        self.note_close(reason);
        self.closing.cancel();
    }

    /// Whether somebody asked for closing, or the connection is closed.
    pub fn is_close_requested(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Completes when somebody asks for closing or the connection is closed; at once if so already.
    /// Any number of tasks may wait.
    ///
    /// # Cancel safety
    ///
    /// A request is a lasting state: dropping the future loses nothing.
    pub fn close_requested(&self) -> impl Future<Output = ()> + Send + use<> {
        self.closing.clone().cancelled_owned()
    }

    /// Everything about it as plain data. State, health, protocol, host and addresses are of one
    /// moment.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_of(&self.facts.read())
    }

    pub(super) fn snapshot_of(&self, facts: &Facts) -> Snapshot {
        let in_flight = self.in_flight();
        let end = facts.end(Instant::now());
        Snapshot {
            id: self.id,
            direction: self.direction,
            protocol: facts.protocol,
            host: facts.host.clone(),
            remote_addr: facts.remote_addr,
            client_addr: facts.client_addr.or(facts.remote_addr),
            local_addr: facts.local_addr,
            state: facts.state,
            activity: activity_of(in_flight),
            in_flight,
            health: facts.health,
            identity: facts.identity.clone(),
            labels: facts.labels.as_slice().to_vec(),
            age: self.age_at(end),
            idle_for: self.idle_at(end),
            stats: self.stats.snapshot(),
            close_reason: self.close_reason(),
        }
    }

    /// Records `reason` unless there is an earlier cause; the cause that stands.
    pub(super) fn note_close(&self, reason: CloseReason) -> CloseReason {
        *self.cause.get_or_init(|| reason)
    }

    /// Wakes whoever waits for the end.
    pub(super) fn announce_close(&self) {
        self.closing.cancel();
    }

    pub(super) fn age_at(&self, time: Instant) -> Duration {
        time.saturating_duration_since(self.opened_at)
    }

    pub(super) fn idle_at(&self, time: Instant) -> Duration {
        let since = self.stats.last_received().unwrap_or(self.opened_at);
        time.saturating_duration_since(since)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts.read();
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .field("protocol", &facts.protocol)
            .field("host", &facts.host)
            .field("remote_addr", &facts.remote_addr)
            .field("state", &facts.state)
            .finish_non_exhaustive()
    }
}

/// One request or exchange under way; dropping it ends it.
#[derive(Debug)]
#[must_use = "the exchange ends when the guard is dropped"]
pub struct ActivityGuard {
    entry: Arc<Entry>,
}

impl ActivityGuard {
    /// The connection it is on.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }
}

impl Drop for ActivityGuard {
    fn drop(&mut self) {
        self.entry.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn activity_of(in_flight: usize) -> Activity {
    match in_flight {
        0 => Activity::Idle,
        _ => Activity::Active,
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::task;

    use super::*;

    fn entry() -> Arc<Entry> {
        Arc::new(Entry::new(Draft::new(Direction::Inbound, Protocol::Tcp)))
    }

    #[test]
    fn guards_make_it_active() {
        let entry = entry();
        assert_eq!(entry.activity(), Activity::Idle);
        let first = entry.begin();
        let second = first.entry().begin();
        assert_eq!((entry.activity(), entry.in_flight()), (Activity::Active, 2));
        drop(first);
        assert_eq!(entry.snapshot().activity, Activity::Active);
        drop(second);
        assert_eq!((entry.activity(), entry.in_flight()), (Activity::Idle, 0));
    }

    #[test]
    fn a_request_wakes_all_who_wait_and_stays() {
        let entry = entry();
        let mut abandoned = task::spawn(entry.close_requested());
        let mut waiting = [(); 2].map(|()| task::spawn(entry.close_requested()));
        assert!(abandoned.poll().is_pending());
        assert!(
            waiting
                .iter_mut()
                .all(|waiting| waiting.poll().is_pending())
        );
        drop(abandoned);

        entry.request_close(CloseReason::Evicted);
        entry.request_close(CloseReason::Shutdown);
        assert!(
            waiting
                .iter_mut()
                .all(|waiting| waiting.is_woken() && waiting.poll().is_ready())
        );
        assert!(task::spawn(entry.close_requested()).poll().is_ready());
        assert!(entry.is_close_requested());
        assert_eq!(entry.close_reason(), Some(CloseReason::Evicted));
        assert_eq!(entry.state(), State::Connecting);
    }
}
