//! What a look at one host does: its connections' ages, silence and idleness, its warmth, and how many connections its load needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::census::Found;
use super::housekeeper::ROUND;
use super::resting::SHORTEST_REST;
use crate::config::Config;
use crate::pool::clock::millis;
use crate::pool::dialing::Load;
use crate::pool::health::{Patience, Performance};
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::pool::shared::Shared;
use crate::registry::CloseReason;

/// A connection past its lifetime waits this long for its replacement, in parts of the lifetime; then it goes without one.
const REPLACEMENT_GRACE: u32 = 10;

impl HostPool {
    /// Does what is due. Returns when to look again, in the pool's time; `None` when the host has nothing and nobody has asked for long.
    pub(super) fn look_after(
        self: &Arc<Self>,
        shared: &Shared,
        config: &Config,
        now: u64,
    ) -> Option<u64> {
        self.rouse();
        let held = self.alarm_overdue(config, now);
        self.breaker().arm(config);
        self.follow_balance(config);
        self.trim(config);
        let mut next = self.end_old(config, now);
        let patience = Patience::of(config);
        // Those that drain as well: who still uses one must not wait for a server that is gone.
        let members = self.queue().lock().members.clone();
        for live in &members {
            next = next.min(live.look_after(patience, &shared.clock, now));
        }
        if !self.connections().is_empty() || self.keep_warm() > 0 {
            next = next.min(self.renew_addresses(shared, now));
        }
        self.follow_load(config, now);
        let cold = self.refill();
        let waiting = self.waiting() > 0;
        if waiting {
            // Dials that paused after a failure, places that a warm dial left, connections that have fallen silent since.
            self.prove();
            self.serve();
            self.scale();
        }
        let unwell = self.observe_health(shared, config, now);
        let connections = self.connections();
        let found = Found::among(&connections, self.keep_warm());
        self.census.note(found, &shared.census);
        let used = |live: &Arc<Live>| live.slot().usage().in_use > 0;
        if waiting || cold || held || members.iter().any(used) {
            return Some(now + millis(ROUND));
        }
        let rest = match unwell {
            true => millis(SHORTEST_REST),
            false => self.rest(&connections, now),
        };
        next = next.min(self.next_change_of_mind(now)).min(now + rest);
        if connections.is_empty() {
            let forgotten = self
                .last_asked()
                .saturating_add(millis(config.idle_timeout()));
            let wanted = self.warmth_wanted() > 0;
            return match (wanted, unwell) {
                (false, false) => {
                    (forgotten > now).then(|| forgotten.max(now + millis(SHORTEST_REST)))
                }
                _ => (forgotten > now || wanted).then_some(next),
            };
        }
        if rest > millis(SHORTEST_REST) && !self.fall_asleep(&connections) {
            next = now + millis(ROUND);
        }
        Some(next)
    }

    /// When the server is no longer to be left alone, or in peace.
    fn next_change_of_mind(&self, now: u64) -> u64 {
        let times = [
            self.left_alone_until.load(Ordering::Relaxed),
            self.calm_until(),
        ];
        let later = times.into_iter().filter(|time| *time > now);
        later.min().unwrap_or(u64::MAX)
    }

    /// Lifetimes, numbers of requests and idle timeouts. Returns when the next is due.
    fn end_old(self: &Arc<Self>, config: &Config, now: u64) -> u64 {
        let idle_timeout = millis(config.idle_timeout());
        let grace = millis(config.max_lifetime() / REPLACEMENT_GRACE);
        let connections = self.connections();
        let unused = |live: &Arc<Live>| match live.slot().usage().in_use {
            0 => now.saturating_sub(live.slot().last_used()),
            _ => 0,
        };
        let longest = connections.iter().map(unused).max().unwrap_or(0);
        let window = {
            let mut queue = self.queue().lock();
            queue.idle_window.lasted(longest);
            queue.idle_window.limit(now)
        };
        let mut replacements = connections.len().saturating_sub(self.keep_warm());
        let mut next = u64::MAX;
        for (position, live) in connections.iter().enumerate() {
            let kept_warm = position < self.keep_warm();
            let idle = live.slot().usage().in_use == 0;
            let given_up = window.map(|window| live.slot().last_used().saturating_add(window));
            let left = self.has_left(live, config, now);
            let worn = left
                || live.is_worn(config.max_requests_per_connection())
                || kept_warm && idle && given_up.is_some_and(|at| now >= at);
            let reason = match left {
                true => CloseReason::AddressGone,
                false => CloseReason::LifetimeReached,
            };
            if worn || now >= live.expires() {
                // A connection that is kept warm stays until its replacement is there.
                let replaced = !kept_warm || replacements > 0;
                let late = now >= live.expires().saturating_add(grace);
                if replaced || late || !self.warm_replacement() {
                    replacements = replacements.saturating_sub(usize::from(kept_warm));
                    live.drain(reason);
                } else {
                    next = now;
                }
            } else if !kept_warm && idle {
                let idle_until = live.slot().last_used().saturating_add(idle_timeout);
                let idle_until = idle_until.min(given_up.unwrap_or(u64::MAX));
                if now >= idle_until {
                    live.close_if_idle(CloseReason::IdleTimeout);
                }
                next = next.min(idle_until).min(live.expires());
            } else {
                next = next.min(given_up.unwrap_or(u64::MAX)).min(live.expires());
            }
        }
        next
    }

    /// Opens another connection before those there are full, and packs the load on as few as it needs.
    fn follow_load(self: &Arc<Self>, config: &Config, now: u64) {
        let connections = self.connections();
        self.mark_slow(&connections, now);
        let in_use: u32 = connections
            .iter()
            .map(|live| live.slot().usage().in_use)
            .sum();
        let waiting = u32::try_from(self.waiting()).unwrap_or(u32::MAX);
        let load = Load {
            wanted: in_use.saturating_add(waiting),
            connections: connections.len(),
            latency: self.median_latency(),
        };
        let capacities = connections.iter().map(|live| live.slot().limit());
        let (needed, dialing, paused) = {
            let mut queue = self.queue().lock();
            let needed = queue.scale.needed(load, capacities);
            // A server that allows no stream on one connection would allow none on the next.
            let paused = queue.is_paused() || queue.barred() > 0;
            (needed, queue.dialing, paused)
        };
        self.set_spread(needed.max(self.keep_warm()));
        let most = config.max_connections_per_host();
        let one_more = needed.min(most) > connections.len() + dialing;
        if one_more && dialing == 0 && !paused && !connections.is_empty() {
            self.warm(None);
        }
    }

    /// In microseconds; zero when nothing is known.
    fn median_latency(&self) -> u64 {
        self.performance().map_or(0, Performance::present_median)
    }
}
