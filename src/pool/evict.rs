//! Who makes room, and who is idle too many.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::live::Live;
use super::shared::Shared;
use crate::registry::{CloseReason, Health};

/// An idle connection and what speaks for keeping it; the least goes first.
struct Idle {
    live: Arc<Live>,
    kept_warm: bool,
    worth: (bool, u64),
}

impl Shared {
    /// Closes the idle connection that is worth least, one for each host that waits for a place. One that is kept warm goes only
    /// when there is no other: a caller who waits counts more than one who may come.
    pub(super) fn make_room(&self) {
        self.permits.forget_sated();
        let on_their_way = self.evicting.load(Ordering::SeqCst);
        if on_their_way >= self.permits.starving() as isize {
            return;
        }
        let idle = self.idle();
        if let Some(least) = idle.iter().min_by_key(|idle| (idle.kept_warm, idle.worth)) {
            self.evict(&least.live);
        }
    }

    /// Closes what is idle beyond the limit.
    pub(super) fn trim_idle(&self) {
        let mut idle = self.idle();
        idle.retain(|idle| !idle.kept_warm);
        let most = self.config.max_idle();
        if idle.len() <= most {
            return;
        }
        idle.sort_unstable_by_key(|idle| Reverse(idle.worth));
        for surplus in idle.iter().skip(most) {
            self.evict(&surplus.live);
        }
    }

    pub(super) fn connection_closed(&self, live: &Live) {
        self.counters.connection_closed();
        if live.uncount_eviction() {
            self.evicting.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn evict(&self, live: &Arc<Live>) {
        // Counted before its end can be, and taken back if somebody got it first or it has ended already.
        self.evicting.fetch_add(1, Ordering::SeqCst);
        if !live.close_if_idle(CloseReason::Evicted) || !live.count_eviction() {
            self.evicting.fetch_sub(1, Ordering::SeqCst);
        }
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
