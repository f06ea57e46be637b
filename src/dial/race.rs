//! Happy Eyeballs (RFC 8305 §5): attempts are staggered and the first that answers wins. A state machine without sockets or clock.
//!
//! All addresses are there when a race begins. RFC 8305 §3 would let it begin with those of one family while the other's are
//! outstanding; here one lookup is shared by all who ask for a host and kept as one answer, so it is the resolver that waits for the
//! second family, and gives up on it after a while.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

/// RFC 8305 §5: the recommended delay before the next address is tried as well, and what it may be set to.
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// Nothing: the race starts, or the time that a step gave has come.
    Tick,
    /// An attempt was not begun, because a limit forbids it.
    Forbidden(SocketAddr),
    Failed(SocketAddr),
    /// An attempt failed for want of something that every other attempt would want too.
    Exhausted(SocketAddr),
    Connected(SocketAddr),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Begin an attempt and come back at once if it was forbidden, else with the next event, or at that time if there is one.
    Begin(SocketAddr, Option<Instant>),
    /// Come back with the next event, or at that time if there is one.
    Wait(Option<Instant>),
    /// Drop all other attempts.
    Won(SocketAddr),
    /// No attempt is left.
    Lost,
}

#[derive(Debug)]
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<SocketAddr>,
    delay: Duration,
    /// When the next attempt begins, unless one fails before.
    next: Option<Instant>,
}

impl Race {
    /// Among `addresses` in their order, at least one tenth of a second and at most two seconds apart.
    pub(super) fn new(addresses: impl IntoIterator<Item = SocketAddr>, delay: Duration) -> Self {
        Self {
            waiting: addresses.into_iter().collect(),
            running: Vec::new(),
            delay: delay.clamp(SHORTEST_DELAY, LONGEST_DELAY),
            next: None,
        }
    }

    pub(super) fn step(&mut self, now: Instant, event: Event) -> Action {
        match event {
            Event::Tick => match self.next {
                Some(next) if now < next => self.wait(),
                _ => self.begin(now),
            },
            Event::Connected(address) => Action::Won(address),
            Event::Failed(address) | Event::Forbidden(address) => {
                self.running.retain(|running| *running != address);
                self.begin(now)
            }
            Event::Exhausted(address) => {
                self.running.retain(|running| *running != address);
                self.waiting.clear();
                self.wait()
            }
        }
    }

    /// Those under way.
    pub(super) fn running(&self) -> &[SocketAddr] {
        &self.running
    }

    fn begin(&mut self, now: Instant) -> Action {
        let Some(address) = self.waiting.pop_front() else {
            return self.wait();
        };
        self.running.push(address);
        self.next = (!self.waiting.is_empty()).then(|| now + self.delay);
        Action::Begin(address, self.next)
    }

    fn wait(&mut self) -> Action {
        if self.waiting.is_empty() {
            self.next = None;
        }
        match self.running.is_empty() {
            true if self.waiting.is_empty() => Action::Lost,
            _ => Action::Wait(self.next),
        }
    }
}

#[cfg(test)]
mod tests;
