//! By example, and against a model that reads the whole history at each question.

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

const TERMS: Terms = Terms {
    shortest: Duration::from_secs(1),
    longest: Duration::from_secs(24 * 60 * 60),
    failure: Duration::from_secs(1),
};
const PORTION: f64 = 0.8;

fn failed() -> Outcome<u8> {
    Outcome::Failed(Error::new(ErrorKind::ResolveFailed))
}

fn absent(seconds: u64) -> Outcome<u8> {
    let error = Error::new(ErrorKind::HostNotFound);
    Outcome::Absent(error, Duration::from_secs(seconds))
}

fn found(value: u8, seconds: u64) -> Outcome<u8> {
    Outcome::Found(value, Duration::from_secs(seconds))
}

/// What a standing comes to: its name, its value, and the seconds for which it may be used.
fn brief(standing: &Standing<u8>, now: Instant) -> (&'static str, Option<u8>, u64) {
    let (name, held) = match standing {
        Standing::Fresh(held) => ("fresh", held),
        Standing::Due(held) => ("due", held),
        Standing::Stale(held) => ("stale", held),
        Standing::Spared(held) => ("spared", held),
        Standing::Refused(error) => {
            let name = match error.kind() {
                ErrorKind::HostNotFound => "absent",
                _ => "failed",
            };
            return (name, None, 0);
        }
        Standing::Doubted(_) => return ("doubted", None, 0),
        Standing::Gone => return ("gone", None, 0),
    };
    assert_eq!(held.is_stale, matches!(name, "stale" | "spared"));
    let left = held.until.saturating_duration_since(now);
    (name, Some(held.value), left.as_secs())
}

#[test]
fn a_value_ages_in_steps() {
    let start = Instant::now();
    let entry = Remembered::after(None, found(7, 100), &TERMS, PORTION, start);
    let day = 24 * 60 * 60;
    for (passed, expected) in [
        (0, ("fresh", Some(7), 100)),
        (79, ("fresh", Some(7), 21)),
        (80, ("due", Some(7), 20)),
        (99, ("due", Some(7), 1)),
        (100, ("stale", Some(7), 30)),
        (100 + day - 1, ("stale", Some(7), 1)),
        (100 + day, ("gone", None, 0)),
        (1000 * day, ("gone", None, 0)),
    ] {
        let now = start + Duration::from_secs(passed);
        assert_eq!(brief(&entry.standing(now), now), expected, "{passed}");
    }
}

#[test]
fn a_failed_refresh_keeps_the_value_and_pauses_ever_longer() {
    let start = Instant::now();
    let mut entry = Remembered::after(None, found(7, 100), &TERMS, PORTION, start);
    let mut now = start + Duration::from_secs(90);
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        entry = Remembered::after(Some(&entry), failed(), &TERMS, PORTION, now);
        let last = now + Duration::from_secs(pause) - Duration::from_millis(1);
        let name = brief(&entry.standing(last), last).0;
        assert!(matches!(name, "fresh" | "spared"), "{name}");
        now += Duration::from_secs(pause);
        let name = brief(&entry.standing(now), now).0;
        assert!(matches!(name, "due" | "stale"), "{name}");
    }
    entry = Remembered::after(Some(&entry), found(8, 100), &TERMS, PORTION, now);
    assert_eq!(brief(&entry.standing(now), now), ("fresh", Some(8), 100));
}

#[test]
fn a_denial_ends_what_a_failure_only_suspends() {
    let start = Instant::now();
    let entry = Remembered::after(None, found(7, 10), &TERMS, PORTION, start);
    let now = start + Duration::from_secs(60);
    let suspended = Remembered::after(Some(&entry), failed(), &TERMS, PORTION, now);
    assert_eq!(brief(&suspended.standing(now), now).0, "spared");
    let ended = Remembered::after(Some(&suspended), absent(60), &TERMS, PORTION, now);
    assert_eq!(brief(&ended.standing(now), now), ("absent", None, 0));
    let later = now + Duration::from_secs(30);
    let again = Remembered::after(Some(&ended), failed(), &TERMS, PORTION, later);
    assert_eq!(brief(&again.standing(later), later), ("failed", None, 0));
}

#[test]
fn a_denial_is_doubted_before_it_ends() {
    let start = Instant::now();
    let entry = Remembered::after(None, absent(100), &TERMS, PORTION, start);
    for (passed, expected) in [
        (79, "absent"),
        (80, "doubted"),
        (99, "doubted"),
        (100, "gone"),
    ] {
        let now = start + Duration::from_secs(passed);
        assert_eq!(brief(&entry.standing(now), now).0, expected, "{passed}");
    }
}

/// All that happened, in the order it did, and no state besides.
struct History(Vec<(Instant, Outcome<u8>)>);

impl History {
    fn standing(&self, now: Instant) -> (&'static str, Option<u8>, u64) {
        let seconds = |at: Instant| now.saturating_duration_since(at).as_secs();
        let count = self.0.len();
        let failures = self
            .0
            .iter()
            .rev()
            .take_while(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
            .count();
        let last = self.0.last();
        // What was known when the failures began, if that is a value and never was gone while they went on.
        let base = self.0[..count - failures].last();
        let value = base.and_then(|(at, outcome)| match outcome {
            Outcome::Found(value, valid_for) => {
                let valid_for = valid_for.as_secs().clamp(1, 86_400);
                let was_gone = |moment: Instant| {
                    moment.saturating_duration_since(*at).as_secs() >= valid_for + 86_400
                };
                let lost = self.0[count - failures..]
                    .iter()
                    .any(|(failed, _)| was_gone(*failed));
                (!lost && !was_gone(now)).then_some((*value, *at, valid_for))
            }
            _ => None,
        });
        let paused = failures > 0 && {
            let (at, _) = last.unwrap();
            let usable_then = base.is_some_and(|(found, outcome)| match outcome {
                Outcome::Found(_, valid_for) => {
                    let end = valid_for.as_secs().clamp(1, 86_400) + 86_400;
                    self.0[count - failures..]
                        .iter()
                        .all(|(t, _)| t.saturating_duration_since(*found).as_secs() < end)
                }
                _ => false,
            });
            let pause = match usable_then {
                true => [1, 2, 4, 8, 16].get(failures - 1).copied().unwrap_or(30),
                false => 1,
            };
            seconds(*at) < pause
        };
        match (value, last) {
            (Some((value, at, valid_for)), Some((last, _))) => {
                let age = seconds(at);
                let left = valid_for.saturating_sub(age);
                // In tenths, so that four fifths are whole.
                let is_due = now.saturating_duration_since(at).as_millis() * 10
                    >= u128::from(valid_for) * 8 * 1000;
                if age < valid_for {
                    let name = if is_due && !paused { "due" } else { "fresh" };
                    return (name, Some(value), left);
                }
                let until_gone = valid_for + 86_400 - age;
                if paused {
                    let pause = [1, 2, 4, 8, 16].get(failures - 1).copied().unwrap_or(30);
                    let pause_left = pause - seconds(*last);
                    return ("spared", Some(value), until_gone.min(pause_left));
                }
                ("stale", Some(value), until_gone.min(30))
            }
            (None, Some((at, Outcome::Absent(_, valid_for))))
                if seconds(*at) < valid_for.as_secs().clamp(1, 86_400) =>
            {
                let valid_for = u128::from(valid_for.as_secs().clamp(1, 86_400));
                let is_due =
                    now.saturating_duration_since(*at).as_millis() * 10 >= valid_for * 8_000;
                (if is_due { "doubted" } else { "absent" }, None, 0)
            }
            (None, Some((_, Outcome::Failed(_)))) if paused => ("failed", None, 0),
            _ => ("gone", None, 0),
        }
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome<u8>> {
    let seconds = prop_oneof![0_u64..200, 80_000_u64..100_000];
    prop_oneof![
        2 => (any::<u8>(), seconds.clone()).prop_map(|(value, seconds)| found(value, seconds)),
        1 => seconds.prop_map(absent),
        3 => Just(failed()),
    ]
}

/// Mostly small steps; now and then the clock leaps.
fn any_step() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0_u64..40, 2 => 0_u64..400, 1 => 80_000_u64..200_000]
}

proptest! {
    #[test]
    fn stands_as_its_history_tells(
        events in proptest::collection::vec((any_step(), any_outcome()), 1..20),
        steps in proptest::collection::vec(any_step(), 1..10),
    ) {
        let mut now = Instant::now();
        let mut history = History(Vec::new());
        let mut entry: Option<Remembered<u8>> = None;
        for (passed, outcome) in events {
            now += Duration::from_secs(passed);
            history.0.push((now, outcome.clone()));
            let next = Remembered::after(entry.as_ref(), outcome, &TERMS, PORTION, now);
            prop_assert_eq!(brief(&next.standing(now), now), history.standing(now));
            entry = Some(next);
        }
        let entry = entry.unwrap();
        let learned = now;
        for passed in steps {
            now += Duration::from_secs(passed);
            prop_assert_eq!(brief(&entry.standing(now), now), history.standing(now));
            let is_due = matches!(entry.standing(now), Standing::Due(_) | Standing::Stale(_));
            prop_assert_eq!(entry.due(now).is_some_and(|due| due <= now), is_due);
            let is_doubted = matches!(entry.standing(now), Standing::Doubted(_));
            prop_assert_eq!(entry.doubtful_from(now).is_some_and(|due| due <= now), is_doubted);
        }
        // A clock that leaps back makes nothing older than it is, and nothing last longer.
        let before = learned.checked_sub(Duration::from_secs(10)).unwrap_or(learned);
        let same = std::mem::discriminant(&entry.standing(before));
        if matches!(entry.standing(learned), Standing::Fresh(_) | Standing::Refused(_)) {
            prop_assert_eq!(same, std::mem::discriminant(&entry.standing(learned)));
        }
    }
}
