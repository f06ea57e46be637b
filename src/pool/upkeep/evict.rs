//! Who makes room, and who is idle too many.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::config::Config;
use crate::pool::clock::millis;
use crate::pool::events::Limit;
use crate::pool::handle::Pool;
use crate::pool::host::HostPool;
use crate::pool::live::{Eviction, Live};
use crate::pool::shared::Shared;
use crate::registry::{CloseReason, Health};

/// A host that finds every place taken and nobody idle waits this long before busy ones must share: enough for a burst to pass,
/// and little of the default acquire timeout.
const PATIENCE: Duration = Duration::from_secs(1);

/// An idle connection and what speaks for keeping it; the least goes first.
struct Idle {
    live: Arc<Live>,
    kept_warm: bool,
    worth: (bool, u64),
}

impl Pool {
    /// Closes what has been unused for so long, to a quarter of a second; connections that are kept warm stay. Returns how many that
    /// were. The housekeeper does so by itself after [`idle_timeout`](Config::idle_timeout).
    pub fn close_idle(&self, unused_for: Duration) -> usize {
        let shared = self.shared();
        let now = shared.clock.now();
        let mut idle = shared.idle();
        idle.retain(|idle| {
            let unused = now.saturating_sub(idle.live.slot().last_used());
            !idle.kept_warm && unused >= millis(unused_for)
        });
        let close = |idle: &&Idle| idle.live.close_if_idle(CloseReason::IdleTimeout);
        idle.iter().filter(close).count()
    }
}

impl Shared {
    /// Closes the idle connection that is worth least, one for each host that waits for a place. One that is kept warm goes only
    /// when there is no other: a caller who waits counts more than one who may come.
    pub(in crate::pool) fn make_room(&self) {
        self.permits.forget_sated();
        if !self.reserve_eviction(Eviction::Idle) {
            return;
        }
        let idle = self.idle();
        let least = idle.iter().min_by_key(|idle| (idle.kept_warm, idle.worth));
        let evicted = least.filter(|idle| idle.live.close_if_idle(CloseReason::Evicted));
        self.settle_eviction(Eviction::Idle, evicted.map(|idle| &*idle.live));
    }

    /// Hosts that are never idle must not keep all places for ever: once somebody has waited long enough, a host with more connections
    /// than that one loses the one with the least on it, as soon as that has finished. What it takes may go to another that waits, at
    /// first; the line moves on.
    pub(super) fn relieve_starved(&self) {
        self.permits.forget_sated();
        while self.permits.relieve_next() {}
        if self.permits.is_starving() && self.census.found().idle > 0 {
            // Idle without ever having been given back: a spare.
            self.make_room();
        }
        if !self.permits.is_starving() {
            return;
        }
        let starved = self.permits.starved_for(PATIENCE);
        let poorest = starved.iter().map(|host| host.connections().len()).min();
        let Some(poorest) = poorest.filter(|_| self.reserve_eviction(Eviction::Busy)) else {
            return;
        };
        let least = self.least_busy_of_richer(poorest);
        if let Some(live) = &least {
            live.drain(CloseReason::Evicted);
        }
        self.settle_eviction(Eviction::Busy, least.as_deref());
    }

    /// Closes idle connections as far as there are more than a lowered limit allows, those that are kept warm last.
    pub(super) fn trim_surplus(&self) {
        let most = self.permits.limit();
        if self.permits.used() <= most {
            return;
        }
        // Those that drain are on their way out already.
        let stats = self.stats();
        let surplus = (stats.connections + stats.dialing).saturating_sub(most);
        let mut idle = self.idle();
        idle.sort_unstable_by_key(|idle| (idle.kept_warm, idle.worth));
        for surplus in idle.iter().take(surplus) {
            surplus.live.close_if_idle(CloseReason::Evicted);
        }
    }

    /// Closes what is idle beyond the limit.
    pub(super) fn trim_idle(&self) {
        let most = self.config().max_idle();
        // Every round: a walk over all connections only where the hosts' last looks found too many.
        if self.permits.used() <= most || self.census.found().surplus <= most as u64 {
            return;
        }
        let mut idle = self.idle();
        idle.retain(|idle| !idle.kept_warm);
        if idle.len() <= most {
            return;
        }
        self.limit_reached(Limit::MaxIdle, idle.len(), most);
        idle.sort_unstable_by_key(|idle| Reverse(idle.worth));
        for surplus in idle.iter().skip(most) {
            surplus.live.close_if_idle(CloseReason::Evicted);
        }
    }

    pub(in crate::pool) fn connection_closed(&self, live: &Live) {
        self.counters.connection_closed();
        if let Some(eviction) = live.uncount_eviction() {
            self.evicting(eviction).fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Counted apart: what is busy may stay so for hours, and must not keep what becomes idle from making room.
    fn evicting(&self, eviction: Eviction) -> &AtomicUsize {
        match eviction {
            Eviction::Idle => &self.evicting_idle,
            Eviction::Busy => &self.evicting_busy,
        }
    }

    /// Counts a connection that is to make room, if more hosts wait than such connections are on their way out.
    fn reserve_eviction(&self, eviction: Eviction) -> bool {
        let starving = self.permits.starving();
        let more = |evicting| (evicting < starving).then_some(evicting + 1);
        self.evicting(eviction)
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    /// The count goes over to the connection, until that has ended; or back, if there is none or it has ended already.
    fn settle_eviction(&self, eviction: Eviction, evicted: Option<&Live>) {
        if !evicted.is_some_and(|live| live.count_eviction(eviction)) {
            self.evicting(eviction).fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Of hosts that would still have as many as one with `poorest` would then have: more would only be taken back.
    fn least_busy_of_richer(&self, poorest: usize) -> Option<Arc<Live>> {
        let enough = poorest + 1;
        let hosts = self.hosts.all().into_iter();
        let richer = hosts
            .map(|host| host.connections())
            .filter(|all| all.len() > enough);
        let candidates = richer.flat_map(|all| all.iter().cloned().collect::<Vec<_>>());
        candidates.min_by_key(|live| live.slot().usage().in_use)
    }

    fn idle(&self) -> Vec<Idle> {
        let mut idle = Vec::new();
        for host in self.hosts.all() {
            for (position, live) in host.connections().iter().enumerate() {
                let usage = live.slot().usage();
                if usage.in_use == 0 && !usage.draining {
                    idle.push(Idle {
                        live: Arc::clone(live),
                        kept_warm: position < host.keep_warm(),
                        worth: (
                            live.entry().health() == Health::Healthy,
                            live.slot().last_used(),
                        ),
                    });
                }
            }
        }
        idle
    }
}

impl HostPool {
    /// Closes the youngest idle connections as far as there are more than the host may have.
    pub(super) fn trim(&self, config: &Config) {
        let connections = self.connections();
        let surplus = connections
            .len()
            .saturating_sub(config.max_connections_per_host());
        let idle = |live: &&Arc<Live>| live.slot().usage().in_use == 0;
        for live in connections.iter().rev().filter(idle).take(surplus) {
            live.close_if_idle(CloseReason::Evicted);
        }
    }
}
