//! Happy Eyeballs (RFC 8305 §5): attempts are staggered and the first that answers wins. A state machine without sockets or clock.
//!
//! Addresses may come while it is on (RFC 8305 §6): they take the places that they would have had, behind those already tried.

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
    /// No attempt is left, and no address will come.
    Lost,
}

#[derive(Debug)]
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<SocketAddr>,
    /// In their order.
    begun: Vec<SocketAddr>,
    delay: Duration,
    /// When the last attempt began.
    last: Option<Instant>,
    /// When the next attempt begins, unless one fails before.
    next: Option<Instant>,
    /// Whether more addresses may come.
    is_open: bool,
    is_exhausted: bool,
}

impl Race {
    /// Among `addresses` in their order, at least one tenth of a second and at most two seconds apart.
    pub(super) fn new(addresses: impl IntoIterator<Item = SocketAddr>, delay: Duration) -> Self {
        Self {
            waiting: addresses.into_iter().collect(),
            running: Vec::new(),
            begun: Vec::new(),
            delay: delay.clamp(SHORTEST_DELAY, LONGEST_DELAY),
            last: None,
            next: None,
            is_open: false,
            is_exhausted: false,
        }
    }

    /// More addresses may come, or none any more. To be followed by a [`Tick`](Event::Tick).
    pub(super) fn open(&mut self, is_open: bool) {
        self.is_open = is_open;
    }

    /// From now on these are tried, in their order, and no others but those begun. To be followed by a [`Tick`](Event::Tick).
    pub(super) fn arrange(&mut self, untried: impl IntoIterator<Item = SocketAddr>) {
        if self.is_exhausted {
            return;
        }
        self.waiting = untried.into_iter().collect();
        // Where nothing is on, there is nothing to wait for.
        self.next = match self.waiting.is_empty() || self.running.is_empty() {
            true => None,
            false => self.last.map(|last| last + self.delay),
        };
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
                self.is_exhausted = true;
                self.wait()
            }
        }
    }

    /// Those tried, in their order.
    pub(super) fn begun(&self) -> &[SocketAddr] {
        &self.begun
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
        self.begun.push(address);
        self.last = Some(now);
        self.next = (!self.waiting.is_empty()).then(|| now + self.delay);
        Action::Begin(address, self.next)
    }

    fn expects_more(&self) -> bool {
        self.is_open && !self.is_exhausted
    }

    fn wait(&mut self) -> Action {
        if self.waiting.is_empty() {
            self.next = None;
        }
        match self.running.is_empty() {
            true if self.waiting.is_empty() && !self.expects_more() => Action::Lost,
            _ => Action::Wait(self.next),
        }
    }
}

#[cfg(test)]
mod tests;
