//! Hosts that nobody uses are looked at ever more seldom; whoever uses one again calls the housekeeper.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::pool::clock::millis;
use crate::pool::host::HostPool;
use crate::pool::live::Live;

/// A host that nobody uses at this moment is looked at again after as long a time as nobody has used it; after this long at least.
pub(super) const SHORTEST_REST: Duration = Duration::from_secs(2);

/// And after this long at the latest. What is due before has its own time, and what happens announces itself: this is for what
/// nobody thought of.
const LONGEST_REST: Duration = Duration::from_secs(300);

impl HostPool {
    /// How long this host can be left to itself, where nothing is due before.
    pub(super) fn rest(&self, connections: &[Arc<Live>], now: u64) -> u64 {
        let given_back = connections.iter().map(|live| live.slot().last_used());
        let last_used = given_back.fold(self.last_asked(), u64::max);
        now.saturating_sub(last_used)
            .clamp(millis(SHORTEST_REST), millis(LONGEST_REST))
    }

    /// From now on whoever takes a use calls the housekeeper. False, and nothing changes, when somebody has taken one already.
    pub(super) fn fall_asleep(&self, connections: &[Arc<Live>]) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        let used = |live: &Arc<Live>| live.slot().usage().in_use > 0;
        let quiet = !connections.iter().any(used);
        if !quiet {
            self.rouse();
        }
        quiet
    }

    /// The housekeeper is here.
    pub(super) fn rouse(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// A connection was taken into use. Costs a load, and once in a long time more.
    #[inline]
    pub(in crate::pool) fn note_use(self: &Arc<Self>) {
        // SeqCst, as the slot's exchange before it: either this sees that the host sleeps, or the use was seen before it slept.
        if self.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    #[cold]
    fn wake(self: &Arc<Self>) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.look_soon();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::super::entries::{Entries, pool_of};
    use super::*;
    use crate::config::Settings;
    use crate::pool::upkeep::housekeeper::ROUND;

    async fn pass(time: Duration) {
        for _ in 0..time.as_millis() / ROUND.as_millis() {
            advance(ROUND).await;
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_at_rest_is_looked_at_when_it_is_used_or_the_pool_is_changed() {
        let pool = pool_of(Entries {
            hosts: 1,
            each: 1,
            warm: true,
            max_idle: 20,
        })
        .await;
        let host = Arc::clone(&pool.shared().hosts.all()[0]);
        let next_look = || host.next_look.load(Ordering::Relaxed) * millis(ROUND);
        let now = || host.now();
        pass(Duration::from_secs(400)).await;
        assert!(next_look() > now() + 10_000, "{} {}", next_look(), now());

        // Silence has made it doubtful; its PING was answered just now.
        host.connections()[0].slot().readmit();
        let lease = host.try_acquire().expect("it is hot");
        assert!(next_look() <= now() + millis(ROUND));
        pass(3 * ROUND).await;
        assert!(
            next_look() <= now() + 2 * millis(ROUND),
            "looked at while it is used"
        );
        drop(lease);
        // It was asked while it was used, and nobody is there to answer.
        host.connections()[0].proven();

        pass(Duration::from_secs(400)).await;
        assert!(next_look() > now() + 10_000, "{} {}", next_look(), now());
        pool.reconfigure(Settings::default()).unwrap();
        assert!(next_look() <= now() + millis(ROUND));
    }
}
