//! Connections kept open for callers to come: refilled, replaced in time, and not forced on a server that does not want them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::pool::clock::millis;
use crate::pool::events::PoolEvent;
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::registry::CloseReason;

/// How long a server that refuses to have connections kept warm is left alone before that is tried again.
const LEFT_ALONE: Duration = Duration::from_secs(600);

/// What a server announces with every answer is noted this often: it is remembered for longer.
const NOTED: Duration = Duration::from_secs(60);

impl HostPool {
    /// Connections to keep warm now.
    pub(in crate::pool) fn keep_warm(&self) -> usize {
        if self.now() < self.left_alone_until.load(Ordering::Relaxed) {
            return 0;
        }
        self.warmth_wanted()
    }

    /// Connections that were asked to be kept warm, also while the server is left alone.
    pub(in crate::pool) fn warmth_wanted(&self) -> usize {
        self.keep_warm.load(Ordering::Relaxed)
    }

    /// Asks for this many to be kept warm from now on, whatever was learned of the server.
    pub(in crate::pool) fn set_keep_warm(self: &Arc<Self>, connections: usize) {
        self.keep_warm.store(connections, Ordering::Relaxed);
        self.left_alone_until.store(0, Ordering::Relaxed);
        self.look_soon();
    }

    /// Dials what is missing of what is to be kept warm. True when something is.
    pub(super) fn refill(self: &Arc<Self>) -> bool {
        let there = self.connections().len();
        let (dialing, paused) = {
            let queue = self.queue().lock();
            (queue.dialing, queue.is_paused())
        };
        let missing = there + dialing < self.keep_warm();
        if missing && !paused {
            for _ in there + dialing..self.keep_warm() {
                if !self.warm_up_to(self.keep_warm(), None) {
                    break;
                }
            }
        }
        missing
    }

    /// Whether a replacement is being dialed, now if not before, or soon if the last dial failed.
    pub(super) fn warm_replacement(self: &Arc<Self>) -> bool {
        let awaited = {
            let queue = self.queue().lock();
            queue.dialing > 0 || queue.is_paused()
        };
        awaited || self.warm(None)
    }

    /// The server said how long it leaves an idle connection open.
    pub(in crate::pool) fn idle_window_announced(self: &Arc<Self>, window: Duration) {
        let (window, now) = (millis(window), self.now());
        let same = self.announced_window.swap(window, Ordering::Relaxed) == window;
        let lately = now < self.announced_until.load(Ordering::Relaxed);
        if same && lately {
            return;
        }
        self.announced_until
            .store(now.saturating_add(millis(NOTED)), Ordering::Relaxed);
        self.queue().lock().idle_window.announced(now, window);
        self.leave_alone_if_unwanted(now);
    }

    /// A connection that nobody used was ended by the server.
    pub(in crate::pool) fn closed_while_idle(self: &Arc<Self>, live: &Live) {
        let by_peer = matches!(
            live.entry().close_reason(),
            Some(CloseReason::GoAway | CloseReason::PeerClosed | CloseReason::PeerReset)
        );
        if !by_peer {
            return;
        }
        let now = self.now();
        let idle = now.saturating_sub(live.slot().last_used());
        let used = live.entry().stats().requests() > 0;
        let learned = self.queue().lock().idle_window.closed(now, idle, used);
        if let Some(window) = learned {
            self.publish(|host| PoolEvent::IdleWindowLearned {
                host,
                window: Duration::from_millis(window),
            });
        }
        self.leave_alone_if_unwanted(now);
    }

    fn leave_alone_if_unwanted(self: &Arc<Self>, now: u64) {
        let refused = self.keep_warm() > 0 && self.queue().lock().idle_window.refuses_warmth(now);
        if refused {
            let until = now.saturating_add(millis(LEFT_ALONE));
            self.left_alone_until.store(until, Ordering::Relaxed);
            self.publish(|host| PoolEvent::NotKeptWarm {
                host,
                until_tried_again: LEFT_ALONE,
            });
        }
    }
}
