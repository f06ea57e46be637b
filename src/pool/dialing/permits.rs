//! The right to have one more connection: counted, and given back on drop.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::pool::host::HostPool;
use crate::pool::sync::{AtomicUsize, Mutex};

/// Who may find no place.
pub(in crate::pool) trait Starving: Sized {
    /// There may be a place now.
    fn relieve(self: &Arc<Self>);

    /// Whether it still wants one.
    fn is_starved(&self) -> bool;
}

/// The pool's connections in total, and the hosts that had to go without one.
#[derive(Debug)]
pub(in crate::pool) struct Permits<H = HostPool> {
    limit: AtomicUsize,
    used: AtomicUsize,
    /// Hosts whose callers wait because the limit was reached, oldest first.
    starved: Mutex<VecDeque<(Weak<H>, Instant)>>,
    /// The length of `starved`, to be looked at without the lock.
    starving: AtomicUsize,
}

impl<H: Starving> Permits<H> {
    pub(in crate::pool) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
            starved: Mutex::new(VecDeque::new()),
            starving: AtomicUsize::new(0),
        })
    }

    pub(in crate::pool) fn limit(&self) -> usize {
        self.limit.load(Ordering::SeqCst)
    }

    /// Those beyond a lowered limit stay until they are given back. After raising it, whoever waits is to be
    /// [relieved](Self::relieve_next).
    pub(in crate::pool) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
    }

    pub(in crate::pool) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    pub(in crate::pool) fn try_acquire(self: &Arc<Self>) -> Option<Permit<H>> {
        let mut used = self.used.load(Ordering::Relaxed);
        while used < self.limit() {
            match self.used.compare_exchange_weak(
                used,
                used + 1,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Permit(Arc::clone(self))),
                Err(now) => used = now,
            }
        }
        None
    }

    /// How many hosts wait for a place.
    pub(in crate::pool) fn starving(&self) -> usize {
        self.starving.load(Ordering::SeqCst)
    }

    /// Whether some host waits for a place.
    pub(in crate::pool) fn is_starving(&self) -> bool {
        self.starving() > 0
    }

    /// Remembers a host that found no place; it is scaled anew when there is one.
    pub(in crate::pool) fn starve(&self, host: &Arc<H>) {
        let mut starved = self.starved.lock();
        starved.push_back((Arc::downgrade(host), Instant::now()));
        self.starving.store(starved.len(), Ordering::SeqCst);
    }

    /// Forgets hosts whose callers have been served otherwise or have left.
    pub(in crate::pool) fn forget_sated(&self) {
        let mut starved = self.starved.lock();
        starved.retain(|(host, _)| host.upgrade().is_some_and(|host| host.is_starved()));
        self.starving.store(starved.len(), Ordering::SeqCst);
    }

    /// Lets the host that has waited longest try again, if there is a place; false if there is none, or no such host.
    pub(in crate::pool) fn relieve_next(&self) -> bool {
        if !self.is_starving() || self.used() >= self.limit() {
            return false;
        }
        match self.next_starved() {
            Some(host) => {
                host.relieve();
                true
            }
            None => false,
        }
    }

    /// Those who have waited for so long.
    pub(in crate::pool) fn starved_for(&self, patience: Duration) -> Vec<Arc<H>> {
        let starved = self.starved.lock();
        let long = starved
            .iter()
            .filter(|(_, since)| since.elapsed() >= patience);
        long.filter_map(|(host, _)| host.upgrade()).collect()
    }

    /// The host that has waited longest for a place.
    fn next_starved(&self) -> Option<Arc<H>> {
        let mut starved = self.starved.lock();
        let mut found = None;
        while found.is_none() {
            match starved.pop_front() {
                Some((host, _)) => found = host.upgrade(),
                None => break,
            }
        }
        self.starving.store(starved.len(), Ordering::SeqCst);
        found
    }
}

/// The right to one connection.
#[derive(Debug)]
pub(in crate::pool) struct Permit<H: Starving = HostPool>(Arc<Permits<H>>);

impl<H: Starving> Drop for Permit<H> {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::SeqCst);
        // A host whose callers have left meanwhile does not take the place; then it is the next one's.
        while self.0.relieve_next() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back_on_drop() {
        let permits = Permits::<HostPool>::new(2);
        let one = permits.try_acquire().unwrap();
        let two = permits.try_acquire();
        assert!(two.is_some() && permits.try_acquire().is_none());
        drop(one);
        assert_eq!(permits.used(), 1);
        assert!(permits.try_acquire().is_some());
        drop(two);
        assert_eq!((permits.used(), permits.limit()), (0, 2));
    }

    #[test]
    fn a_lowered_limit_lets_stay_what_is_there() {
        let permits = Permits::<HostPool>::new(3);
        let held: Vec<_> = std::iter::from_fn(|| permits.try_acquire()).collect();
        permits.set_limit(1);
        assert_eq!((held.len(), permits.used()), (3, 3));
        for permit in held {
            assert!(permits.try_acquire().is_none());
            drop(permit);
        }
        let one = permits.try_acquire();
        assert!(one.is_some() && permits.try_acquire().is_none());
        permits.set_limit(2);
        assert!(permits.try_acquire().is_some());
    }
}
