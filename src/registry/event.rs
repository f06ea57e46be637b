//! What happens to connections, as it happens.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::{CloseReason, ConnectionId, Direction, Health, Protocol, State, StatsSnapshot};

/// Events that a subscriber may be behind before it loses the oldest. Closing a thousand
/// connections at once should not lose any; the ring takes about 200 bytes per event, and only once
/// somebody has subscribed.
pub(super) const EVENT_CAPACITY: usize = 1024;

/// Something that happened to a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A connection was registered. Its first event.
    Opened {
        /// Its name.
        id: ConnectionId,
        /// Who opened it.
        direction: Direction,
        /// What is to be spoken on it, as far as is known.
        protocol: Protocol,
        /// The host it is for, if known.
        host: Option<Arc<str>>,
        /// The peer's address, if known.
        address: Option<SocketAddr>,
    },
    /// A connection moved on in its life. The last move, to closed, is [`Event::Closed`] instead.
    StateChanged {
        /// Its name.
        id: ConnectionId,
        /// The state that it left.
        from: State,
        /// The state that it is in.
        to: State,
    },
    /// The owner changed its mind about a connection.
    HealthChanged {
        /// Its name.
        id: ConnectionId,
        /// What the owner thought before.
        from: Health,
        /// What the owner thinks now.
        to: Health,
    },
    /// A connection's peer was authenticated, or is somebody else now.
    UserChanged {
        /// Its name.
        id: ConnectionId,
        /// The user before.
        from: Option<Arc<str>>,
        /// The user now.
        to: Option<Arc<str>>,
    },
    /// A connection is gone. Its last event, and there is exactly one.
    Closed {
        /// Its name.
        id: ConnectionId,
        /// Who opened it.
        direction: Direction,
        /// What was spoken on it.
        protocol: Protocol,
        /// The host it was for, if known.
        host: Option<Arc<str>>,
        /// The peer's address, if known.
        address: Option<SocketAddr>,
        /// The first cause of its end.
        reason: CloseReason,
        /// What went over it.
        stats: StatsSnapshot,
        /// How long it was in the registry.
        age: Duration,
    },
    /// The subscriber was too slow: so many events were dropped at this place.
    Lost(u64),
}

impl Event {
    /// The stable name of what happened, without the particulars: lower case, words joined by
    /// underscores. Whether a connection timed out or failed is in its
    /// [reason](CloseReason::is_timeout).
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "connection_added",
            Self::StateChanged { .. } => "connection_state_changed",
            Self::HealthChanged { .. } => "connection_health_changed",
            Self::UserChanged { .. } => "connection_user_changed",
            Self::Closed { .. } => "connection_removed",
            Self::Lost(_) => "events_lost",
        }
    }
}

/// A subscription, from [`Registry::subscribe`](super::Registry::subscribe).
///
/// Connections never wait for a subscriber. One that is more than 1,024 events behind loses the
/// oldest and is told how many.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    /// The next event, or `None` when the registry and all its connections are gone.
    ///
    /// # Cancel safety
    ///
    /// No event is lost if the future is dropped.
    pub async fn recv(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(Event::Lost(count)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next event, if it is there already.
    pub fn try_recv(&mut self) -> Option<Event> {
        match self.0.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(count)) => Some(Event::Lost(count)),
            Err(TryRecvError::Closed | TryRecvError::Empty) => None,
        }
    }
}

/// Hands events to the subscribers. The ring is made for the first of them.
#[derive(Debug, Default)]
pub(super) struct Publisher(OnceLock<broadcast::Sender<Event>>);

impl Publisher {
    pub(super) fn subscribe(&self) -> Events {
        let sender = self
            .0
            .get_or_init(|| broadcast::Sender::new(EVENT_CAPACITY));
        Events(sender.subscribe())
    }

    /// Publishes what `event` makes, if anybody listens. Never waits for a subscriber.
    pub(super) fn publish(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = self.0.get()
            && sender.receiver_count() > 0
        {
            // Fails when the last subscriber left meanwhile; then nobody misses it.
            let _ = sender.send(event());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_test::task;

    use super::*;
    use crate::registry::{Draft, Registry};

    #[tokio::test]
    async fn a_life_is_told_in_order() {
        let registry = Registry::new();
        let mut events = registry.subscribe();
        let host: Arc<str> = Arc::from("example.com");
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        let draft = Draft::new(Direction::Outbound, Protocol::Tls).host(Arc::clone(&host));
        let registration = registry.register(draft);
        let id = registration.id();
        registration.set_remote_addr(address);
        registration.set_state(State::Open);
        registration.stats().record_sent(5);
        registration.close(CloseReason::IdleTimeout);
        drop((registry, registration));

        let opened = events.recv().await.unwrap();
        let (direction, protocol) = (Direction::Outbound, Protocol::Tls);
        let known = Some(Arc::clone(&host));
        assert_eq!(
            opened,
            Event::Opened {
                id,
                direction,
                protocol,
                host: known,
                address: None
            }
        );
        let (from, to) = (State::Connecting, State::Open);
        assert_eq!(
            events.recv().await,
            Some(Event::StateChanged { id, from, to })
        );
        let Some(Event::Closed {
            host: Some(closed_host),
            address: at,
            reason,
            stats,
            ..
        }) = events.recv().await
        else {
            panic!("no end");
        };
        assert_eq!((closed_host, at), (host, Some(address)));
        assert_eq!((reason, stats.bytes_sent), (CloseReason::IdleTimeout, 5));
        assert_eq!(events.recv().await, None);
    }

    #[test]
    fn a_slow_subscriber_is_told_how_many_it_lost() {
        const LOST: usize = 10;
        let registry = Registry::new();
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp);
        let registration = registry.register(draft);
        let mut slow = registry.subscribe();
        for health in [Health::Suspect, Health::Healthy]
            .into_iter()
            .cycle()
            .take(EVENT_CAPACITY + LOST)
        {
            registration.set_health(health);
        }
        assert_eq!(slow.try_recv(), Some(Event::Lost(LOST as u64)));
        let rest = std::iter::from_fn(|| slow.try_recv()).count();
        assert_eq!(rest, EVENT_CAPACITY);
    }

    #[test]
    fn a_dropped_recv_loses_nothing() {
        let registry = Registry::new();
        let mut events = registry.subscribe();
        {
            let mut waiting = task::spawn(events.recv());
            assert!(waiting.poll().is_pending());
            let _registration = registry.register(Draft::new(Direction::Inbound, Protocol::Tcp));
            assert!(waiting.is_woken());
        }
        assert!(matches!(events.try_recv(), Some(Event::Opened { .. })));
        assert!(matches!(events.try_recv(), Some(Event::Closed { .. })));
    }

    #[test]
    fn without_subscribers_no_event_is_made() {
        let publisher = Publisher::default();
        publisher.publish(|| panic!("nobody listens"));
        drop(publisher.subscribe());
        publisher.publish(|| panic!("nobody listens any more"));
    }
}
