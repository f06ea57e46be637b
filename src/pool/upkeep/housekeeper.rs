//! What has to be done now and then: the clock, and a look at each host when something is due there.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::pool::clock::millis;
use crate::pool::host::HostPool;
use crate::pool::shared::Shared;

/// How often it looks: an idle limit or timeout is enforced at most this late.
pub(super) const ROUND: Duration = Duration::from_millis(250);

/// Hosts that are looked at before other tasks of the runtime get their turn: a look takes some microseconds.
const AT_ONCE: usize = 64;

/// A clock that moves on by more than this in one round stood still for this program, or for its runtime: what has arrived meanwhile
/// is read first, and hosts are judged in the next round.
const STANDSTILL: u64 = 4 * ROUND.as_millis() as u64;

/// Runs until the pool ends.
pub(in crate::pool) async fn keep_house(pool: Weak<Shared>, ending: CancellationToken) {
    let mut postponed = false;
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = ending.cancelled() => return,
            _ = rounds.tick() => {}
        }
        let Some(shared) = pool.upgrade() else { return };
        // Once: a program that always stands still is looked after all the same.
        postponed = shared.stood_still() && !postponed;
        if postponed {
            continue;
        }
        let mut due = shared.due().into_iter().peekable();
        // The pool is held no longer than a turn takes.
        drop(shared);
        while due.peek().is_some() {
            match pool.upgrade() {
                Some(shared) if !shared.is_closed() => shared.look_at(due.by_ref().take(AT_ONCE)),
                _ => return,
            }
            yield_now().await;
        }
        match pool.upgrade() {
            Some(shared) => shared.look_at_all(),
            None => return,
        }
    }
}

impl Shared {
    /// Moves the clock, and says whether that was by more than a round or some.
    fn stood_still(&self) -> bool {
        let before = self.clock.now();
        self.clock.tick() - before > STANDSTILL
    }

    /// The hosts to be looked at, each with the round it was entered for.
    fn due(&self) -> Vec<(u64, Weak<HostPool>)> {
        self.wheel.lock().advance(round_at(self.clock.now()))
    }

    fn look_at(&self, due: impl Iterator<Item = (u64, Weak<HostPool>)>) {
        let (config, now) = (self.config(), self.clock.now());
        for (round, host) in due {
            let Some(host) = host.upgrade() else { continue };
            if !host.is_due(round) {
                continue;
            }
            match host.look_after(self, &config, now) {
                Some(next) => self.schedule(&host, next),
                None => self.retire(host, now + millis(config.idle_timeout())),
            }
        }
    }

    /// What concerns the pool as a whole.
    fn look_at_all(&self) {
        self.relieve_starved();
        self.trim_surplus();
        self.trim_idle();
        self.observe_health(self.clock.now());
    }

    /// Has the host looked after at that time of the pool's clock, or before, and not before the next round.
    pub(in crate::pool) fn schedule(&self, host: &Arc<HostPool>, at: u64) {
        let round = at.div_ceil(millis(ROUND));
        if round >= host.next_look.load(Ordering::Relaxed) {
            return;
        }
        let mut wheel = self.wheel.lock();
        let round = round.max(wheel.next_round());
        if round < host.next_look.load(Ordering::Relaxed) {
            host.next_look.store(round, Ordering::Relaxed);
            wheel.insert(round, Arc::downgrade(host));
        }
    }

    /// Takes a host that has nothing and serves nobody out of the map, or looks again later if somebody holds on to it.
    fn retire(&self, host: Arc<HostPool>, later: u64) {
        let key = Arc::clone(host.key());
        let weak = Arc::downgrade(&host);
        drop(host);
        self.hosts
            .retire(key.borrowed(), HostPool::retire_if_unused);
        if let Some(host) = weak.upgrade() {
            self.schedule(&host, later);
        }
    }
}

/// The round that is due at that time.
fn round_at(now: u64) -> u64 {
    now / millis(ROUND)
}

impl HostPool {
    /// Has the housekeeper look at this host in its next round.
    pub(in crate::pool) fn look_soon(self: &Arc<Self>) {
        if let Some(shared) = self.shared() {
            shared.schedule(self, self.now());
        }
    }

    /// Whether this entry of the wheel is the one that counts; an earlier look has put the others out of date.
    fn is_due(&self, round: u64) -> bool {
        self.next_look
            .compare_exchange(round, u64::MAX, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Marks a host that has nothing and serves nobody, so that it can leave the map.
    fn retire_if_unused(self: &Arc<Self>) -> bool {
        let mut queue = self.queue().lock();
        let unused = queue.members.is_empty()
            && queue.dialing == 0
            && queue.len() == 0
            && self.warmth_wanted() == 0
            && !self.is_apart()
            // The map's own, in its present snapshot.
            && Arc::strong_count(self) == 1;
        queue.retired |= unused;
        unused
    }
}
