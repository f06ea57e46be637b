//! How late answers are, as percentiles of the last minute.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Buckets an octave: a percentile is off by a sixteenth of itself at most, which is finer than what it is read for.
const DETAIL_BITS: u32 = 3;
const DETAIL: u64 = 1 << DETAIL_BITS;

/// Latencies from this on, two to the power of so many microseconds, all count as the longest: four and a half minutes.
const LONGEST_BITS: u32 = 28;

const BUCKETS: usize = (LONGEST_BITS - DETAIL_BITS + 1) as usize * DETAIL as usize;

/// How long one half is written to. Percentiles are those of the last half minute to minute: long enough that the hundredth answer
/// of a host with a few requests a second is among them.
const HALF_MILLIS: u64 = 30_000;

/// A histogram of latencies with buckets that grow with the value, in two halves that take turns: 1.7 kB, whatever is recorded.
#[derive(Debug)]
pub(crate) struct Latencies {
    halves: [Half; 2],
}

#[derive(Debug)]
struct Half {
    /// The number of the turn that this half holds, from one; zero before its first.
    turn: AtomicU64,
    buckets: [AtomicU32; BUCKETS],
}

/// How late answers were.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// How many answers were measured, in the last half minute to minute.
    pub count: u64,
    /// Half of the answers were as early as this, to within a sixteenth; zero when there were none.
    #[serde(serialize_with = "seconds")]
    pub p50: Duration,
    /// Nine of ten were.
    #[serde(serialize_with = "seconds")]
    pub p90: Duration,
    /// All but one of a hundred were.
    #[serde(serialize_with = "seconds")]
    pub p99: Duration,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let half = || Half {
            turn: AtomicU64::new(0),
            buckets: std::array::from_fn(|_| AtomicU32::new(0)),
        };
        Self {
            halves: [half(), half()],
        }
    }

    /// Counts one answer. The first of a turn empties its half; what another thread records at that moment may be lost.
    pub(crate) fn record(&self, now: u64, latency: Duration) {
        let turn = turn(now);
        let half = self.half(turn);
        let held = half.turn.load(Ordering::Relaxed);
        if held < turn
            && half
                .turn
                .compare_exchange(held, turn, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            for bucket in &half.buckets {
                bucket.store(0, Ordering::Relaxed);
            }
        }
        if let Some(bucket) = half.buckets.get(bucket_of(latency)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The percentiles now. Costs a walk over the buckets.
    pub(crate) fn percentiles(&self, now: u64) -> Percentiles {
        Self::of_all([self], now)
    }

    /// The percentiles of all of them together.
    pub(crate) fn of_all<'a>(all: impl IntoIterator<Item = &'a Self>, now: u64) -> Percentiles {
        let turn = turn(now);
        let mut counts = [0_u64; BUCKETS];
        for half in all.into_iter().flat_map(|one| &one.halves) {
            // A half may be a tick ahead of the caller.
            if half.turn.load(Ordering::Relaxed) + 1 >= turn {
                for (count, bucket) in counts.iter_mut().zip(&half.buckets) {
                    *count += u64::from(bucket.load(Ordering::Relaxed));
                }
            }
        }
        let count = counts.iter().sum();
        let at = |percent| value_at(&counts, count, percent);
        Percentiles {
            count,
            p50: at(50),
            p90: at(90),
            p99: at(99),
        }
    }

    fn half(&self, turn: u64) -> &Half {
        let [even, odd] = &self.halves;
        if turn.is_multiple_of(2) { even } else { odd }
    }
}

/// From two, so that neither the first turn nor the one before it is that of an unused half.
fn turn(now: u64) -> u64 {
    now / HALF_MILLIS + 2
}

/// The smallest value that at least so many percent do not exceed: the middle of its bucket.
fn value_at(counts: &[u64; BUCKETS], count: u64, percent: u64) -> Duration {
    let wanted = (count * percent).div_ceil(100).max(1);
    let mut seen = 0;
    for (bucket, held) in counts.iter().enumerate() {
        seen += held;
        if seen >= wanted {
            return middle_of(bucket);
        }
    }
    Duration::ZERO
}

/// Below eight microseconds each has its own bucket; above, each octave has eight.
fn bucket_of(latency: Duration) -> usize {
    let longest = (1 << LONGEST_BITS) - 1;
    let micros = u64::try_from(latency.as_micros()).map_or(longest, |micros| micros.min(longest));
    let octave = (u64::BITS - micros.leading_zeros()).saturating_sub(DETAIL_BITS + 1);
    (u64::from(octave) * DETAIL + (micros >> octave)) as usize
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn middle_of(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    let octave = (bucket / DETAIL).saturating_sub(1);
    let lowest = (bucket - octave * DETAIL) << octave;
    let width = 1 << octave;
    Duration::from_micros(lowest + (width - 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_and_hold_their_middle() {
        let mut last = 0;
        for micros in 0..100_000 {
            let bucket = bucket_of(Duration::from_micros(micros));
            assert!(bucket == last || bucket == last + 1, "{micros}");
            last = bucket;
        }
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(middle_of(bucket)), bucket);
        }
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let latencies = Latencies::new();
        assert_eq!(latencies.percentiles(0), Percentiles::default());
        latencies.record(0, Duration::from_secs(1));
        assert_eq!(latencies.percentiles(29_999).count, 1);
        assert_eq!(latencies.percentiles(59_999).count, 1);
        assert_eq!(latencies.percentiles(60_000).count, 0);
        latencies.record(60_000, Duration::from_millis(1));
        let held = latencies.percentiles(60_000);
        assert_eq!(held.count, 1);
        assert!(held.p99 < Duration::from_millis(2));
    }

    #[test]
    fn threads_lose_nothing_within_a_turn() {
        let latencies = Latencies::new();
        // The turn's first record empties the half.
        latencies.record(1, Duration::ZERO);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..10_000).for_each(|step| latencies.record(1, Duration::from_micros(step)));
                });
            }
        });
        assert_eq!(latencies.percentiles(1).count, 40_001);
    }

    fn near(found: Duration, exact: Duration) -> bool {
        let exact = exact.min(Duration::from_micros((1 << LONGEST_BITS) - 1));
        found.abs_diff(exact) <= exact / 16 + Duration::from_micros(1)
    }

    proptest! {
        /// Against all values, sorted.
        #[test]
        fn percentiles_are_near_those_of_a_list(
            begin in 0..u64::from(u32::MAX),
            steps in prop::collection::vec((0..12_000_u64, 0..400_000_000_u64), 1..80),
        ) {
            let latencies = Latencies::new();
            let (mut all, mut now) = (Vec::new(), begin);
            for (pause, micros) in steps {
                now += pause;
                let latency = Duration::from_micros(micros);
                latencies.record(now, latency);
                all.push((now, latency));
                let held = all.iter().filter(|(then, _)| now / HALF_MILLIS - then / HALF_MILLIS < 2);
                let mut held: Vec<_> = held.map(|(_, latency)| *latency).collect();
                held.sort();
                let exact = |percent: usize| held[(held.len() * percent).div_ceil(100) - 1];
                let found = latencies.percentiles(now);
                prop_assert_eq!(found.count, held.len() as u64);
                prop_assert!(near(found.p50, exact(50)), "{:?} {:?}", found, exact(50));
                prop_assert!(near(found.p90, exact(90)), "{:?} {:?}", found, exact(90));
                prop_assert!(near(found.p99, exact(99)), "{:?} {:?}", found, exact(99));
            }
        }
    }
}
