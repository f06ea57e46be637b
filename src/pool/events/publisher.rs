//! From those who have something to say to those who listen.

use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::{Hook, Observer, PoolEvent};

/// Events that a subscriber may be behind before it loses the oldest: a thousand connections that close at once lose none. An event
/// takes about 220 bytes of the ring, which is made when somebody subscribes.
const CAPACITY: usize = 1024;

/// A subscription, from [`Pool::subscribe`](crate::Pool::subscribe).
///
/// The pool never waits for a subscriber. One that is more than 1,024 events behind loses the oldest and is told how many, by a
/// [`PoolEvent::Lost`] in their place.
#[derive(Debug)]
pub struct PoolEvents(broadcast::Receiver<PoolEvent>);

impl PoolEvents {
    /// The next event, or `None` when the pool and everything that it handed out is gone.
    ///
    /// # Cancel safety
    ///
    /// No event is lost if the future is dropped.
    pub async fn recv(&mut self) -> Option<PoolEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(PoolEvent::Lost(count)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next event, if it is there already.
    pub fn try_recv(&mut self) -> Option<PoolEvent> {
        match self.0.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(count)) => Some(PoolEvent::Lost(count)),
            Err(TryRecvError::Closed | TryRecvError::Empty) => None,
        }
    }
}

/// Hands events to the hooks and to the subscribers.
#[derive(Debug, Default)]
pub(in crate::pool) struct Publisher {
    hooks: Vec<Hook>,
    observer: Option<Arc<dyn Observer>>,
    ring: OnceLock<broadcast::Sender<PoolEvent>>,
}

impl Publisher {
    pub(in crate::pool) fn new(hooks: Vec<Hook>, observer: Option<Arc<dyn Observer>>) -> Self {
        Self {
            hooks,
            observer,
            ring: OnceLock::new(),
        }
    }

    pub(in crate::pool) fn subscribe(&self) -> PoolEvents {
        let ring = self.ring.get_or_init(|| broadcast::Sender::new(CAPACITY));
        PoolEvents(ring.subscribe())
    }

    /// Publishes what `event` makes, if anybody listens. Never waits for a subscriber; hooks run here and now, so the caller must hold
    /// no lock.
    pub(in crate::pool) fn publish(&self, event: impl FnOnce() -> PoolEvent) {
        if !self.is_heard() {
            return;
        }
        let event = event();
        for hook in &self.hooks {
            hook.call(&event);
        }
        if let Some(ring) = self.ring.get() {
            // Fails when there is no subscriber; then nobody misses it.
            let _ = ring.send(event);
        }
    }

    /// Who is told of what happens too often for an event.
    pub(in crate::pool) fn observer(&self) -> Option<&dyn Observer> {
        self.observer.as_deref()
    }

    /// Whether anybody listens.
    pub(in crate::pool) fn is_heard(&self) -> bool {
        self.hooks.iter().any(|hook| !hook.is_broken())
            || self
                .ring
                .get()
                .is_some_and(|ring| ring.receiver_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_test::task;

    use super::*;

    fn number(event: Option<PoolEvent>) -> Option<u64> {
        match event {
            Some(PoolEvent::Lost(number)) => Some(number),
            _ => None,
        }
    }

    #[test]
    fn a_slow_subscriber_is_told_how_many_it_lost() {
        const LOST: usize = 10;
        let publisher = Publisher::default();
        let mut slow = publisher.subscribe();
        for _ in 0..CAPACITY + LOST {
            publisher.publish(|| PoolEvent::Lost(7));
        }
        assert_eq!(number(slow.try_recv()), Some(LOST as u64));
        let rest = std::iter::from_fn(|| slow.try_recv()).count();
        assert_eq!(rest, CAPACITY);
    }

    #[test]
    fn a_dropped_recv_loses_nothing() {
        let publisher = Publisher::default();
        let mut events = publisher.subscribe();
        {
            let mut waiting = task::spawn(events.recv());
            assert!(waiting.poll().is_pending());
            publisher.publish(|| PoolEvent::Lost(1));
            assert!(waiting.is_woken());
        }
        assert_eq!(number(events.try_recv()), Some(1));
        drop(publisher);
        let mut end = task::spawn(events.recv());
        assert!(matches!(end.poll(), std::task::Poll::Ready(None)));
    }

    #[test]
    fn no_event_is_made_for_nobody() {
        let publisher = Publisher::default();
        publisher.publish(|| panic!("nobody listens"));
        drop(publisher.subscribe());
        publisher.publish(|| panic!("nobody listens any more"));
    }

    #[test]
    fn a_hook_that_panics_is_called_no_more_and_harms_nobody_else() {
        let (calls, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |calls: &Arc<AtomicUsize>| {
            let calls = Arc::clone(calls);
            move || calls.fetch_add(1, Ordering::Relaxed)
        };
        let (bad, good) = (count(&calls), count(&heard));
        let publisher = Publisher::new(
            vec![
                Hook::new(move |_| {
                    bad();
                    panic!("a hook's own fault");
                }),
                Hook::new(move |_| {
                    good();
                }),
            ],
            None,
        );
        let mut events = publisher.subscribe();
        for _ in 0..3 {
            publisher.publish(|| PoolEvent::Lost(1));
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(heard.load(Ordering::Relaxed), 3);
        assert_eq!(std::iter::from_fn(|| events.try_recv()).count(), 3);
    }

    #[test]
    fn an_event_is_as_small_as_the_ring_says() {
        assert!(size_of::<PoolEvent>() <= 216, "{}", size_of::<PoolEvent>());
    }
}
