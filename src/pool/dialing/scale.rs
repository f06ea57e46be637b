//! How many connections a host's load needs. Decisions only: no socket, no clock.

/// What a host's connections carry at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::pool) struct Load {
    /// Uses and callers that wait for one.
    pub(in crate::pool) wanted: u32,
    /// Open connections.
    pub(in crate::pool) connections: usize,
    /// The median time to an answer, in microseconds; zero when nothing is known.
    pub(in crate::pool) latency: u64,
}

/// Follows a host's load from round to round.
#[derive(Clone, Debug, Default)]
pub(in crate::pool) struct Scale {
    /// The most that was wanted of late: falls by an eighth a round.
    peak: u32,
    trend: Trend,
}

impl Scale {
    /// Takes in one round's load. `capacities` are the uses that each connection allows, the oldest first; one that is yet to be
    /// opened is expected to allow as many as the last. Returns how many connections the load needs.
    pub(in crate::pool) fn needed(
        &mut self,
        load: Load,
        capacities: impl Iterator<Item = u32>,
    ) -> usize {
        let fallen = self.peak - (self.peak / 8).max(1).min(self.peak);
        self.peak = load.wanted.max(fallen);
        enough(self.peak, capacities) + self.trend.extra(load)
    }
}

/// How many connections carry `wanted` uses with a quarter of each to spare: the next one is opened before the last is full.
fn enough(wanted: u32, mut capacities: impl Iterator<Item = u32>) -> usize {
    let mut left = wanted;
    let mut connections = 0;
    let mut last = 1;
    while left > 0 {
        let comfortable = match capacities.next() {
            Some(capacity) => {
                last = (capacity - capacity / 4).max(1);
                // A server that allows no stream at all serves nobody.
                if capacity == 0 { 0 } else { last }
            }
            None => last,
        };
        left = left.saturating_sub(comfortable);
        connections += 1;
    }
    connections
}

/// So much slower than the best counts as slow: threefold, and by more than a scheduler's whim.
const SLOW_FACTOR: u64 = 3;
const SLOW_BY: u64 = 5_000;

/// Uses a connection must carry on average before its slowness can be its own.
const SHARED: u32 = 4;

/// Rounds that slowness lasts before another connection is opened: a second.
const PATIENCE: u32 = 4;

/// Rounds before the next decision, so that the last one can show: two seconds.
const COOL_DOWN: u32 = 8;

/// Rounds for which no more is opened where the last one did not help: the server is slow, not the connection. A minute.
const FUTILE: u32 = 240;

/// Rounds of calm before one is given up: ten seconds.
const CALM: u32 = 40;

/// Where it was missed then, twice as many before it is given up again, up to this: ten minutes. The calm was its own doing.
const LONGEST_CALM: u32 = 2_400;

/// Connections opened because those there are slow, not full.
#[derive(Clone, Debug, Default)]
struct Trend {
    extra: usize,
    /// The least latency of late, rising slowly, in microseconds.
    best: u64,
    slow: u32,
    calm: u32,
    wait: u32,
    /// The latency at which the last one was opened.
    opened_at: Option<u64>,
    /// How often in a row one was missed that had been given up.
    missed: u32,
    /// Rounds since one was given up, as long as it may be missed.
    without: Option<u32>,
}

impl Trend {
    fn extra(&mut self, load: Load) -> usize {
        let shared = load.wanted >= SHARED.saturating_mul(connections(load));
        if load.latency > 0 {
            let risen = self.best + self.best / 256;
            self.best = if self.best == 0 {
                load.latency
            } else {
                load.latency.min(risen)
            };
        }
        let slow = shared && is_slow(load.latency, self.best);
        (self.slow, self.calm) = if slow {
            (self.slow + 1, 0)
        } else {
            (0, self.calm + 1)
        };
        let enough_calm = if shared {
            (CALM << self.missed.min(6)).min(LONGEST_CALM)
        } else {
            CALM
        };
        self.without = match self.without {
            // Nothing is missed where nobody asks.
            Some(rounds) if rounds < enough_calm => Some(rounds + u32::from(shared)),
            Some(_) => {
                self.missed = 0;
                None
            }
            None => None,
        };
        if self.wait > 0 {
            self.wait -= 1;
            return self.extra;
        }
        if self.slow >= PATIENCE {
            let helped = self
                .opened_at
                .is_none_or(|before| load.latency < before - before / 8);
            self.opened_at = Some(load.latency);
            self.slow = 0;
            if helped {
                self.extra += 1;
                self.wait = COOL_DOWN;
                self.missed += u32::from(self.without.take().is_some());
            } else {
                self.extra = self.extra.saturating_sub(1);
                self.wait = FUTILE;
            }
        } else if self.calm >= enough_calm {
            self.calm = 0;
            self.opened_at = None;
            if self.extra > 0 {
                self.extra -= 1;
                self.without = Some(0);
            }
        }
        self.extra
    }
}

/// Whether a latency is far beyond the best, in microseconds.
pub(in crate::pool) fn is_slow(latency: u64, best: u64) -> bool {
    latency
        > best
            .saturating_mul(SLOW_FACTOR)
            .max(best.saturating_add(SLOW_BY))
}

fn connections(load: Load) -> u32 {
    u32::try_from(load.connections).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(wanted: u32, latency: u64) -> Load {
        Load {
            wanted,
            connections: 1,
            latency,
        }
    }

    #[test]
    fn the_next_one_is_opened_before_the_last_is_full() {
        let hundred = || [100, 100].into_iter();
        assert_eq!(enough(0, hundred()), 0);
        assert_eq!(enough(75, hundred()), 1);
        assert_eq!(enough(76, hundred()), 2);
        assert_eq!(enough(151, hundred()), 3);
        // HTTP/1.1: one each.
        assert_eq!(enough(5, std::iter::repeat_n(1, 2)), 5);
        assert_eq!(enough(3, std::iter::empty()), 3);
        // One that allows nothing is passed over, and another expected to allow one.
        assert_eq!(enough(1, [0].into_iter()), 2);
    }

    proptest! {
        #[test]
        fn what_is_enough_carries_the_load_and_one_less_does_not(
            wanted in 1_u32..5_000,
            capacities in proptest::collection::vec(1_u32..300, 1..20),
        ) {
            let last = *capacities.last().unwrap();
            let comfortable = |count: usize| -> u32 {
                (0..count)
                    .map(|at| capacities.get(at).copied().unwrap_or(last))
                    .map(|capacity| (capacity - capacity / 4).max(1))
                    .sum()
            };
            let connections = enough(wanted, capacities.iter().copied());
            prop_assert!(comfortable(connections) >= wanted);
            prop_assert!(comfortable(connections - 1) < wanted);
        }

        #[test]
        fn without_load_nothing_is_needed_in_the_end(rounds in proptest::collection::vec((0_u32..2_000, 0_u64..100_000), 0..200)) {
            let mut scale = Scale::default();
            for (wanted, latency) in rounds {
                scale.needed(load(wanted, latency), std::iter::once(100));
            }
            let mut needed = 0;
            for _ in 0..100 * (FUTILE + CALM) {
                needed = scale.needed(load(0, 0), std::iter::once(100));
            }
            prop_assert_eq!(needed, 0);
        }
    }

    #[test]
    fn a_peak_is_remembered_for_a_while() {
        let mut scale = Scale::default();
        assert_eq!(scale.needed(load(200, 0), std::iter::once(100)), 3);
        assert_eq!(scale.needed(load(1, 0), std::iter::once(100)), 3);
        let rounds = (0..)
            .take_while(|_| scale.needed(load(1, 0), std::iter::once(100)) > 1)
            .count();
        assert!((4..40).contains(&rounds), "{rounds} rounds");
    }

    #[test]
    fn lasting_slowness_under_load_opens_another_if_that_helps() {
        let mut trend = Trend::default();
        trend.extra(load(20, 1_000));
        let slow = load(20, 20_000);
        let opened = (0..PATIENCE).map(|_| trend.extra(slow)).max();
        assert_eq!(opened, Some(1));
        // It does not help: it is given back, and for a minute no other is opened.
        let most = (0..FUTILE).map(|_| trend.extra(slow)).max();
        assert_eq!((most, trend.extra), (Some(1), 0));
    }

    /// One connection stays slow, and another takes the load off it: the calm must not end that every ten seconds.
    #[test]
    fn one_that_is_missed_is_given_up_ever_more_rarely() {
        let mut trend = Trend::default();
        trend.extra(load(20, 1_000));
        let (mut extra, mut given_up) = (0, Vec::new());
        for round in 0..20_000 {
            let latency = if extra > 0 { 1_100 } else { 20_000 };
            let now = trend.extra(load(20, latency));
            if now < extra {
                given_up.push(round);
            }
            extra = now;
        }
        let pauses: Vec<_> = given_up.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.len() < 20, "{pauses:?}");
        assert!(
            pauses.is_sorted_by(|one, next| next >= one)
                && pauses.contains(&(LONGEST_CALM + PATIENCE)),
            "{pauses:?}"
        );
        // Once it is not missed any more, the next is given up after the usual calm again.
        for _ in 0..3 * LONGEST_CALM {
            trend.extra(load(20, 1_100));
        }
        assert_eq!((trend.extra, trend.missed), (0, 0));
    }

    #[test]
    fn slowness_that_others_do_not_share_is_the_servers() {
        let mut trend = Trend::default();
        trend.extra(load(1, 1_000));
        for _ in 0..100 {
            assert_eq!(trend.extra(load(SHARED - 1, 90_000)), 0);
        }
    }
}
