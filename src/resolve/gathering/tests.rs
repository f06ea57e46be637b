//! Against a model that looks at every millisecond.

use proptest::prelude::*;

use super::*;

/// When an answer comes, in milliseconds, and what it is; one that does not come is `None`.
type Answer<T> = Option<(u64, T)>;

/// What comes of a host's questions. The families may have been asked for before, by somebody else.
#[derive(Clone, Debug)]
struct World {
    v6: Answer<Finding>,
    v6_asked_before: u64,
    v4: Answer<Finding>,
    /// It was in the cache; then it comes at 0.
    v4_was_known: bool,
    /// Whether they have hints; the outer `None` where they are not asked for.
    records: Option<Answer<bool>>,
}

/// The offers in their order, and when it ended how.
#[derive(Debug, Default, PartialEq)]
struct Course {
    offers: Vec<(u64, Offer)>,
    end: Option<(u64, bool)>,
}

/// Later than everything below.
const HORIZON: u64 = 3_000;

fn at_or_before<T: Copy>(answer: Answer<T>, now: u64) -> Option<T> {
    answer.filter(|(at, _)| *at <= now).map(|(_, what)| what)
}

/// From the words of RFC 8305 §3 and RFC 9460 §7.3, one millisecond after the other.
fn model(world: &World) -> Course {
    let mut course = Course::default();
    for now in 0..HORIZON {
        let (v6, v4) = (at_or_before(world.v6, now), at_or_before(world.v4, now));
        let records = world.records.map(|answer| at_or_before(answer, now));
        let found = |finding| finding == Some(Finding::Found);
        let hints = records == Some(Some(true));
        let offer = Offer {
            v6: found(v6),
            v4: found(v4),
            hints: hints && !found(v6) && !found(v4),
            records: matches!(records, Some(Some(_))),
        };
        let passed =
            |answer: Answer<()>, wait: u64| answer.is_some_and(|(at, ())| now >= at + wait);
        let time = |answer: Answer<Finding>| answer.map(|(at, _)| (at, ()));
        let both = match (world.v6, world.v4) {
            (Some((one, _)), Some((other, _))) => Some((one.max(other), ())),
            _ => None,
        };
        let settled = v6.is_some() && v4.is_some();
        let begins = if found(v6) {
            true
        } else if found(v4) {
            // 50 ms since both: IPv4 is there, and IPv6 is asked for.
            v6.is_some()
                || match world.v4_was_known {
                    true => now + world.v6_asked_before >= 50,
                    false => passed(time(world.v4), 50),
                }
        } else if hints {
            settled
                || world
                    .records
                    .is_some_and(|answer| passed(answer.map(|(at, _)| (at, ())), 50))
        } else {
            false
        };
        let is_first = course.offers.is_empty();
        if is_first && begins
            || !is_first && course.offers.last().is_some_and(|(_, last)| *last != offer)
        {
            course.offers.push((now, offer));
        }
        let awaits_records = records == Some(None);
        if course.offers.is_empty() && settled && (!awaits_records || passed(both, 500)) {
            course.end = Some((now, false));
            return course;
        }
        if !course.offers.is_empty() && settled && !awaits_records {
            course.end = Some((now, true));
            return course;
        }
    }
    course
}

/// The machine, driven from event to event.
fn drive(world: &World) -> Course {
    let start = Instant::now() + Duration::from_secs(10);
    let instant = |millis: u64| start + Duration::from_millis(millis);
    let millis = |at: Instant| u64::try_from((at - start).as_millis()).unwrap();
    let v6_since = start - Duration::from_millis(world.v6_asked_before);
    let mut gathering = Gathering::new(v6_since, start, world.records.is_some());
    let mut events: Vec<u64> = [
        world.v6.map(|(at, _)| at),
        world.v4.map(|(at, _)| at),
        world.records.flatten().map(|(at, _)| at),
    ]
    .into_iter()
    .flatten()
    .collect();
    events.sort_unstable();
    events.dedup();
    let mut course = Course::default();
    let mut now = start;
    loop {
        if events.first().is_some_and(|at| instant(*at) <= now) {
            let at = events.remove(0);
            if let Some((_, finding)) = world.v6.filter(|(when, _)| *when == at) {
                gathering.answered(now, Family::V6, finding);
            }
            if let Some((_, finding)) = world.v4.filter(|(when, _)| *when == at) {
                let at = if world.v4_was_known { v6_since } else { now };
                gathering.answered(at, Family::V4, finding);
            }
            if let Some((_, hints)) = world.records.flatten().filter(|(when, _)| *when == at) {
                gathering.recorded(now, hints);
            }
        }
        let wake = match gathering.step(now) {
            Step::Offer(offer) => {
                course.offers.push((millis(now), offer));
                continue;
            }
            Step::Wait(wake) => wake,
            Step::Fail => {
                course.end = Some((millis(now), false));
                return course;
            }
            Step::Done => {
                course.end = Some((millis(now), true));
                return course;
            }
        };
        let next = [events.first().copied().map(instant), wake];
        match next.into_iter().flatten().min() {
            Some(next) => now = next,
            None => return course,
        }
    }
}

fn any_finding() -> impl Strategy<Value = Finding> {
    prop_oneof![
        3 => Just(Finding::Found),
        1 => Just(Finding::Empty),
        1 => Just(Finding::Failed),
    ]
}

fn sometime<T: Clone + std::fmt::Debug + 'static>(
    what: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Answer<T>> {
    let delay = prop_oneof![3 => 0_u64..120, 1 => 0_u64..700];
    proptest::option::weighted(0.85, (delay, what))
}

fn any_world() -> impl Strategy<Value = World> {
    let records = proptest::option::weighted(0.7, sometime(any::<bool>()));
    (
        sometime(any_finding()),
        0_u64..100,
        sometime(any_finding()),
        any::<bool>(),
        records,
    )
        .prop_map(|(v6, v6_asked_before, v4, is_known, records)| World {
            v6,
            v6_asked_before,
            v4: match is_known {
                true => v4.map(|(_, finding)| (0, finding)),
                false => v4,
            },
            v4_was_known: is_known,
            records,
        })
}

proptest! {
    #[test]
    fn offers_what_the_standards_say_and_when(world in any_world()) {
        prop_assert_eq!(drive(&world), model(&world));
    }

    /// No offer takes away what an earlier one had, but for hints; and no family that is silent is taken for one that has nothing.
    #[test]
    fn offers_grow(world in any_world()) {
        let course = drive(&world);
        for pair in course.offers.windows(2) {
            let (before, after) = (pair[0].1, pair[1].1);
            prop_assert!(before.v6 <= after.v6 && before.v4 <= after.v4);
        }
        if world.v6.is_none() || world.v4.is_none() {
            prop_assert_eq!(course.end, None);
        }
    }
}

fn world(v6: Answer<Finding>, v4: Answer<Finding>) -> World {
    World {
        v6,
        v6_asked_before: 0,
        v4,
        v4_was_known: false,
        records: None,
    }
}

fn first(world: &World) -> (u64, bool, bool) {
    let (at, offer) = drive(world).offers[0];
    (at, offer.v6, offer.v4)
}

#[test]
fn ipv4_waits_for_ipv6_and_ipv6_for_nothing() {
    use Finding::{Empty, Failed, Found};
    for (v6, v4, wanted) in [
        (Some((10, Found)), None, (10, true, false)),
        (Some((10, Found)), Some((5, Found)), (10, true, true)),
        (Some((90, Found)), Some((10, Found)), (60, false, true)),
        (None, Some((10, Found)), (60, false, true)),
        (Some((30, Empty)), Some((10, Found)), (30, false, true)),
        (Some((30, Failed)), Some((10, Found)), (30, false, true)),
        (Some((5, Empty)), Some((80, Found)), (80, false, true)),
    ] {
        assert_eq!(first(&world(v6, v4)), wanted, "{v6:?} {v4:?}");
    }
}

/// One that is known waits for one that has been asked for long enough no longer.
#[test]
fn a_family_that_is_late_already_is_not_waited_for_again() {
    let late = |v6_asked_before| World {
        v6_asked_before,
        v4_was_known: true,
        ..world(None, Some((0, Finding::Found)))
    };
    assert_eq!(first(&late(0)), (50, false, true));
    assert_eq!(first(&late(30)), (20, false, true));
    assert_eq!(first(&late(5_000)), (0, false, true));
}
