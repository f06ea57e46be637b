//! How a host, and the pool, is doing: one word, and the figures behind it. Decisions only: no socket, no clock.
//!
//! A word changes for the worse at once. For the better it changes only when things have been better for a while, and by a margin, so
//! that who acts on it (a balancer that takes an instance out, a person who is woken) is not told back and forth.

use super::breaker::Circuit;
use super::measure::Percentiles;

/// How a host or a pool is doing; the first is the best.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Health {
    /// Nothing stands out. A host that nobody has asked for is healthy too.
    #[default]
    Healthy,
    /// It works, worse than it should: some requests or dials fail, or answers take much longer than usual.
    Degraded,
    /// It works, but callers wait, or soon will: what there is, is in use.
    Overloaded,
    /// It does not work: there is no connection and none can be made, its circuit is open, or nearly everything fails.
    Unavailable,
}

/// The figures behind a [`Health`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Vitals {
    /// The part of what may be used (streams of the connections that there are and may be) that is in use, from 0 to 1.
    pub utilisation: f64,
    /// The part of the last ten seconds' dials and requests that failed, from 0 to 1; `None` when there was none.
    pub error_rate: Option<f64>,
    /// How many those were.
    pub attempts: u64,
    /// How late answers are.
    pub latency: Percentiles,
    /// Connections that can be handed out.
    pub connections: usize,
    /// Callers that wait.
    pub waiting: usize,
    /// Dials that failed in a row, the last of them just now.
    pub failed_dials: u32,
    /// The circuit breaker; [`Circuit::Closed`] where there is none.
    pub circuit: Circuit,
}

/// So few attempts say nothing about a rate.
const LEAST_ATTEMPTS: u64 = 10;

/// The part of attempts that fails in a host that is [`Health::Degraded`]: a budget of one in twenty is more than retries should hide.
const DEGRADED_RATE: f64 = 0.05;

/// And in one that is [`Health::Unavailable`]: whoever still succeeds there is lucky.
const UNAVAILABLE_RATE: f64 = 0.9;

/// In use: an M/M/c queue's waiting time grows steeply from about here.
const OVERLOADED_UTILISATION: f64 = 0.9;

/// The hundredth answer takes so many times as long as half of them do.
const SLOW_FACTOR: u32 = 20;

/// Fewer answers have no hundredth.
const LEAST_ANSWERS: u64 = 100;

/// For the better, a threshold must be undercut by this part of it.
const MARGIN: f64 = 0.2;

/// For the better, things must have been better for so long, in milliseconds: as long as the window of errors is.
const CALM_MILLIS: u64 = 10_000;

/// A health that does not flap.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steady {
    shown: Health,
    /// Since when things have looked better than shown, and how they looked at worst since.
    better: Option<(u64, Health)>,
}

impl Vitals {
    /// What the figures say by themselves.
    pub fn health(&self) -> Health {
        self.judge(1.0)
    }

    /// With every threshold at this part of itself.
    fn judge(&self, part: f64) -> Health {
        let rate = match self.error_rate {
            Some(rate) if self.attempts >= LEAST_ATTEMPTS => rate,
            _ => 0.0,
        };
        let dead = self.connections == 0 && self.failed_dials > 0;
        if self.circuit == Circuit::Open || dead || rate >= UNAVAILABLE_RATE * part {
            return Health::Unavailable;
        }
        // Somebody always waits while the first connection is made.
        let queue = self.waiting > 0 && self.connections > 0;
        if queue || self.utilisation >= OVERLOADED_UTILISATION * part {
            return Health::Overloaded;
        }
        let slow = self.latency.count >= LEAST_ANSWERS
            && self.latency.p99 >= (self.latency.p50 * SLOW_FACTOR).mul_f64(part);
        let failing = self.failed_dials > 0 || self.circuit == Circuit::HalfOpen;
        if rate >= DEGRADED_RATE * part || slow || failing {
            return Health::Degraded;
        }
        Health::Healthy
    }
}

impl Steady {
    /// Takes in the figures of this moment. Returns the health from now on, and whether that is another one than before.
    pub(super) fn observe(&mut self, now: u64, vitals: &Vitals) -> (Health, bool) {
        let before = self.shown;
        let present = vitals.health();
        if present >= before {
            (self.shown, self.better) = (present, None);
            return (present, present != before);
        }
        let cautious = vitals.judge(1.0 - MARGIN);
        if cautious >= before {
            self.better = None;
            return (before, false);
        }
        let (since, worst) = self.better.unwrap_or((now, cautious));
        let worst = worst.max(cautious);
        self.better = Some((since, worst));
        if now.saturating_sub(since) < CALM_MILLIS {
            return (before, false);
        }
        (self.shown, self.better) = (worst, None);
        (worst, true)
    }

    pub(super) fn shown(&self) -> Health {
        self.shown
    }
}

/// The pool's, from its hosts': unavailable when all that are asked for are, and as bad as the worst otherwise, since of several hosts
/// one that does not work leaves the others working.
pub(super) fn of_all(hosts: impl IntoIterator<Item = Health>) -> Health {
    let (mut count, mut gone, mut worst) = (0_usize, 0_usize, Health::Healthy);
    for health in hosts {
        count += 1;
        match health {
            Health::Unavailable => gone += 1,
            other => worst = worst.max(other),
        }
    }
    match gone {
        0 => worst,
        gone if gone == count => Health::Unavailable,
        _ => worst.max(Health::Degraded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn working() -> Vitals {
        Vitals {
            connections: 2,
            ..Vitals::default()
        }
    }

    fn failing(rate: f64) -> Vitals {
        Vitals {
            error_rate: Some(rate),
            attempts: 100,
            ..working()
        }
    }

    #[test]
    fn each_figure_has_its_word() {
        assert_eq!(Vitals::default().health(), Health::Healthy);
        assert_eq!(working().health(), Health::Healthy);
        assert_eq!(failing(0.04).health(), Health::Healthy);
        assert_eq!(failing(0.05).health(), Health::Degraded);
        assert_eq!(failing(0.95).health(), Health::Unavailable);
        let few = Vitals {
            attempts: 9,
            ..failing(1.0)
        };
        assert_eq!(few.health(), Health::Healthy);
        let queue = Vitals {
            waiting: 1,
            ..working()
        };
        assert_eq!(queue.health(), Health::Overloaded);
        let cold = Vitals {
            waiting: 9,
            ..Vitals::default()
        };
        assert_eq!(cold.health(), Health::Healthy);
        let full = Vitals {
            utilisation: 0.9,
            ..working()
        };
        assert_eq!(full.health(), Health::Overloaded);
        let mut slow = working();
        slow.latency.count = 100;
        slow.latency.p50 = Duration::from_millis(10);
        slow.latency.p99 = Duration::from_millis(200);
        assert_eq!(slow.health(), Health::Degraded);
        let unreachable = Vitals {
            failed_dials: 1,
            ..Vitals::default()
        };
        assert_eq!(unreachable.health(), Health::Unavailable);
        let open = Vitals {
            circuit: Circuit::Open,
            ..working()
        };
        assert_eq!(open.health(), Health::Unavailable);
    }

    #[test]
    fn worse_at_once_and_better_after_a_while() {
        let mut steady = Steady::default();
        assert_eq!(steady.observe(0, &failing(0.06)), (Health::Degraded, true));
        assert_eq!(
            steady.observe(1_000, &failing(0.01)),
            (Health::Degraded, false)
        );
        // Just under the threshold is not better.
        assert_eq!(
            steady.observe(9_000, &failing(0.045)),
            (Health::Degraded, false)
        );
        assert_eq!(
            steady.observe(10_000, &failing(0.01)),
            (Health::Degraded, false)
        );
        assert_eq!(
            steady.observe(19_999, &failing(0.01)),
            (Health::Degraded, false)
        );
        assert_eq!(
            steady.observe(20_000, &failing(0.01)),
            (Health::Healthy, true)
        );
        assert_eq!(steady.shown(), Health::Healthy);
    }

    #[test]
    fn a_pool_is_gone_when_all_its_hosts_are() {
        use Health::*;
        assert_eq!(of_all([]), Healthy);
        assert_eq!(of_all([Unavailable, Unavailable]), Unavailable);
        assert_eq!(of_all([Unavailable, Healthy]), Degraded);
        assert_eq!(of_all([Unavailable, Overloaded]), Overloaded);
    }

    proptest! {
        /// What is shown is never better than what was seen at worst within the calm, and not worse than what was seen since.
        #[test]
        fn it_shows_the_worst_of_the_last_seconds(
            steps in prop::collection::vec((0..4_000_u64, 0.0..1.0_f64, 0..3_usize), 1..80),
        ) {
            let mut steady = Steady::default();
            let (mut now, mut log) = (0, Vec::new());
            let mut before = Health::Healthy;
            for (pause, rate, waiting) in steps {
                now += pause;
                let vitals = Vitals { waiting: waiting / 2, ..failing(rate * rate) };
                log.push((now, vitals.health()));
                let (shown, changed) = steady.observe(now, &vitals);
                prop_assert_eq!(changed, shown != before);
                prop_assert!(shown >= vitals.health());
                if shown < before {
                    let recent = log.iter().filter(|(then, _)| now - then < CALM_MILLIS);
                    prop_assert!(recent.map(|(_, health)| *health).max().unwrap() < before);
                    prop_assert!(now >= CALM_MILLIS);
                }
                before = shown;
            }
        }
    }
}
