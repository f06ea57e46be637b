//! How many requests may be sent again: a part of those that are sent at all, so that a server in trouble is not given more of it.
//!
//! It is asked where the server may feel the repetition: where it refused the request, being short of something, and where it may have
//! seen it. What was never sent, or was above the last stream of a server that went away, costs it nothing and is sent again unasked.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::pool::connection::Connection;

/// Of every hundred requests, as many may be sent again: linkerd's and reqwest's figure. A server that fails everything gets a fifth
/// more than it would, not several times as much.
const RETRY_PERCENT: u64 = 20;

/// As many a second at least, whatever is sent: else who sends one request a minute could not repeat it (Finagle grants ten).
const LEAST_PER_SECOND: u64 = 10;

/// Unused rights are kept for so long, in seconds: a burst of failures may use what ten seconds of calm have saved.
const SECONDS_KEPT: u64 = 10;

/// The rights that are saved at most: those of ten seconds at a thousand requests a second.
const MOST: u64 = SECONDS_KEPT * 1_000 * RETRY_PERCENT / 100 * RIGHT;

/// One right, in hundredths.
const RIGHT: u64 = 100;

/// A bucket of rights to send a request again, with no clock: `now` is in milliseconds.
///
/// One word: the rights in hundredths above, the time of the last grant by time below.
#[derive(Debug)]
pub(in crate::pool) struct RetryBudget(AtomicU64);

const TIME_BITS: u32 = 40;
const TIME: u64 = (1 << TIME_BITS) - 1;

impl RetryBudget {
    /// Begins with what ten seconds grant.
    pub(in crate::pool) fn new(now: u64) -> Self {
        let rights = SECONDS_KEPT * LEAST_PER_SECOND * RIGHT;
        Self(AtomicU64::new(pack(rights, now)))
    }

    /// A request is sent for the first time.
    pub(super) fn sent(&self) {
        self.update(|rights, then| Some(((rights + RETRY_PERCENT).min(MOST), then)));
    }

    /// Takes the right to send one again, if there is one.
    pub(super) fn try_retry(&self, now: u64) -> bool {
        self.update(|rights, then| {
            let (rights, then) = granted(rights, then, now);
            Some((rights.checked_sub(RIGHT)?, then))
        })
    }

    /// How many could be sent again now.
    #[cfg(test)]
    pub(super) fn left(&self, now: u64) -> u64 {
        let (rights, then) = unpack(self.0.load(Ordering::Relaxed));
        granted(rights, then, now).0 / RIGHT
    }

    fn update(&self, change: impl Fn(u64, u64) -> Option<(u64, u64)>) -> bool {
        let change = |word| {
            let (rights, then) = unpack(word);
            change(rights, then).map(|(rights, then)| pack(rights, then))
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .is_ok()
    }
}

/// With what time has granted since; it fills up no further than ten seconds do, and takes nothing from what requests have earned.
fn granted(rights: u64, then: u64, now: u64) -> (u64, u64) {
    let elapsed = now.saturating_sub(then);
    let earned = elapsed.saturating_mul(LEAST_PER_SECOND * RIGHT) / 1_000;
    let full = SECONDS_KEPT * LEAST_PER_SECOND * RIGHT;
    let rights = rights.max(rights.saturating_add(earned).min(full));
    (rights, now.max(then))
}

fn pack(rights: u64, then: u64) -> u64 {
    rights << TIME_BITS | then & TIME
}

fn unpack(word: u64) -> (u64, u64) {
    (word >> TIME_BITS, word & TIME)
}

impl Connection {
    /// A request is sent for the first time.
    pub(crate) fn count_request(&self) {
        self.host().retry_budget().sent();
    }

    /// Takes the right to send a request once more to this host, if there is one.
    pub(crate) fn may_send_again(&self) -> bool {
        let host = self.host();
        host.retry_budget().try_retry(host.present())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_server_that_fails_everything_gets_a_fifth_more() {
        let budget = RetryBudget::new(0);
        let first = (0..1_000).filter(|_| budget.try_retry(0)).count();
        assert_eq!(first, 100, "what there is to begin with");
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.sent();
            retries += u32::from(budget.try_retry(0));
        }
        assert_eq!(retries, 2_000);
    }

    #[test]
    fn time_grants_a_few_and_saves_no_more_than_ten_seconds() {
        let budget = RetryBudget::new(0);
        while budget.try_retry(0) {}
        assert_eq!((budget.left(99), budget.left(100)), (0, 1));
        assert_eq!(budget.left(3_600_000), 100);
    }

    #[test]
    fn threads_share_the_rights() {
        let budget = RetryBudget::new(0);
        let taken: usize = std::thread::scope(|scope| {
            let thread = || scope.spawn(|| (0..100).filter(|_| budget.try_retry(0)).count());
            let threads: Vec<_> = (0..4).map(|_| thread()).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 100);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Pass(u64),
        Send(u64),
        Retry,
    }

    proptest! {
        /// Against the same in plain numbers, and: retries never exceed what was granted.
        #[test]
        fn it_agrees_with_plain_numbers(
            begin in 0..1_u64 << 38,
            steps in prop::collection::vec(prop_oneof![
                1 => (0..3_000_u64).prop_map(Step::Pass),
                2 => (0..40_u64).prop_map(Step::Send),
                4 => Just(Step::Retry),
            ], 0..200),
        ) {
            let budget = RetryBudget::new(begin);
            let (mut now, mut counted, mut rights) = (begin, begin, 10_000_u64);
            let (mut sent, mut retried) = (0, 0);
            for step in steps {
                match step {
                    Step::Pass(time) => now += time,
                    Step::Send(count) => {
                        for _ in 0..count {
                            budget.sent();
                            rights = (rights + 20).min(200_000);
                        }
                        sent += count;
                    }
                    Step::Retry => {
                        let filled = (rights + (now - counted)).min(10_000).max(rights);
                        let may = filled >= 100;
                        prop_assert_eq!(budget.try_retry(now), may);
                        if may {
                            (rights, counted) = (filled - 100, now);
                            retried += 1;
                        }
                    }
                }
                prop_assert!(retried * 100 <= 10_000 + sent * 20 + (now - begin));
            }
        }
    }
}
