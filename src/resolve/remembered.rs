//! What is remembered of one name, and what that is worth: a state machine whose clock is its caller's.
//!
//! A value is *fresh*; when most of its time has passed a refresh is *due*, and it is still used; when all has, it is *stale*, and
//! used where asking anew fails or is slow (RFC 8767); at last it is *gone*. That there is no value ends the former one at once, and is
//! *doubted* when most of its own time has passed (RFC 2308); that nothing could be learned (RFC 9520) never does.
//!
//! A `now` before what was last learned counts as that moment, and one long after it finds the value gone: whatever a clock does,
//! nothing is used longer than told here.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// Times to live are cut to what is between these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) shortest: Duration,
    pub(super) longest: Duration,
    /// How long a failure is remembered where there is no value to use instead.
    pub(super) failure: Duration,
}

/// What became of asking.
#[derive(Clone, Debug)]
pub(super) enum Outcome<T> {
    Found(T, Duration),
    /// The name has no value, and that holds for so long.
    Absent(Error, Duration),
    Failed(Error),
}

/// A value, and until when it may be used without asking again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Held<T> {
    pub(super) value: T,
    pub(super) until: Instant,
    pub(super) is_stale: bool,
}

/// What is to be done at one moment.
#[derive(Clone, Debug)]
pub(super) enum Standing<T> {
    /// Use it.
    Fresh(Held<T>),
    /// Use it, and let somebody ask.
    Due(Held<T>),
    /// Ask, and use it if that fails or is slow.
    Stale(Held<T>),
    /// Asking failed a moment ago: use it without asking.
    Spared(Held<T>),
    /// There is none, or asking failed a moment ago: fail without asking.
    Refused(Error),
    /// There is none: fail, and let somebody ask.
    Doubted(Error),
    /// Ask.
    Gone,
}

#[derive(Clone, Debug)]
pub(super) struct Remembered<T> {
    known: Option<Known<T>>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Debug)]
struct Known<T> {
    value: T,
    due: Instant,
    expires: Instant,
    gone: Instant,
}

#[derive(Clone, Debug)]
struct Trouble {
    error: Error,
    /// In a row.
    failures: u32,
    /// When a denial is to be asked for again, before it ends.
    due: Option<Instant>,
    until: Instant,
}

impl<T: Clone> Remembered<T> {
    /// What is remembered after `outcome`. `portion` is the part of the time to live after which a refresh is due.
    pub(super) fn after(
        former: Option<&Self>,
        outcome: Outcome<T>,
        terms: &Terms,
        portion: f64,
        now: Instant,
    ) -> Self {
        match outcome {
            Outcome::Found(value, valid_for) => {
                let valid_for = valid_for.clamp(terms.shortest, terms.longest);
                Self {
                    known: Some(Known {
                        value,
                        due: now + valid_for.mul_f64(portion),
                        expires: now + valid_for,
                        gone: now + valid_for + LONGEST_STALE,
                    }),
                    trouble: None,
                }
            }
            Outcome::Absent(error, valid_for) => {
                let valid_for = valid_for.clamp(terms.shortest, terms.longest);
                Self {
                    known: None,
                    trouble: Some(Trouble {
                        error,
                        failures: 0,
                        due: Some(now + valid_for.mul_f64(portion)),
                        until: now + valid_for,
                    }),
                }
            }
            Outcome::Failed(error) => {
                let known = former
                    .and_then(|former| former.known.clone())
                    .filter(|known| now < known.gone);
                let before = former
                    .and_then(|former| former.trouble.as_ref())
                    .map_or(0, |trouble| trouble.failures);
                let failures = before.saturating_add(1);
                let pause = match known {
                    Some(_) => pause_after(failures),
                    None => terms.failure,
                };
                Self {
                    known,
                    trouble: Some(Trouble {
                        error,
                        failures,
                        due: None,
                        until: now + pause,
                    }),
                }
            }
        }
    }

    /// When asking anew is due, or was; `None` when there is nothing to renew.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let known = self.known.as_ref().filter(|known| now < known.gone)?;
        let trouble = self.trouble.as_ref().map(|trouble| trouble.until);
        Some(trouble.map_or(known.due, |until| until.max(known.due)))
    }

    /// When asking anew is due, or was, where it is known that there is no value.
    pub(super) fn doubtful_from(&self, now: Instant) -> Option<Instant> {
        let denial = self.trouble.as_ref().filter(|trouble| now < trouble.until);
        denial.filter(|_| self.known.is_none())?.due
    }

    pub(super) fn standing(&self, now: Instant) -> Standing<T> {
        let trouble = self.trouble.as_ref().filter(|trouble| now < trouble.until);
        let known = self.known.as_ref().filter(|known| now < known.gone);
        match (known, trouble) {
            (Some(known), _) if now < known.due => Standing::Fresh(known.held()),
            (Some(known), Some(_)) if now < known.expires => Standing::Fresh(known.held()),
            (Some(known), None) if now < known.expires => Standing::Due(known.held()),
            (Some(known), Some(trouble)) => Standing::Spared(known.stale(trouble.until)),
            (Some(known), None) => Standing::Stale(known.stale(now + STALE_VALIDITY)),
            (None, Some(trouble)) => match trouble.due {
                Some(due) if now >= due => Standing::Doubted(trouble.error.clone()),
                _ => Standing::Refused(trouble.error.clone()),
            },
            (None, None) => Standing::Gone,
        }
    }
}

impl<T: Clone> Known<T> {
    fn held(&self) -> Held<T> {
        Held {
            value: self.value.clone(),
            until: self.expires,
            is_stale: false,
        }
    }

    fn stale(&self, until: Instant) -> Held<T> {
        Held {
            value: self.value.clone(),
            until: until.min(self.gone),
            is_stale: true,
        }
    }
}

/// While there is a value to use, failing servers are asked ever more rarely.
fn pause_after(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

/// RFC 8767 §5 advises one to three days: long enough for somebody to mend the name servers.
const LONGEST_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// RFC 8767 §4: what is stale is handed on with a time to live of 30 seconds.
const STALE_VALIDITY: Duration = Duration::from_secs(30);

/// RFC 9520 §3.2 wants at least one second between failures, and growing pauses.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// RFC 8767 §5: a refresh that fails is tried no more often than every 30 seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
