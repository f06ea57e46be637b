//! So that a storm of occurrences is not a storm of events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Between two events about the same thing: soon enough for somebody who watches, and rare enough for a thousand hosts at once.
pub(in crate::pool) const INTERVAL: Duration = Duration::from_secs(1);

/// Lets one occurrence in an interval through, and counts the others.
#[derive(Debug, Default)]
pub(in crate::pool) struct Alarm {
    /// One more than the time of the last that was let through, in milliseconds; zero before the first.
    last: AtomicU64,
    untold: AtomicU64,
}

impl Alarm {
    /// Something occurred at `now`, in milliseconds of a clock that never goes back. If it is to be told: how many before it were not.
    pub(in crate::pool) fn ring(&self, now: u64) -> Option<u64> {
        let last = self.last.load(Ordering::Relaxed);
        let silent = last != 0 && now.saturating_add(1).saturating_sub(last) < interval();
        let first = !silent
            && self
                .last
                .compare_exchange(last, now + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if first {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

fn interval() -> u64 {
    INTERVAL.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_is_told_at_once_and_the_next_after_the_interval() {
        let alarm = Alarm::default();
        assert_eq!(alarm.ring(0), Some(0));
        assert_eq!(alarm.ring(0), None);
        assert_eq!(alarm.ring(interval() - 1), None);
        assert_eq!(alarm.ring(interval()), Some(2));
        assert_eq!(alarm.ring(interval() * 9), Some(0));
    }

    proptest! {
        #[test]
        fn nothing_is_told_twice_nor_forgotten(steps in prop::collection::vec(0..3 * interval(), 1..200)) {
            let alarm = Alarm::default();
            let (mut now, mut told, mut occurred) = (0, 0, 0);
            let mut last: Option<u64> = None;
            for step in steps {
                now += step;
                occurred += 1;
                let due = last.is_none_or(|last| now - last >= interval());
                let rung = alarm.ring(now);
                prop_assert_eq!(rung.is_some(), due);
                if let Some(untold) = rung {
                    last = Some(now);
                    told += untold + 1;
                    prop_assert_eq!(told, occurred);
                }
            }
        }
    }
}
