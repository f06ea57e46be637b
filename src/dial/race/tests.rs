//! Against a model that looks at every millisecond.

use proptest::prelude::*;

use super::*;

/// What becomes of an attempt, so many milliseconds after it began.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Forbidden,
    Fails(u64),
    Exhausts(u64),
    Connects(u64),
    Hangs,
}

fn address(index: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1 + u16::try_from(index).unwrap()))
}

/// When each attempt began, and which one won when; the end of a race that nobody wins is its last failure.
#[derive(Debug, Default, PartialEq)]
struct Course {
    began: Vec<(usize, u64)>,
    won: Option<(usize, u64)>,
    lost: Option<u64>,
}

/// Later than everything that the fates below do.
const HORIZON: u64 = 20_000;

/// Addresses that come while the race is on: when, and how many of them there are; they are the last ones.
type Late = Option<(u64, usize)>;

/// Millisecond by millisecond, from the words of RFC 8305.
fn model(all: &[Fate], delay: u64, late: Late) -> Course {
    let mut fates = match late {
        Some((_, count)) => &all[..all.len() - count],
        None => all,
    };
    let mut course = Course::default();
    let mut next = 0;
    let mut last_begun: Option<u64> = None;
    let mut running: Vec<(usize, u64)> = Vec::new();
    let mut stopped = false;
    for now in 0..HORIZON {
        let due = |running: &[(usize, u64)]| {
            let connects = running.iter().find(
                |(index, at)| matches!(fates[*index], Fate::Connects(after) if at + after == now),
            );
            connects.copied()
        };
        if let Some((index, _)) = due(&running) {
            course.won = Some((index, now));
            return course;
        }
        let mut freed = 0;
        let mut exhausted = false;
        running.retain(|(index, at)| match fates[*index] {
            Fate::Fails(after) if at + after == now => {
                freed += 1;
                false
            }
            Fate::Exhausts(after) if at + after == now => {
                exhausted = true;
                false
            }
            _ => true,
        });
        stopped |= exhausted;
        let arrives = late.is_some_and(|(at, _)| at == now);
        let has_arrived = late.is_none_or(|(at, _)| at <= now);
        // What failed makes room for what is known by then; what comes in the same moment comes after.
        for is_second in [false, true] {
            let mut begin = freed;
            if is_second {
                if !arrives {
                    break;
                }
                fates = all;
                // Where nothing is on, there is nothing to wait for.
                begin = usize::from(running.is_empty());
            }
            if begin == 0 && last_begun.is_none_or(|last| last + delay <= now) {
                begin = 1;
            }
            while begin > 0 && !stopped && next < fates.len() {
                course.began.push((next, now));
                if !matches!(fates[next], Fate::Forbidden) {
                    running.push((next, now));
                    begin -= 1;
                }
                last_begun = Some(now);
                next += 1;
            }
        }
        if running.is_empty() && (stopped || next >= fates.len() && has_arrived) {
            course.lost = Some(now);
            return course;
        }
    }
    course
}

/// The machine, driven from event to event.
fn drive(fates: &[Fate], delay: u64, late: Late) -> Course {
    let start = Instant::now();
    let millis = |at: Instant| u64::try_from((at - start).as_millis()).unwrap();
    let at_once = fates.len() - late.map_or(0, |(_, count)| count);
    let mut race = Race::new((0..at_once).map(address), Duration::from_millis(delay));
    let mut late = late.map(|(at, _)| start + Duration::from_millis(at));
    race.open(late.is_some());
    let mut course = Course::default();
    let mut now = start;
    let mut event = Event::Tick;
    let mut pending: Vec<(Instant, u8, usize, Event)> = Vec::new();
    loop {
        let wake = match race.step(now, event) {
            Action::Begin(address, wake) => {
                let index = usize::from(address.port()) - 1;
                course.began.push((index, millis(now)));
                let after = |after| now + Duration::from_millis(after);
                match fates[index] {
                    Fate::Forbidden => {
                        event = Event::Forbidden(address);
                        continue;
                    }
                    Fate::Connects(ms) => {
                        pending.push((after(ms), 0, index, Event::Connected(address)));
                    }
                    Fate::Exhausts(ms) => {
                        pending.push((after(ms), 1, index, Event::Exhausted(address)));
                    }
                    Fate::Fails(ms) => pending.push((after(ms), 2, index, Event::Failed(address))),
                    Fate::Hangs => {}
                }
                wake
            }
            Action::Wait(wake) => wake,
            Action::Won(address) => {
                course.won = Some((usize::from(address.port()) - 1, millis(now)));
                return course;
            }
            Action::Lost => {
                course.lost = Some(millis(now));
                return course;
            }
        };
        pending.sort_by_key(|(at, kind, index, _)| (*at, *kind, *index));
        let first = pending.first().copied();
        if let Some(at) = late
            && first.is_none_or(|(first, ..)| at < first)
            && wake.is_none_or(|wake| at <= wake)
        {
            now = at;
            late = None;
            let untried = (0..fates.len()).map(address);
            let untried: Vec<_> = untried.filter(|one| !race.begun().contains(one)).collect();
            race.arrange(untried);
            race.open(false);
            event = Event::Tick;
            continue;
        }
        match (first, wake) {
            (Some((at, ..)), wake) if wake.is_none_or(|wake| at <= wake) => {
                now = at;
                event = pending.remove(0).3;
            }
            (_, Some(wake)) => {
                now = wake;
                event = Event::Tick;
            }
            _ => return course,
        }
        assert!(race.running().len() <= fates.len());
    }
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        1 => Just(Fate::Forbidden),
        4 => (1_u64..800).prop_map(Fate::Fails),
        1 => (1_u64..800).prop_map(Fate::Exhausts),
        2 => (1_u64..800).prop_map(Fate::Connects),
        2 => Just(Fate::Hangs),
    ]
}

proptest! {
    #[test]
    fn runs_as_the_standard_says(
        fates in proptest::collection::vec(any_fate(), 0..10),
        delay in 100_u64..500,
    ) {
        let expected = model(&fates, delay, None);
        prop_assert_eq!(drive(&fates, delay, None), expected);
    }

    #[test]
    fn addresses_that_come_late_take_their_turn(
        fates in proptest::collection::vec(any_fate(), 0..10),
        delay in 100_u64..500,
        (at, count) in (0_u64..2_000, 0_usize..10),
    ) {
        let late = Some((at, count.min(fates.len())));
        let expected = model(&fates, delay, late);
        prop_assert_eq!(drive(&fates, delay, late), expected);
    }
}

#[test]
fn delays_are_kept_within_the_standards_bounds() {
    for (given, kept) in [(0, 100), (250, 250), (10_000, 2000)] {
        let course = drive(&[Fate::Hangs, Fate::Hangs], given, None);
        assert_eq!(course.began, [(0, 0), (1, kept)]);
    }
}

#[test]
fn a_race_without_runners_is_lost() {
    assert_eq!(drive(&[], 250, None).lost, Some(0));
    assert_eq!(drive(&[Fate::Forbidden; 3], 250, None).lost, Some(0));
}

#[test]
fn a_tick_before_its_time_begins_nothing() {
    let now = Instant::now();
    let mut race = Race::new([address(0), address(1)], ATTEMPT_DELAY);
    let next = Some(now + ATTEMPT_DELAY);
    assert_eq!(race.step(now, Event::Tick), Action::Begin(address(0), next));
    assert_eq!(race.step(now, Event::Tick), Action::Wait(next));
    // A clock that leaps begins one attempt, not all that it leapt over.
    let later = now + Duration::from_secs(3600);
    let action = race.step(later, Event::Tick);
    assert_eq!(action, Action::Begin(address(1), None));
    assert_eq!(race.running().len(), 2);
    assert_eq!(race.step(later, Event::Tick), Action::Wait(None));
}

#[test]
fn a_race_that_has_lost_everything_waits_for_what_may_come() {
    let late = [Fate::Fails(5), Fate::Connects(5)];
    let course = drive(&late, 250, Some((700, 1)));
    assert_eq!(
        (course.began, course.won),
        (vec![(0, 0), (1, 700)], Some((1, 705)))
    );
    assert_eq!(drive(&late[..1], 250, Some((700, 0))).lost, Some(700));
}
