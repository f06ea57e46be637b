//! What a host, or the pool for itself, publishes with.

use std::sync::Arc;

use super::{Alarm, Limit, PoolEvent, PoolEvents, Publisher};
use crate::dial::Origin;
use crate::pool::handle::Pool;
use crate::pool::host::HostPool;
use crate::pool::shared::Shared;

/// The pool's publisher, and when each limit was last told of.
#[derive(Debug)]
pub(in crate::pool) struct Voice {
    publisher: Arc<Publisher>,
    /// One for each of [`Limit::ALL`].
    limits: [Alarm; Limit::ALL.len()],
}

impl Voice {
    pub(in crate::pool) fn new(publisher: Arc<Publisher>) -> Self {
        Self {
            publisher,
            limits: Default::default(),
        }
    }

    /// Another with the same publisher and alarms of its own.
    pub(in crate::pool) fn another(&self) -> Self {
        Self::new(Arc::clone(&self.publisher))
    }

    pub(in crate::pool) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    fn limit_reached(
        &self,
        limit: Limit,
        host: Option<&Origin>,
        used: usize,
        most: usize,
        now: u64,
    ) {
        if let Some(observer) = self.publisher.observer() {
            observer.limit_reached(host, limit);
        }
        if !self.publisher.is_heard() {
            return;
        }
        let alarm = self.limits.get(limit as usize);
        if let Some(untold) = alarm.and_then(|alarm| alarm.ring(now)) {
            self.publisher.publish(|| PoolEvent::LimitReached {
                limit,
                host: host.cloned(),
                used,
                most,
                untold,
            });
        }
    }
}

impl HostPool {
    /// Publishes what `event` makes of the host, if anybody listens. The caller must hold no lock: hooks run here.
    pub(in crate::pool) fn publish(&self, event: impl FnOnce(Origin) -> PoolEvent) {
        let publisher = self.voice().publisher();
        publisher.publish(|| event(self.key().origin.clone()));
    }

    /// A limit stood in the way of something for this host. The caller must hold no lock.
    pub(in crate::pool) fn limit_reached(&self, limit: Limit, used: usize, most: usize) {
        let host = Some(&self.key().origin);
        self.voice()
            .limit_reached(limit, host, used, most, self.now());
    }
}

impl Shared {
    /// Publishes what `event` makes, if anybody listens. The caller must hold no lock: hooks run here.
    pub(in crate::pool) fn publish(&self, event: impl FnOnce() -> PoolEvent) {
        self.voice.publisher().publish(event);
    }

    /// A limit stood in the way of something that is no one host's. The caller must hold no lock.
    pub(in crate::pool) fn limit_reached(&self, limit: Limit, used: usize, most: usize) {
        self.voice
            .limit_reached(limit, None, used, most, self.clock.now());
    }
}

impl Pool {
    /// What happens in the pool from now on, as it happens: a bounded stream that loses the oldest events of a subscriber that is too
    /// slow, and says so. For what must not be missed there is [`on_event`](crate::pool::PoolBuilder::on_event).
    ///
    /// The connections' inner states, servers' included, are the [`registry`](Self::registry)'s to tell.
    pub fn subscribe(&self) -> PoolEvents {
        self.shared().voice.publisher().subscribe()
    }
}
