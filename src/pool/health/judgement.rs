//! How a host, and the pool, is doing: one word, and the figures behind it. Decisions only: no socket, no clock.
//!
//! A word changes for the worse at once. For the better it changes only when things have been better for a while, and by a margin, so
//! that who acts on it (a balancer that takes an instance out, a person who is woken) is not told back and forth.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::breaker::Circuit;
use super::measure::Percentiles;

/// How a host or a pool is doing; the first is the best.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing stands out. A host that nobody has asked for is healthy too.
    #[default]
    Healthy,
    /// It works, worse than it should: some requests or dials fail, or answers take much longer than usual.
    Degraded,
    /// It works, but callers wait for what others use, or were refused. That all of it is used overloads nobody.
    Overloaded,
    /// It does not work: there is no connection and none can be made, its circuit is open, or nearly everything fails.
    Unavailable,
}

/// Why a host or a pool is not [`Health::Healthy`]; of several reasons the one that weighs most.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HealthCause {
    /// The pool was closed.
    PoolClosed,
    /// The host's circuit breaker lets nobody through.
    CircuitOpen,
    /// There is no connection, and dials fail.
    Unreachable,
    /// So many of the last dials and requests failed.
    Failures,
    /// Callers wait, and no dial is under way that could serve them.
    CallersWait,
    /// Too many callers waited, or some in vain, within the last ten seconds.
    CallersRefused,
    /// The hundredth answer takes many times as long as half of them do.
    SlowAnswers,
    /// Every connection failed its [probes](crate::Pool::probe) twice in a row.
    ProbesFail,
    /// Dials fail, while connections made before still work.
    FailedDials,
    /// The host's circuit breaker lets a few through, who find out.
    CircuitHalfOpen,
    /// Of a pool: some of its hosts are unavailable.
    HostsUnavailable,
}

/// The figures behind a [`Health`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
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
    /// Whether a caller was refused in the last ten seconds: too many waited, or nothing came free in time.
    pub refused: bool,
    /// Dials under way.
    pub dialing: usize,
    /// Dials that failed in a row, the last of them just now.
    pub failed_dials: u32,
    /// Whether every connection failed its last [probes](crate::Pool::probe).
    pub probes_fail: bool,
    /// The circuit breaker; [`Circuit::Closed`] where there is none.
    pub circuit: Circuit,
}

/// So few attempts say nothing about a rate.
const LEAST_ATTEMPTS: u64 = 10;

/// The part of attempts that fails in a host that is [`Health::Degraded`]: a budget of one in twenty is more than retries should hide.
const DEGRADED_RATE: f64 = 0.05;

/// And in one that is [`Health::Unavailable`]: whoever still succeeds there is lucky.
const UNAVAILABLE_RATE: f64 = 0.9;

/// The hundredth answer takes so many times as long as half of them do.
const SLOW_FACTOR: u32 = 20;

/// Fewer answers have no hundredth.
const LEAST_ANSWERS: u64 = 100;

/// For the better, a threshold must be undercut by this part of it.
const MARGIN: f64 = 0.2;

/// For the better, things must have been better for so long: as long as the window of errors is.
pub(super) const CALM: Duration = Duration::from_secs(10);
const CALM_MILLIS: u64 = CALM.as_millis() as u64;

/// A health, and what speaks against a better one.
pub(super) type Judgement = (Health, Option<HealthCause>);

/// A health that does not flap.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::pool) struct Steady {
    shown: Judgement,
    /// Since when things have looked better than shown, and how they looked at worst since.
    better: Option<(u64, Judgement)>,
}

impl Health {
    /// In lower case, as in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl HealthCause {
    /// In lower case, words joined by hyphens, as in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PoolClosed => "pool-closed",
            Self::CircuitOpen => "circuit-open",
            Self::Unreachable => "unreachable",
            Self::Failures => "failures",
            Self::CallersWait => "callers-wait",
            Self::CallersRefused => "callers-refused",
            Self::SlowAnswers => "slow-answers",
            Self::ProbesFail => "probes-fail",
            Self::FailedDials => "failed-dials",
            Self::CircuitHalfOpen => "circuit-half-open",
            Self::HostsUnavailable => "hosts-unavailable",
        }
    }
}

impl fmt::Display for HealthCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Vitals {
    /// What the figures say by themselves.
    pub fn health(&self) -> Health {
        self.judge().0
    }

    /// Callers have nothing to wait for but each other: somebody always waits while the first connection, or one more, is made.
    fn is_at_its_limit(&self) -> bool {
        self.dialing == 0 && (self.connections > 0 || self.utilisation >= 1.0)
    }

    pub(super) fn judge(&self) -> Judgement {
        self.judge_at(1.0)
    }

    /// With every threshold at this part of itself.
    fn judge_at(&self, part: f64) -> Judgement {
        let rate = match self.error_rate {
            Some(rate) if self.attempts >= LEAST_ATTEMPTS => rate,
            _ => 0.0,
        };
        let dead = self.connections == 0 && self.failed_dials > 0;
        let queue = self.waiting > 0 && self.is_at_its_limit();
        let slow = self.latency.count >= LEAST_ANSWERS
            && self.latency.p99 >= (self.latency.p50 * SLOW_FACTOR).mul_f64(part);
        use Health::{Degraded, Overloaded, Unavailable};
        let circuit = |circuit| self.circuit == circuit;
        let reasons = [
            (
                circuit(Circuit::Open),
                Unavailable,
                HealthCause::CircuitOpen,
            ),
            (dead, Unavailable, HealthCause::Unreachable),
            (
                rate >= UNAVAILABLE_RATE * part,
                Unavailable,
                HealthCause::Failures,
            ),
            (queue, Overloaded, HealthCause::CallersWait),
            (self.refused, Overloaded, HealthCause::CallersRefused),
            (
                rate >= DEGRADED_RATE * part,
                Degraded,
                HealthCause::Failures,
            ),
            (slow, Degraded, HealthCause::SlowAnswers),
            (self.probes_fail, Degraded, HealthCause::ProbesFail),
            (self.failed_dials > 0, Degraded, HealthCause::FailedDials),
            (
                circuit(Circuit::HalfOpen),
                Degraded,
                HealthCause::CircuitHalfOpen,
            ),
        ];
        let found = reasons.into_iter().find(|(holds, ..)| *holds);
        found.map_or((Health::Healthy, None), |(_, health, cause)| {
            (health, Some(cause))
        })
    }
}

impl Steady {
    /// Takes in the figures of this moment. Returns what is shown from now on, and the health before if that was another one.
    pub(super) fn observe(&mut self, now: u64, vitals: &Vitals) -> (Judgement, Option<Health>) {
        let (before, _) = self.shown;
        let present = vitals.judge();
        if present.0 >= before {
            (self.shown, self.better) = (present, None);
            return (present, (present.0 != before).then_some(before));
        }
        let cautious = vitals.judge_at(1.0 - MARGIN);
        if cautious.0 >= before {
            self.better = None;
            return (self.shown, None);
        }
        let (since, worst) = self.better.unwrap_or((now, cautious));
        let worst = if cautious.0 >= worst.0 {
            cautious
        } else {
            worst
        };
        self.better = Some((since, worst));
        if now.saturating_sub(since) < CALM_MILLIS {
            return (self.shown, None);
        }
        (self.shown, self.better) = (worst, None);
        (worst, Some(before))
    }

    pub(super) fn shown(&self) -> Judgement {
        self.shown
    }

    /// What a reader is told: what is shown, or what the figures say now if that is worse.
    pub(super) fn with(&self, vitals: &Vitals) -> Judgement {
        worse(self.shown, vitals.judge())
    }
}

/// The first, unless the second is worse.
pub(super) fn worse(one: Judgement, other: Judgement) -> Judgement {
    if other.0 > one.0 { other } else { one }
}

/// The pool's, from its hosts': unavailable when all that are asked for are, and as bad as the worst otherwise, since of several hosts
/// one that does not work leaves the others working.
pub(super) fn of_all(hosts: impl IntoIterator<Item = Judgement>) -> Judgement {
    let (mut count, mut gone, mut worst) = (0_usize, 0_usize, (Health::Healthy, None));
    let mut unavailable = worst;
    for judgement in hosts {
        count += 1;
        match judgement.0 {
            Health::Unavailable => (gone, unavailable) = (gone + 1, judgement),
            _ => worst = worse(worst, judgement),
        }
    }
    match gone {
        0 => worst,
        gone if gone == count => unavailable,
        _ => worse(
            (Health::Degraded, Some(HealthCause::HostsUnavailable)),
            worst,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let growing = Vitals {
            dialing: 1,
            ..queue
        };
        assert_eq!(growing.health(), Health::Healthy);
        let cold = Vitals {
            waiting: 9,
            ..Vitals::default()
        };
        assert_eq!(cold.health(), Health::Healthy);
        let used = Vitals {
            utilisation: 1.0,
            ..working()
        };
        assert_eq!(used.health(), Health::Healthy);
        let starved = Vitals {
            utilisation: 1.0,
            ..cold
        };
        assert_eq!(starved.health(), Health::Overloaded);
        let refused = Vitals {
            refused: true,
            ..working()
        };
        assert_eq!(refused.health(), Health::Overloaded);
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
        let probed = Vitals {
            probes_fail: true,
            ..working()
        };
        assert_eq!(probed.health(), Health::Degraded);
        let open = Vitals {
            circuit: Circuit::Open,
            ..working()
        };
        assert_eq!(open.health(), Health::Unavailable);
    }

    #[test]
    fn worse_at_once_and_better_after_a_while() {
        let degraded = (Health::Degraded, Some(HealthCause::Failures));
        let mut steady = Steady::default();
        let mut observe = |now, rate| steady.observe(now, &failing(rate));
        assert_eq!(observe(0, 0.06), (degraded, Some(Health::Healthy)));
        assert_eq!(observe(1_000, 0.01), (degraded, None));
        // Just under the threshold is not better.
        assert_eq!(observe(9_000, 0.045), (degraded, None));
        assert_eq!(observe(10_000, 0.01), (degraded, None));
        assert_eq!(observe(19_999, 0.01), (degraded, None));
        let healthy = (Health::Healthy, None);
        assert_eq!(observe(20_000, 0.01), (healthy, Some(Health::Degraded)));
        assert_eq!(steady.shown(), healthy);
        assert_eq!(steady.with(&failing(0.06)), degraded);
    }

    #[test]
    fn a_pool_is_gone_when_all_its_hosts_are() {
        use Health::*;
        let of = |all: &[Health]| of_all(all.iter().map(|health| (*health, None))).0;
        assert_eq!(of(&[]), Healthy);
        assert_eq!(of(&[Unavailable, Unavailable]), Unavailable);
        assert_eq!(of(&[Unavailable, Healthy]), Degraded);
        assert_eq!(of(&[Unavailable, Overloaded]), Overloaded);
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
                let ((shown, why), changed) = steady.observe(now, &vitals);
                prop_assert_eq!(changed.is_some(), shown != before);
                prop_assert_eq!(why.is_none(), shown == Health::Healthy);
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
