//! Latency as a cost for choosing: it rises at once and falls slowly.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time after which an observation weighs 1/e: tower's and linkerd's default. Shorter, and one slow answer among many is
/// forgotten before the next choice; longer, and a server that has recovered stays avoided.
const DECAY_MILLIS: f32 = 10_000.0;

/// A peak-sensitive, exponentially weighted moving average of latency.
///
/// An answer later than the average becomes the average at once; an earlier one lowers it by as much as the time since the last
/// observation weighs. While nothing is observed it decays towards zero, so that what was avoided is tried again.
///
/// One word: the time of the last observation above, the cost in microseconds below. Reading it is one relaxed load.
#[derive(Debug)]
pub(crate) struct PeakEwma(AtomicU64);

impl PeakEwma {
    /// Begins with an assumption, such as the time that the TCP handshake took: what is not measured must not look like the best.
    pub(crate) fn new(now: u64, assumed: Duration) -> Self {
        Self(AtomicU64::new(pack(now, micros(assumed))))
    }

    /// Takes in how late an answer was.
    pub(crate) fn record(&self, now: u64, latency: Duration) {
        let latency = micros(latency);
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (then, cost) = unpack(word);
            let elapsed = elapsed(then, now);
            let next = if latency >= cost {
                latency
            } else if elapsed == 0 {
                // Within one tick of the clock no time passes, and so nothing decays.
                return;
            } else {
                let weight = remaining(elapsed);
                cost * weight + latency * (1.0 - weight)
            };
            match self.0.compare_exchange_weak(
                word,
                pack(now, next),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }

    /// The cost now, in microseconds.
    pub(crate) fn load(&self, now: u64) -> f32 {
        let (then, cost) = unpack(self.0.load(Ordering::Relaxed));
        match elapsed(then, now) {
            0 => cost,
            elapsed => cost * remaining(elapsed),
        }
    }
}

fn micros(latency: Duration) -> f32 {
    latency.as_micros() as f32
}

/// The part of an observation that is left after this many milliseconds.
fn remaining(elapsed: u32) -> f32 {
    (-(elapsed as f32) / DECAY_MILLIS).exp()
}

/// The clock's lower half is enough: it comes round after 49 days, and what was not observed for as long has no cost to speak of;
/// at worst it then has its old cost for a few seconds. A time before `then` is another thread's older tick.
fn elapsed(then: u32, now: u64) -> u32 {
    let elapsed = (now as u32).wrapping_sub(then);
    if elapsed > u32::MAX - OLDER_TICKS {
        0
    } else {
        elapsed
    }
}

/// How far behind another thread's tick may be, in milliseconds.
const OLDER_TICKS: u32 = 60_000;

fn pack(now: u64, cost: f32) -> u64 {
    now << 32 | u64::from(cost.to_bits())
}

fn unpack(word: u64) -> (u32, f32) {
    ((word >> 32) as u32, f32::from_bits(word as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn it_rises_at_once_and_falls_by_time() {
        let cost = PeakEwma::new(0, MILLISECOND);
        cost.record(1_000, 50 * MILLISECOND);
        assert_eq!(cost.load(1_000), 50_000.0);
        cost.record(1_000, MILLISECOND);
        assert_eq!(cost.load(1_000), 50_000.0, "no time has passed");
        cost.record(2_000, MILLISECOND);
        let soon = cost.load(2_000);
        assert!(soon < 50_000.0 && soon > 40_000.0, "{soon}");
        assert!(cost.load(60_000) < soon / 100.0);
    }

    #[test]
    fn an_older_tick_of_another_thread_moves_nothing_back() {
        let cost = PeakEwma::new(5_000, 8 * MILLISECOND);
        assert_eq!(cost.load(4_900), 8_000.0);
        cost.record(4_900, MILLISECOND);
        assert_eq!(cost.load(5_000), 8_000.0);
    }

    #[test]
    fn threads_agree_on_the_peak() {
        let cost = PeakEwma::new(0, Duration::ZERO);
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                let cost = &cost;
                scope.spawn(move || {
                    for step in 0..1_000 {
                        cost.record(7, Duration::from_micros(step * thread));
                    }
                });
            }
        });
        assert_eq!(cost.load(7), 999.0 * 4.0);
    }

    proptest! {
        /// Against the same average in double precision over an unpacked clock.
        #[test]
        fn it_agrees_with_a_naive_average(
            begin in 0..u64::from(u32::MAX) * 4,
            steps in prop::collection::vec((0..30_000_u64, 0..120_000_000_u64), 1..60),
        ) {
            let ewma = PeakEwma::new(begin, MILLISECOND);
            let (mut naive, mut then, mut now, mut highest) = (1_000.0_f64, begin, begin, 1_000.0);
            for (pause, latency) in steps {
                now += pause;
                let decayed = naive * (-((now - then) as f64) / 10_000.0).exp();
                prop_assert!((f64::from(ewma.load(now)) - decayed).abs() <= 1.0 + decayed * 1e-3);
                ewma.record(now, Duration::from_micros(latency));
                let latency = latency as f64;
                highest = latency.max(highest);
                if latency >= naive {
                    (naive, then) = (latency, now);
                } else if now > then {
                    let weight = (-((now - then) as f64) / 10_000.0).exp();
                    (naive, then) = (naive * weight + latency * (1.0 - weight), now);
                }
                let cost = f64::from(ewma.load(now));
                prop_assert!((cost - naive).abs() <= 1.0 + naive * 1e-3, "{cost} {naive}");
                prop_assert!(cost <= highest * 1.001 && cost >= 0.0);
            }
        }
    }
}
