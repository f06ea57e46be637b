//! How many of the last seconds' attempts failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Slices that a window is cut into: what is forgotten, is forgotten a tenth at a time.
const SLICES: usize = 10;

const COUNT_BITS: u32 = 20;
const MOST: u64 = (1 << COUNT_BITS) - 1;
const NUMBER_BITS: u32 = 64 - 2 * COUNT_BITS;

/// Successes and failures of a sliding window of time; what is older counts no more, so an error rate falls by itself.
///
/// One word a slice: the slice's number, its successes, its failures. A slice that has as many of one as fit, a million, halves
/// both: the rate stays.
#[derive(Debug)]
pub(crate) struct Window {
    slices: [AtomicU64; SLICES],
    slice_millis: u64,
}

/// What a window held.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
}

impl Window {
    /// Ten seconds, as Hystrix and Envoy count: at a request a second there is still something to count, and a server that has
    /// recovered is believed after ten seconds.
    pub(crate) const LENGTH: Duration = Duration::from_secs(10);

    /// A window of at least `length`: it forgets between nine tenths of it and all of it.
    pub(crate) fn new(length: Duration) -> Self {
        let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            slices: Default::default(),
            slice_millis: millis.div_ceil(SLICES as u64).max(1),
        }
    }

    /// Counts one attempt.
    pub(crate) fn record(&self, now: u64, succeeded: bool) {
        let number = self.number(now);
        let Some(slice) = self.slices.get((number % SLICES as u64) as usize) else {
            return;
        };
        let mut word = slice.load(Ordering::Relaxed);
        loop {
            let (held, mut counts) = unpack(word);
            if held != number & NUMBER {
                counts = Counts::default();
            }
            let next = pack(number, counts.and(succeeded));
            match slice.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }

    /// What the window holds now.
    pub(crate) fn counts(&self, now: u64) -> Counts {
        let number = self.number(now);
        let mut sum = Counts::default();
        for slice in &self.slices {
            let (held, counts) = unpack(slice.load(Ordering::Relaxed));
            if number.wrapping_sub(held) & NUMBER < SLICES as u64 {
                sum.successes += counts.successes;
                sum.failures += counts.failures;
            }
        }
        sum
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for slice in &self.slices {
            slice.store(0, Ordering::Relaxed);
        }
    }

    /// From one, so that a slice that was never written is not the first one. It comes round after half a year of slices of a
    /// second; a slice that was not written in between is then taken for a new one, and forgotten ten seconds later.
    fn number(&self, now: u64) -> u64 {
        now / self.slice_millis + SLICES as u64
    }
}

impl Counts {
    /// Attempts in all.
    pub(crate) fn total(self) -> u64 {
        self.successes + self.failures
    }

    /// The part that failed, between 0 and 1; `None` when there was no attempt.
    pub(crate) fn error_rate(self) -> Option<f64> {
        (self.total() > 0).then(|| self.failures as f64 / self.total() as f64)
    }

    fn and(mut self, succeeded: bool) -> Self {
        let (successes, failures) = (u64::from(succeeded), u64::from(!succeeded));
        if self.successes + successes > MOST || self.failures + failures > MOST {
            self.successes /= 2;
            self.failures /= 2;
        }
        self.successes += successes;
        self.failures += failures;
        self
    }
}

const NUMBER: u64 = (1 << NUMBER_BITS) - 1;

fn pack(number: u64, counts: Counts) -> u64 {
    (number & NUMBER) << (2 * COUNT_BITS) | counts.successes << COUNT_BITS | counts.failures
}

fn unpack(word: u64) -> (u64, Counts) {
    let counts = Counts {
        successes: word >> COUNT_BITS & MOST,
        failures: word & MOST,
    };
    (word >> (2 * COUNT_BITS), counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rate_falls_again() {
        let window = Window::new(Window::LENGTH);
        assert_eq!(window.counts(0).error_rate(), None);
        for _ in 0..5 {
            window.record(500, false);
            window.record(500, true);
        }
        assert_eq!(window.counts(500).error_rate(), Some(0.5));
        assert_eq!(window.counts(9_999).total(), 10);
        assert_eq!(window.counts(10_000).error_rate(), None);
    }

    #[test]
    fn a_full_slice_keeps_its_rate() {
        let full = Counts {
            successes: MOST,
            failures: MOST / 2,
        };
        let counts = full.and(true);
        assert!(counts.successes <= MOST);
        let (before, after) = (full.error_rate().unwrap(), counts.error_rate().unwrap());
        assert!((before - after).abs() < 1e-5, "{before} {after}");
        assert_eq!(unpack(pack(77, counts)), (77, counts));
    }

    #[test]
    fn threads_lose_no_count() {
        let window = Window::new(Window::LENGTH);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let window = &window;
                scope.spawn(move || (0..10_000).for_each(|_| window.record(5, thread % 2 == 0)));
            }
        });
        let counts = window.counts(5);
        assert_eq!((counts.successes, counts.failures), (20_000, 20_000));
    }

    proptest! {
        /// Against a list of everything that happened.
        #[test]
        fn it_counts_what_a_list_counts(
            millis in 1..100_000_u64,
            begin in 0..u64::from(u32::MAX),
            steps in prop::collection::vec((0..20_000_u64, any::<bool>()), 1..80),
        ) {
            let window = Window::new(Duration::from_millis(millis));
            let slice = millis.div_ceil(10);
            let (mut all, mut now) = (Vec::new(), begin);
            for (pause, succeeded) in steps {
                now += pause;
                window.record(now, succeeded);
                all.push((now, succeeded));
                for later in [0, pause] {
                    let now = now + later;
                    let held = all.iter().filter(|(then, _)| now / slice - then / slice < 10);
                    let (good, bad) = held.partition::<Vec<&(u64, bool)>, _>(|(_, succeeded)| *succeeded);
                    let counts = window.counts(now);
                    prop_assert_eq!(counts.successes, good.len() as u64);
                    prop_assert_eq!(counts.failures, bad.len() as u64);
                }
            }
            window.clear();
            prop_assert_eq!(window.counts(now).total(), 0);
        }
    }
}
