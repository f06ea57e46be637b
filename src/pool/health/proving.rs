//! Connections that were silent prove themselves: asked by a PING, held back while the answer is awaited or late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::liveness::{Patience, Seen, Verdict, judge, next_look};
use crate::config::Config;
use crate::dial::Arrived;
use crate::pool::clock::{Clock, millis};
use crate::pool::live::Live;
use crate::registry::CloseReason;

/// How often the driver is given way to while bytes have arrived that it has not read. It may be running on another thread, and what
/// has arrived is mostly no end.
const GIVING_WAY: usize = 3;

/// When a connection was asked whether it still works; the pool's clock plus one, zero for never.
#[derive(Debug, Default)]
pub(in crate::pool) struct Asked {
    due: AtomicU64,
    last: AtomicU64,
    /// The answer is late.
    late: AtomicBool,
    /// It did not come.
    missing: AtomicBool,
}

impl Patience {
    pub(in crate::pool) fn of(config: &Config) -> Self {
        Self {
            validate_after: millis(config.validate_after()),
            interval: config.ping_interval().map(millis),
            late_after: millis(config.suspect_after()),
            dead_after: millis(config.ping_timeout()),
        }
    }
}

impl Live {
    /// Looks at how long it has been silent and does what that calls for. Returns when to look again.
    ///
    /// HTTP/1.1 has no question to ask; its driver sees the end of an idle connection.
    pub(in crate::pool) fn look_after(
        self: &Arc<Self>,
        patience: Patience,
        clock: &Clock,
        now: u64,
    ) -> u64 {
        if self.pinger().is_none() {
            return u64::MAX;
        }
        self.ask_about_resets();
        let seen = self.seen(clock);
        match judge(seen, patience, now) {
            Verdict::Sound => {
                if seen.asked.is_none_or(|due| seen.heard > due) {
                    self.proven();
                }
            }
            Verdict::Doubtful => {
                self.slot().hold();
            }
            Verdict::Ask => self.ask(now),
            Verdict::Late => {
                if !self.asked().late.swap(true, Ordering::Relaxed) {
                    self.slot().hold();
                    self.suspect();
                    // Those who hoped for it may need another.
                    self.host().scale();
                }
            }
            Verdict::Dead => {
                self.asked().missing.store(true, Ordering::Release);
                self.registration().note_close(CloseReason::Unhealthy);
                self.drain(CloseReason::Unhealthy);
                self.cut().cancel();
            }
        }
        next_look(self.seen(clock), patience, now)
    }

    /// Asks it, if that is possible and not already done.
    pub(in crate::pool) fn ask(&self, now: u64) {
        let Some(pinger) = self.pinger() else { return };
        let stamp = now.saturating_add(1);
        if self
            .asked()
            .due
            .compare_exchange(0, stamp, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
        {
            self.asked().last.store(stamp, Ordering::Relaxed);
            pinger.ask();
            // Somebody has to notice that the answer is late.
            self.host().look_soon();
        }
    }

    /// It works: whoever waits may have it.
    pub(in crate::pool) fn proven(self: &Arc<Self>) {
        self.asked().due.store(0, Ordering::SeqCst);
        self.asked().late.store(false, Ordering::Relaxed);
        self.settle_resets();
        self.ask_about_resets();
        if self.slot().readmit() {
            self.vindicate();
            self.host().released(false);
            self.serve_guests();
        }
    }

    /// Looks whether the server has left without the driver having noticed yet. Only where nothing else is under way: else the next
    /// answer would show.
    ///
    /// One system call, and a few turns of the runtime where something has arrived. Cancel-safe.
    pub(crate) async fn is_still_open(&self) -> bool {
        let before = self.slot().usage();
        if before.in_use > 1 {
            return true;
        }
        for _ in 0..GIVING_WAY {
            match self.socket().arrived() {
                Arrived::End => return false,
                Arrived::Nothing => break,
                Arrived::Bytes => tokio::task::yield_now().await,
            }
        }
        // Who holds a connection that was draining before may still use it.
        before.draining || !self.slot().usage().draining
    }

    /// Whether an answer is awaited.
    pub(in crate::pool) fn is_asked(&self) -> bool {
        self.asked().due.load(Ordering::SeqCst) != 0
    }

    /// Whether it was ended because it did not answer, whatever it was closed for before.
    pub(crate) fn was_unresponsive(&self) -> bool {
        self.asked().missing.load(Ordering::Acquire)
    }

    /// It is held back and its answer is not late: worth asking.
    pub(in crate::pool) fn may_be_proven(&self) -> bool {
        let usage = self.slot().usage();
        usage.held && !usage.draining && !self.asked().late.load(Ordering::Relaxed)
    }

    /// It was asked, and is not late yet: worth waiting for.
    pub(in crate::pool) fn is_being_proven(&self) -> bool {
        self.may_be_proven() && self.is_asked()
    }

    /// Whether anything has arrived since it was last asked.
    pub(in crate::pool) fn was_heard_since_asked(&self) -> bool {
        let last_asked = self.asked().last.load(Ordering::Relaxed);
        last_asked == 0 || self.heard().saturating_add(1) >= last_asked
    }

    /// For how long after it was opened the peer was heard of.
    pub(in crate::pool) fn heard_for(&self) -> Duration {
        Duration::from_millis(self.heard().saturating_sub(self.opened()))
    }

    /// When the peer's last bytes arrived, or the connection opened.
    fn heard(&self) -> u64 {
        let last = self.entry().stats().last_received();
        last.map_or(0, |instant| self.host().at(instant))
            .max(self.opened())
    }

    fn seen(&self, clock: &Clock) -> Seen {
        let stamp = |place: &AtomicU64| place.load(Ordering::Relaxed).checked_sub(1);
        Seen {
            heard: self.heard(),
            asked: stamp(&self.asked().due),
            last_asked: stamp(&self.asked().last),
            used: self.slot().usage().in_use > 0,
            calm: self.host().is_calm(clock.now()),
        }
    }
}
