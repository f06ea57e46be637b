//! The median of late, in one word.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each value moves the median by a part of itself: tenfold in 75 values, and by a tenth or so where nothing changes.
const STEP: u64 = 32;

/// Follows the median of values by stepping towards each (frugal streaming, Ma, Muthukrishnan and Sandler 2013): as many lie above as
/// below where it stays. Unlike an average it does not mind a few late answers, and unlike a histogram's it forgets at once.
#[derive(Debug, Default)]
pub(crate) struct RunningMedian(AtomicU64);

impl RunningMedian {
    pub(crate) fn record(&self, value: Duration) {
        let value = u64::try_from(value.as_micros()).unwrap_or(u64::MAX).max(1);
        let median = self.0.load(Ordering::Relaxed);
        let step = median / STEP + 1;
        let next = match median {
            0 => value,
            _ if value > median => (median + step).min(value),
            _ => median.saturating_sub(step).max(value),
        };
        self.0.store(next, Ordering::Relaxed);
    }

    /// In microseconds; zero before the first value.
    pub(crate) fn micros(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn fed(values: impl IntoIterator<Item = u64>) -> u64 {
        let median = RunningMedian::default();
        for value in values {
            median.record(Duration::from_micros(value));
        }
        median.micros()
    }

    #[test]
    fn it_follows_a_change_within_some_dozens_of_values() {
        assert_eq!(fed([]), 0);
        assert_eq!(fed([700]), 700);
        let slower = [4_000; 10].into_iter().chain([60_000; 100]);
        assert_eq!(fed(slower), 60_000);
        let quicker = [60_000; 10].into_iter().chain([4_000; 100]);
        assert_eq!(fed(quicker), 4_000);
        assert!(fed([0, u64::MAX, u64::MAX, 0]) < 4);
    }

    #[test]
    fn a_fifth_of_late_answers_does_not_move_it_far() {
        let each_fifth = (0..1_000).map(|nth| if nth % 5 == 0 { 900_000 } else { 1_000 });
        assert!(fed(each_fifth) < 1_200);
    }

    proptest! {
        #[test]
        fn it_is_near_the_median(seed: u64, longest in 10_000..1_000_000_u64) {
            let mut rng = StdRng::seed_from_u64(seed);
            let values: Vec<_> = (0..2_000).map(|_| rng.random_range(1..=longest)).collect();
            let median = fed(values.iter().copied());
            let below = values.iter().filter(|value| **value < median).count();
            prop_assert!((300..1_700).contains(&below), "{below} of 2000 are below");
        }
    }
}
