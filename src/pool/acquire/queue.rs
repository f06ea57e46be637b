//! Callers waiting for one host, oldest first, and what the host knows about its dials. Always under the host's lock.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lease::Lease;
use super::turnstile::{Line, Waiters};
use crate::error::{Error, Result};
use crate::pool::address::Membership;
use crate::pool::dialing::Scale;
use crate::pool::live::Live;
use crate::pool::target::Inherited;
use crate::pool::upkeep::IdleWindow;
use crate::registry::Protocol;

/// What a waiter is handed.
pub(in crate::pool) type Grant = oneshot::Sender<Result<Lease>>;

#[derive(Debug, Default)]
pub(in crate::pool) struct Queue {
    waiters: Waiters<Grant>,
    /// Dials under way.
    pub(in crate::pool) dialing: usize,
    /// Connections not yet closed, draining ones included.
    pub(in crate::pool) members: Vec<Arc<Live>>,
    /// What the last connection spoke.
    pub(in crate::pool) protocol: Option<Protocol>,
    /// What it speaks by its key, or by its HTTPS records: those are a hint, until a connection has shown it.
    pub(in crate::pool) announced: Option<Protocol>,
    /// No further dial before this, unless callers wait and nothing else can serve them.
    pub(in crate::pool) dial_again: Option<Instant>,
    /// Dials that failed in a row.
    pub(in crate::pool) failures: u32,
    /// Which addresses the name service names.
    pub(in crate::pool) membership: Membership,
    /// When the last of them failed.
    pub(in crate::pool) failed_at: Option<Instant>,
    /// How long the server leaves idle connections open.
    pub(in crate::pool) idle_window: IdleWindow,
    /// How many connections the load needs.
    pub(in crate::pool) scale: Scale,
    /// Connections in a row that the server took back before anybody could use them.
    pub(in crate::pool) flaps: u32,
    /// The pool was closed.
    pub(in crate::pool) closed: bool,
    /// Removed from the pool's map; whoever still holds it must look the host up again.
    pub(in crate::pool) retired: bool,
    /// What of its key follows the pool's defaults, for a host that is kept warm.
    pub(in crate::pool) inherited: Inherited,
    /// What kept the last dial from all of the host's addresses, and since when, until one of them may have a place.
    pub(in crate::pool) kept_out: Option<(Error, Instant)>,
    /// When a caller was last refused because others have what there is.
    pub(in crate::pool) refused_at: Option<Instant>,
    /// In the list of hosts that wait for a place.
    pub(in crate::pool) starved: bool,
}

impl Queue {
    pub(in crate::pool) fn new(announced: Option<Protocol>) -> Self {
        Self {
            announced,
            ..Self::default()
        }
    }

    pub(in crate::pool) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(in crate::pool) fn push(&mut self, grant: Grant) -> u64 {
        self.waiters.push(grant)
    }

    /// Whether the next dial waits for its time: the last one failed, or what it brought did not last.
    pub(in crate::pool) fn is_paused(&self) -> bool {
        self.dial_again.is_some_and(|again| Instant::now() < again)
    }

    /// Whether dialing brings nothing that lasts: then not even waiting callers are a reason to dial at once.
    pub(in crate::pool) fn is_flapping(&self) -> bool {
        self.flaps > 1
    }

    /// Whether there is a connection that is not on its way out.
    pub(in crate::pool) fn has_open(&self) -> bool {
        self.open() > 0
    }

    /// Connections that are not on their way out.
    pub(in crate::pool) fn open(&self) -> usize {
        let open = |live: &&Arc<Live>| !live.slot().usage().draining;
        self.members.iter().filter(open).count()
    }

    /// Connections that stay open without taking anyone, until their server allows it.
    pub(in crate::pool) fn barred(&self) -> usize {
        let barred = |live: &&Arc<Live>| live.slot().is_barred() && !live.slot().usage().draining;
        self.members.iter().filter(barred).count()
    }

    /// Whether a dial that has not begun was only called for because the records said HTTP/1.1, and HTTP/2 is what serves everybody.
    pub(in crate::pool) fn was_misled(&self) -> bool {
        self.announced == Some(Protocol::Http1)
            && self.protocol == Some(Protocol::Http2)
            && self.has_open()
            && self.waiters.len() == 0
    }

    /// How many dials the waiting callers call for: an HTTP/1.1 connection serves one of them, an HTTP/2 connection many, and what
    /// is not yet known is found out by one.
    ///
    /// A connection whose answer to a PING is awaited spares the dial.
    pub(in crate::pool) fn wanted_dials(&self) -> usize {
        match self.protocol.or(self.announced) {
            Some(Protocol::Http1 | Protocol::Tcp | Protocol::Tls) => self.waiters.len(),
            _ if self.members.iter().any(|live| live.is_being_proven()) => 0,
            _ => self.waiters.len().min(1),
        }
    }
}

impl Line for Queue {
    type Grant = Grant;

    fn len(&self) -> usize {
        self.waiters.len()
    }

    fn pop(&mut self) -> Option<Grant> {
        self.waiters.pop()
    }

    fn remove(&mut self, id: u64) -> bool {
        self.waiters.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_leave_from_the_middle_and_are_served_in_order() {
        let mut queue = Queue::default();
        let mut receivers = Vec::new();
        for _ in 0..4 {
            let (grant, receiver) = oneshot::channel();
            receivers.push(receiver);
            queue.push(grant);
        }
        assert!(queue.remove(1) && !queue.remove(1) && !queue.remove(9));
        receivers.remove(1);
        for mut receiver in receivers {
            drop(queue.pop().unwrap());
            assert!(matches!(
                receiver.try_recv(),
                Err(oneshot::error::TryRecvError::Closed)
            ));
        }
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn one_dial_until_the_protocol_is_known_to_need_more() {
        let mut queue = Queue::default();
        assert_eq!(queue.wanted_dials(), 0);
        for _ in 0..5 {
            queue.push(oneshot::channel().0);
        }
        assert_eq!(queue.wanted_dials(), 1);
        queue.announced = Some(Protocol::Http1);
        assert_eq!(queue.wanted_dials(), 5);
        queue.protocol = Some(Protocol::Http2);
        assert_eq!(
            queue.wanted_dials(),
            1,
            "a hint gives way to what was shown"
        );
        queue.announced = Some(Protocol::Http2);
        queue.protocol = Some(Protocol::Http1);
        assert_eq!(queue.wanted_dials(), 5);
    }
}
