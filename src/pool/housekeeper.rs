//! What has to be done now and then: the clock, lifetimes, idle connections, warmth, hosts that nobody asks for.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::clock::millis;
use super::host::HostPool;
use super::shared::Shared;
use crate::registry::CloseReason;

/// How often it looks: an idle limit or timeout is enforced at most this late.
pub(super) const ROUND: Duration = Duration::from_millis(250);

/// A connection past its lifetime waits this long for its replacement, in parts of the lifetime; then it goes without one.
const REPLACEMENT_GRACE: u32 = 10;

/// Runs until the pool ends.
pub(super) async fn keep_house(pool: Weak<Shared>, ending: CancellationToken) {
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = ending.cancelled() => return,
            _ = rounds.tick() => {}
        }
        match pool.upgrade() {
            Some(shared) => shared.round(),
            None => return,
        }
    }
}

impl Shared {
    fn round(&self) {
        let now = self.clock.tick();
        for host in self.hosts.all() {
            self.end_old(&host, now);
            self.keep_warm(&host);
            if host.waiting() > 0 {
                // Dials that paused after a failure, and places that a warm dial left.
                host.serve();
                host.scale();
            }
        }
        self.relieve_starved();
        self.trim_idle();
        let forgotten = millis(self.config().idle_timeout());
        self.hosts.retire(|host| {
            now.saturating_sub(host.last_asked()) > forgotten && host.retire_if_unused()
        });
    }

    /// Lifetimes and idle timeouts.
    fn end_old(&self, host: &Arc<HostPool>, now: u64) {
        let idle_timeout = millis(self.config().idle_timeout());
        let grace = millis(self.config().max_lifetime() / REPLACEMENT_GRACE);
        let connections = host.connections();
        let mut replacements = connections.len().saturating_sub(host.keep_warm());
        for (position, live) in connections.iter().enumerate() {
            let kept_warm = position < host.keep_warm();
            if now >= live.expires() {
                // A connection that is kept warm stays until its replacement is there.
                let replaced = !kept_warm || replacements > 0;
                let late = now >= live.expires().saturating_add(grace);
                if replaced || late || !host.warm_replacement() {
                    replacements = replacements.saturating_sub(usize::from(kept_warm));
                    live.drain(CloseReason::LifetimeReached);
                }
            } else if !kept_warm
                && live.slot().usage().in_use == 0
                && now.saturating_sub(live.slot().last_used()) >= idle_timeout
            {
                live.close_if_idle(CloseReason::IdleTimeout);
            }
        }
    }

    /// Dials what is missing of what is to be kept warm.
    fn keep_warm(&self, host: &Arc<HostPool>) {
        let there = host.connections().len();
        let (dialing, paused) = {
            let queue = host.queue().lock();
            (queue.dialing, queue.is_paused())
        };
        if paused {
            return;
        }
        for _ in there + dialing..host.keep_warm() {
            if !host.warm(None) {
                return;
            }
        }
    }
}

impl HostPool {
    /// Whether a replacement is being dialed, now if not before, or soon if the last dial failed.
    fn warm_replacement(self: &Arc<Self>) -> bool {
        let awaited = {
            let queue = self.queue().lock();
            queue.dialing > 0 || queue.is_paused()
        };
        awaited || self.warm(None)
    }

    /// Marks a host that has nothing and serves nobody, so that it can leave the map.
    fn retire_if_unused(self: &Arc<Self>) -> bool {
        let mut queue = self.queue().lock();
        let unused = queue.members.is_empty()
            && queue.dialing == 0
            && queue.len() == 0
            && self.keep_warm() == 0
            // The map's own, in its present snapshot.
            && Arc::strong_count(self) == 1;
        queue.retired |= unused;
        unused
    }
}
