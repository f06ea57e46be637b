//! A circuit breaker for a host: after many failures nobody is let through for a while, then a few who find out.
//!
//! Off by default: the pool fails callers of a dead host as soon as its dial fails, and a breaker that is open also refuses those who
//! would have been served again. It is for callers whose waiting costs more than being refused.
//!
//! What counts: dials that failed at all of the host's addresses, connections that broke under a request, and on the other side dials
//! that succeeded and requests that were answered, whatever the answer: a 429 or a 503 is a server that works and has said what it
//! wants, and its `Retry-After` is the caller's to heed. Limits, deadlines of callers and faults of this side do not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::{Rng, RngExt};
use serde::Serialize;

use super::measure::Window;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Fault, Result};
use crate::pool::acquire::Lease;
use crate::pool::clock::millis;
use crate::pool::events::PoolEvent;
use crate::pool::host::HostPool;

/// Callers who are let through at a time once the circuit was open: two, so that one who leaves does not hold up the rest.
const TRIALS: u32 = 2;

/// A term is drawn between this part of it and all of it: many clients do not all come back at once.
const SHORTEST_TERM: f64 = 0.75;

/// One host's.
#[derive(Debug)]
pub(in crate::pool) struct Breaker {
    /// Whether the setting is on.
    armed: AtomicBool,
    /// The state's name, to be looked at without the lock.
    shown: AtomicU8,
    window: Window,
    state: Mutex<State>,
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Circuit {
    /// Everybody.
    #[default]
    Closed,
    /// Nobody, for a while.
    Open,
    /// A few, who find out whether the host works again.
    HalfOpen,
}

/// The settings that a decision needs; terms in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    failures: u32,
    error_percent: u64,
    volume: u64,
    term: u64,
    longest: u64,
}

#[derive(Debug)]
enum State {
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    Open {
        until: u64,
        /// How often it has opened in a row.
        terms: u32,
    },
    HalfOpen {
        /// Those let through since `since`; after a term without news as many more are.
        trials: u32,
        since: u64,
        terms: u32,
    },
}

impl Rules {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            failures: u32::try_from(config.breaker_failures()).unwrap_or(u32::MAX),
            error_percent: config.breaker_error_percent() as u64,
            volume: config.breaker_volume() as u64,
            term: millis(config.breaker_term()),
            longest: millis(config.max_breaker_term()),
        }
    }
}

impl Breaker {
    pub(in crate::pool) fn new(config: &Config) -> Self {
        Self {
            armed: AtomicBool::new(config.circuit_breaker()),
            shown: AtomicU8::new(Circuit::Closed as u8),
            window: Window::new(Window::LENGTH),
            state: Mutex::new(State::Closed { failures: 0 }),
        }
    }

    /// Follows the setting; switched off, it forgets.
    pub(in crate::pool) fn arm(&self, config: &Config) {
        let armed = config.circuit_breaker();
        if self.armed.swap(armed, Ordering::Relaxed) && !armed {
            self.close(&mut self.state.lock());
        }
    }

    pub(super) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Relaxed)
    }

    /// Whether everybody is let through: one relaxed load.
    pub(in crate::pool) fn is_closed(&self) -> bool {
        self.shown.load(Ordering::Relaxed) == Circuit::Closed as u8
    }

    /// The state at this time.
    pub(super) fn circuit(&self, now: u64) -> Circuit {
        match *self.state.lock() {
            State::Closed { .. } => Circuit::Closed,
            State::Open { until, .. } if now < until => Circuit::Open,
            State::Open { .. } | State::HalfOpen { .. } => Circuit::HalfOpen,
        }
    }

    /// Lets a caller through, or says how long nobody will be.
    pub(super) fn admit(&self, now: u64, rules: Rules) -> Result<(), Duration> {
        if self.is_closed() {
            return Ok(());
        }
        let mut state = self.state.lock();
        if let State::Open { until, terms } = *state {
            if now < until {
                return Err(Duration::from_millis(until - now));
            }
            let (trials, since) = (0, now);
            *state = State::HalfOpen {
                trials,
                since,
                terms,
            };
            self.shown.store(Circuit::HalfOpen as u8, Ordering::Relaxed);
        }
        let State::HalfOpen { trials, since, .. } = &mut *state else {
            return Ok(());
        };
        let renewed = since.saturating_add(rules.term);
        if now >= renewed {
            (*trials, *since) = (0, now);
        } else if *trials >= TRIALS {
            return Err(Duration::from_millis(renewed - now));
        }
        *trials += 1;
        Ok(())
    }

    /// Takes in that a dial or request succeeded. True when that closes the circuit.
    pub(super) fn succeeded(&self, now: u64) -> bool {
        if !self.is_armed() {
            return false;
        }
        self.window.record(now, true);
        let mut state = self.state.lock();
        match &mut *state {
            State::Closed { failures } => *failures = 0,
            // A request that was let through before.
            State::Open { .. } => {}
            State::HalfOpen { .. } => {
                self.close(&mut state);
                return true;
            }
        }
        false
    }

    /// A connection was opened, whoever it was for: that is proof enough. True when that closes the circuit.
    pub(super) fn connected(&self, now: u64) -> bool {
        let was_closed = self.is_closed();
        if !was_closed {
            self.close(&mut self.state.lock());
        }
        self.succeeded(now);
        !was_closed
    }

    /// Takes in a failure. Returns for how long that opens the circuit, if it does.
    pub(super) fn failed(&self, now: u64, rules: Rules, rng: &mut impl Rng) -> Option<Duration> {
        if !self.is_armed() {
            return None;
        }
        self.window.record(now, false);
        let mut state = self.state.lock();
        let terms = match &mut *state {
            State::Closed { failures } => {
                *failures = failures.saturating_add(1);
                let counts = self.window.counts(now);
                let many = counts.total() >= rules.volume
                    && counts.failures * 100 >= counts.total() * rules.error_percent;
                if *failures < rules.failures && !many {
                    return None;
                }
                0
            }
            // A request that was let through before.
            State::Open { .. } => return None,
            State::HalfOpen { terms, .. } => *terms,
        };
        let doubled = rules.term.saturating_mul(1 << terms.min(32));
        let longest = doubled.min(rules.longest) as f64;
        let term = (longest * rng.random_range(SHORTEST_TERM..=1.0)) as u64;
        *state = State::Open {
            until: now.saturating_add(term),
            terms: terms.saturating_add(1),
        };
        self.shown.store(Circuit::Open as u8, Ordering::Relaxed);
        Some(Duration::from_millis(term))
    }

    fn close(&self, state: &mut State) {
        // What it opened for is settled: it must not be held against the host again.
        self.window.clear();
        *state = State::Closed { failures: 0 };
        self.shown.store(Circuit::Closed as u8, Ordering::Relaxed);
    }
}

impl HostPool {
    /// # Errors
    ///
    /// [`CircuitOpen`](ErrorKind::CircuitOpen), which says for how long.
    pub(in crate::pool) fn pass_breaker(&self, config: &Config) -> Result<()> {
        let admitted = self.breaker().admit(self.present(), Rules::of(config));
        admitted.map_err(|wait| {
            Error::new(ErrorKind::CircuitOpen)
                .with_host(self.key().origin.host())
                .with_detail(format!("for another {wait:?}"))
        })
    }

    /// A connection was opened, whoever it was for.
    pub(in crate::pool) fn connected(&self) {
        self.dialed_well();
        if self.breaker().connected(self.present()) {
            self.tell_circuit(Circuit::Closed);
        }
    }

    fn answered(&self) {
        // The coarse clock is enough for a window of ten seconds.
        if self.breaker().is_armed() && self.breaker().succeeded(self.now()) {
            self.tell_circuit(Circuit::Closed);
        }
    }

    /// A dial or request failed.
    pub(in crate::pool) fn failed(&self, error: &Error) {
        if !self.breaker().is_armed() || !counts_as_failure(error) {
            return;
        }
        let Some(shared) = self.shared() else {
            return;
        };
        let rules = Rules::of(&shared.config());
        let opened = self
            .breaker()
            .failed(self.present(), rules, &mut rand::rng());
        if opened.is_some() {
            self.tell_circuit(Circuit::Open);
        }
    }

    fn tell_circuit(&self, circuit: Circuit) {
        tracing::warn!(host = self.key().origin.host(), ?circuit, "circuit breaker");
        self.publish(|host| PoolEvent::CircuitChanged { host, circuit });
    }
}

/// A connection that is on loan is news of both hosts: the one that it was made for, and the one that the request was for.
impl Lease {
    /// The head of an answer has arrived, whatever the answer. What becomes of its body is not waited for: a stream may go on for hours.
    pub(crate) fn answered(&self) {
        self.hosts_concerned().for_each(|host| host.answered());
    }

    /// The connection broke under a request.
    pub(crate) fn broke(&self, error: &Error) {
        self.hosts_concerned().for_each(|host| host.failed(error));
    }

    fn hosts_concerned(&self) -> impl Iterator<Item = &Arc<HostPool>> {
        let owner = self.live().host();
        let guest = self.is_guest().then(|| self.host());
        std::iter::once(owner).chain(guest)
    }
}

/// Whether an error counts as a failure of the host.
pub(in crate::pool) fn counts_as_failure(error: &Error) -> bool {
    let certain = matches!(error.fault(), Fault::Network | Fault::Peer);
    // The caller's own deadline, and what a server says when it works.
    let innocent = matches!(
        error.kind(),
        ErrorKind::RequestTimeout
            | ErrorKind::StreamReset
            | ErrorKind::StreamRefused
            | ErrorKind::GoAway
    );
    certain && !innocent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const RULES: Rules = Rules {
        failures: 3,
        error_percent: 50,
        volume: 10,
        term: 1_000,
        longest: 4_000,
    };

    fn breaker() -> Breaker {
        let breaker = Breaker::new(&Config::default());
        breaker.armed.store(true, Ordering::Relaxed);
        breaker
    }

    fn fail(breaker: &Breaker, now: u64) -> Option<u64> {
        let term = breaker.failed(now, RULES, &mut rand::rng());
        term.map(|term| term.as_millis() as u64)
    }

    #[test]
    fn it_opens_tries_and_closes() {
        let breaker = breaker();
        assert_eq!((fail(&breaker, 0), fail(&breaker, 0)), (None, None));
        breaker.succeeded(0);
        assert_eq!((fail(&breaker, 0), fail(&breaker, 0)), (None, None));
        let mut now = 0;
        for longest in [1_000, 2_000, 4_000, 4_000] {
            let term = fail(&breaker, now).unwrap();
            assert!(term >= longest * 3 / 4 && term <= longest, "{term}");
            let wait = breaker.admit(now, RULES).unwrap_err();
            assert_eq!(wait.as_millis() as u64, term);
            assert!(!breaker.succeeded(now), "let through before it opened");
            now += term;
            assert_eq!(breaker.circuit(now), Circuit::HalfOpen);
            for _ in 0..TRIALS {
                breaker.admit(now, RULES).unwrap();
            }
            breaker.admit(now, RULES).unwrap_err();
        }
        // Those who were let through have left: others are.
        now += RULES.term;
        breaker.admit(now, RULES).unwrap();
        assert!(breaker.succeeded(now) && breaker.is_closed());
        for _ in 0..100 {
            breaker.admit(now, RULES).unwrap();
        }
    }

    #[test]
    fn half_of_many_is_too_much_and_half_of_few_is_not() {
        let breaker = breaker();
        let mut opened = None;
        for attempt in 1..=10 {
            if attempt % 2 == 1 {
                breaker.succeeded(5);
            } else if fail(&breaker, 5).is_some() {
                opened.get_or_insert(attempt);
            }
        }
        assert_eq!(opened, Some(10));
    }

    #[test]
    fn a_connection_is_proof_enough() {
        let breaker = breaker();
        (0..3).for_each(|_| _ = fail(&breaker, 0));
        assert!(breaker.connected(1) && !breaker.connected(1));
        assert_eq!(breaker.circuit(1), Circuit::Closed);
    }

    #[test]
    fn switched_off_it_lets_everybody_through() {
        let breaker = breaker();
        (0..3).for_each(|_| _ = fail(&breaker, 0));
        assert!(!breaker.is_closed());
        breaker.arm(&Config::default());
        assert!(breaker.is_closed());
        assert_eq!(fail(&breaker, 0), None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Pass(u64),
        Admit,
        Succeed,
        Fail,
    }

    proptest! {
        /// Against a model that keeps everything that happened since the circuit was last closed.
        #[test]
        fn it_agrees_with_its_log(
            steps in prop::collection::vec(prop_oneof![
                2 => (0..3_000_u64).prop_map(Step::Pass),
                2 => Just(Step::Admit),
                2 => Just(Step::Succeed),
                5 => Just(Step::Fail),
            ], 0..120),
            seed: u64,
        ) {
            let breaker = breaker();
            let mut rng = StdRng::seed_from_u64(seed);
            let mut now = 0;
            // Since it was closed; when and how often it opened; who was let through.
            let mut log: Vec<(u64, bool)> = Vec::new();
            let mut open: Option<(u64, u32)> = None;
            let mut trials: Option<(u64, u32)> = None;
            for step in steps {
                match step {
                    Step::Pass(time) => now += time,
                    Step::Admit => {
                        let admitted = breaker.admit(now, RULES).is_ok();
                        let expected = match (open, trials) {
                            (None, _) => true,
                            (Some((until, _)), _) if now < until => false,
                            (Some(_), Some((since, count))) if now < since + RULES.term => {
                                trials = Some((since, count + u32::from(count < TRIALS)));
                                count < TRIALS
                            }
                            (Some(_), _) => {
                                trials = Some((now, 1));
                                true
                            }
                        };
                        prop_assert_eq!(admitted, expected);
                    }
                    Step::Succeed => {
                        let closed = breaker.succeeded(now);
                        prop_assert_eq!(closed, open.is_some() && trials.is_some());
                        log.push((now, true));
                        if closed {
                            (open, trials) = (None, None);
                            log.clear();
                        }
                    }
                    Step::Fail => {
                        let term = breaker.failed(now, RULES, &mut rng);
                        log.push((now, false));
                        let in_a_row = log.iter().rev().take_while(|(_, good)| !good).count();
                        let held = log.iter().filter(|(then, _)| now / 1_000 - then / 1_000 < 10);
                        let (all, bad) = held.fold((0, 0), |(all, bad), (_, good)| (all + 1, bad + u64::from(!good)));
                        let expected = match (open, trials) {
                            (None, _) => (in_a_row >= 3 || (all >= 10 && bad * 2 >= all)).then_some(0),
                            (Some((_, terms)), Some(_)) => Some(terms),
                            (Some(_), None) => None,
                        };
                        prop_assert_eq!(term.is_some(), expected.is_some());
                        if let (Some(term), Some(terms)) = (term, expected) {
                            let longest = (RULES.term << terms.min(8)).min(RULES.longest);
                            let term = term.as_millis() as u64;
                            prop_assert!(term <= longest && term + 1 >= longest * 3 / 4);
                            (open, trials) = (Some((now + term, terms + 1)), None);
                        }
                    }
                }
                prop_assert_eq!(breaker.is_closed(), open.is_none());
            }
        }
    }
}
