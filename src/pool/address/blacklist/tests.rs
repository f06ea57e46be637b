//! The blacklist against a model that keeps a log and replays it.

use super::*;
use crate::error::ErrorKind;
use ipnet::IpNet;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::net::SocketAddr;
use std::time::Duration;
use tracked::{FAILING_MILLIS, MOST_TRACKED};

const TERMS: Terms = Terms {
    after: 3,
    first: 1_000,
    longest: 8_000,
};

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 443))
}

fn subject(number: u8, host: Option<u64>) -> Subject {
    let address = address(number);
    Subject { address, host }
}

const REFUSED: Failure<'_> = Failure {
    name: None,
    cause: ErrorKind::ConnectRefused,
};

fn fail(list: &mut Blacklist, subject: Subject, now: u64) -> Option<Duration> {
    list.failed(subject, REFUSED, true, now, TERMS, &mut rand::rng())
}

fn listed(list: &mut Blacklist, number: u8, now: u64) -> u64 {
    let subject = subject(number, None);
    while fail(list, subject, now).is_none() {}
    match list.verdict(address(number), 0, now, TERMS) {
        Verdict::Listed(badness) => badness.until,
        other => panic!("{other:?}"),
    }
}

#[test]
fn terms_double_to_the_longest_and_success_clears() {
    let mut list = Blacklist::default();
    let mut now = 5_000;
    let one = subject(1, None);
    assert_eq!(fail(&mut list, one, now), None);
    assert_eq!(list.verdict(one.address, 0, now, TERMS), Verdict::Failing);
    assert_eq!(fail(&mut list, one, now), None);
    for longest in [1_000, 2_000, 4_000, 8_000, 8_000] {
        let term = fail(&mut list, one, now).unwrap().as_millis() as u64;
        assert!(
            term <= longest && term >= longest * 3 / 4,
            "{term} {longest}"
        );
        // Tried for want of better: no news.
        assert_eq!(fail(&mut list, one, now), None);
        now += term;
        assert_eq!(list.verdict(one.address, 0, now, TERMS), Verdict::Probation);
    }
    assert!(list.succeeded(one) && !list.succeeded(one));
    assert_eq!(list.verdict(one.address, 0, now, TERMS), Verdict::Free);
    assert!(list.entries(now, TERMS).is_empty());
}

#[test]
fn one_connection_probes() {
    let mut list = Blacklist::default();
    let until = listed(&mut list, 1, 0);
    assert_eq!(list.begin(address(1), 0, until, TERMS), Some(true));
    assert_eq!(list.begin(address(1), 7, until, TERMS), None);
    // The probe was lost in a race: the next may probe.
    list.probe_ended(address(1), 0);
    assert_eq!(list.begin(address(1), 7, until, TERMS), Some(true));
    assert!(fail(&mut list, subject(1, None), until).is_some());
    assert_eq!(
        list.begin(address(1), 0, until, TERMS),
        Some(false),
        "the floor"
    );
}

#[test]
fn what_began_before_the_listing_is_no_probe() {
    let mut list = Blacklist::default();
    assert_eq!(list.begin(address(1), 0, 0, TERMS), Some(false));
    let until = listed(&mut list, 1, 0);
    let late = |list: &mut Blacklist, now| {
        list.failed(
            subject(1, None),
            REFUSED,
            false,
            now,
            TERMS,
            &mut rand::rng(),
        )
    };
    assert_eq!(late(&mut list, until), None);
    let verdict = |list: &Blacklist, now| list.verdict(address(1), 0, now, TERMS);
    assert_eq!(verdict(&list, until), Verdict::Probation);
    assert_eq!(list.begin(address(1), 0, until, TERMS), Some(true));
    assert_eq!(late(&mut list, until), None);
    assert_eq!(
        verdict(&list, until),
        Verdict::Probed,
        "the probe is under way"
    );
}

#[test]
fn connections_that_fall_silent_one_after_the_other_list() {
    let mut list = Blacklist::default();
    let silent = |list: &mut Blacklist, opened, now| {
        let rng = &mut rand::rng();
        list.fell_silent(subject(1, None), REFUSED, opened, now, TERMS, rng)
    };
    let verdict = |list: &Blacklist, now| list.verdict(address(1), 0, now, TERMS);
    assert_eq!(silent(&mut list, 0, 100), None);
    // Open at the same time: one failure.
    assert_eq!(silent(&mut list, 0, 101), None);
    assert_eq!(silent(&mut list, 100, 102), None);
    assert_eq!(silent(&mut list, 103, 200), None);
    // That it can be connected to says nothing.
    list.succeeded(subject(1, None));
    assert_eq!(verdict(&list, 200), Verdict::Free);
    for longest in [1_000, 2_000, 4_000] {
        let now = longest * 2;
        let term = silent(&mut list, now - 1, now).unwrap().as_millis() as u64;
        assert!(term <= longest && term >= longest * 3 / 4, "{term}");
        assert!(matches!(verdict(&list, now), Verdict::Listed(_)));
        assert_eq!(silent(&mut list, now, now + 1), None, "no news");
        assert!(list.succeeded(subject(1, None)));
        list.lasted(address(2), 0);
    }
    list.lasted(address(1), 0);
    assert_eq!(silent(&mut list, 9_000, 9_001), None);
}

#[test]
fn tls_failures_speak_for_one_host_only() {
    let mut list = Blacklist::default();
    let here = subject(1, Some(4));
    for _ in 0..3 {
        fail(&mut list, here, 0);
    }
    let verdict = |list: &Blacklist, host| list.verdict(address(1), host, 0, TERMS);
    assert!(matches!(verdict(&list, 4), Verdict::Listed(_)));
    assert_eq!(verdict(&list, 5), Verdict::Free);
    let entries = list.entries(0, TERMS);
    assert_eq!((entries.len(), entries[0].failures), (1, 3));
}

#[test]
fn by_hand_is_worse_than_by_failure_and_is_removed_by_hand() {
    let mut list = Blacklist::default();
    listed(&mut list, 1, 0);
    let network: IpNet = "10.0.0.0/30".parse().unwrap();
    list.add("10.0.0.2/32".parse().unwrap(), Some(50), 0)
        .unwrap();
    let by_failure = list.verdict(address(1), 0, 0, TERMS);
    let by_hand = list.verdict(address(2), 0, 0, TERMS);
    assert!(by_failure < by_hand, "{by_failure:?} {by_hand:?}");
    assert_eq!(list.verdict(address(2), 0, 50, TERMS), Verdict::Free);
    list.add(network, None, 0).unwrap();
    list.succeeded(subject(2, None));
    assert!(matches!(
        list.verdict(address(2), 0, 50, TERMS),
        Verdict::Listed(_)
    ));
    let remaining: Vec<_> = list
        .entries(0, TERMS)
        .iter()
        .map(|entry| entry.remaining)
        .collect();
    assert_eq!(remaining.iter().filter(|left| left.is_none()).count(), 1);
    // What failed within the network goes too, the narrower entry stays.
    assert!(list.remove(network) && !list.remove(network));
    assert_eq!(list.entries(0, TERMS).len(), 1);
}

#[test]
fn it_does_not_grow_without_end() {
    let mut list = Blacklist::default();
    let numbered = |number: u16| Subject {
        address: SocketAddr::from(([10, 1, 1, 1], number)),
        host: None,
    };
    for _ in 0..3 {
        fail(&mut list, numbered(1), 0);
    }
    for number in 2..=5_000 {
        fail(&mut list, numbered(number), 1);
        assert!(list.tracked() <= MOST_TRACKED);
    }
    assert!(matches!(
        list.verdict(numbered(1).address, 0, 1, TERMS),
        Verdict::Listed(_)
    ));
}

#[test]
fn who_fell_silent_last_is_remembered_before_who_failed_earlier() {
    let mut list = Blacklist::default();
    let numbered = |number: u16| Subject {
        address: SocketAddr::from(([10, 1, 1, 1], number)),
        host: None,
    };
    let rng = &mut rand::rng();
    let mut silent =
        |list: &mut Blacklist, now| list.fell_silent(numbered(1), REFUSED, now, now, TERMS, rng);
    assert!(silent(&mut list, 0).is_none());
    for number in 2..=MOST_TRACKED as u16 {
        fail(&mut list, numbered(number), 1);
    }
    assert!(silent(&mut list, 2).is_none());
    fail(&mut list, numbered(5_000), 3);
    assert!(silent(&mut list, 4).is_some(), "the third in a row");
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    /// Whether by the attempt that probes.
    Fail(u8, Option<u64>, bool),
    /// Of a connection that was opened so long ago.
    FallSilent(u8, Option<u64>, u64),
    Last(u8, u64),
    Succeed(u8, Option<u64>),
    Begin(u8, u64),
    Lose(u8, u64),
    Add(u8, Option<u64>),
    Remove(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let host = || prop::option::of(0..2_u64);
    let time = || prop_oneof![0..100_u64, 0..12_000_u64];
    let step = prop_oneof![
        5 => time().prop_map(Step::Pass),
        6 => (0..3_u8, host(), any::<bool>()).prop_map(|(number, host, probes)| Step::Fail(number, host, probes)),
        6 => (0..3_u8, host(), time()).prop_map(|(number, host, age)| Step::FallSilent(number, host, age)),
        1 => (0..3_u8, 0..2_u64).prop_map(|(number, host)| Step::Last(number, host)),
        2 => (0..3_u8, host()).prop_map(|(number, host)| Step::Succeed(number, host)),
        3 => (0..3_u8, 0..2_u64).prop_map(|(number, host)| Step::Begin(number, host)),
        1 => (0..3_u8, 0..2_u64).prop_map(|(number, host)| Step::Lose(number, host)),
        1 => (0..3_u8, prop::option::of(0..9_000_u64)).prop_map(|(number, term)| Step::Add(number, term)),
        1 => (0..3_u8).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..120)
}

/// One subject's whole story, replayed each time it is asked.
#[derive(Default)]
struct Model {
    log: Vec<(u64, Event)>,
}

/// With the term that the blacklist drew, if it listed.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    /// Whether by the attempt that probes.
    Failed(Option<u64>, bool),
    /// None that was open when another one did.
    FellSilent(Option<u64>),
    Lasted,
    Succeeded,
    Removed,
    Probed,
    Unprobed,
    Tried,
}

/// What a story comes to.
#[derive(Clone, Copy, Default)]
struct Sum {
    failures: u32,
    silences: u32,
    lists: u32,
    failed: u64,
    silent: u64,
    until: u64,
    tried: u32,
    probed: bool,
}

impl Model {
    fn sum(&self, now: u64) -> Sum {
        let mut sum = Sum::default();
        for &(at, event) in &self.log {
            sum.forget(at);
            match event {
                Event::Failed(term, probes) => {
                    (sum.failures, sum.failed) = (sum.failures + 1, at);
                    sum.probed &= !probes;
                    sum.list(at, term, sum.lists);
                }
                Event::FellSilent(term) => {
                    (sum.silences, sum.silent) = (sum.silences + 1, at);
                    sum.list(at, term, sum.silences.saturating_sub(TERMS.after));
                }
                Event::Lasted => sum.silences = 0,
                // Of what it keeps, only silences count.
                Event::Succeeded => {
                    (sum.failures, sum.lists, sum.until) = (0, 0, 0);
                    (sum.tried, sum.probed) = (0, false);
                }
                Event::Removed => sum = Sum::default(),
                Event::Probed => sum.probed = true,
                Event::Unprobed => sum.probed = false,
                Event::Tried => sum.tried += 1,
            }
        }
        sum.forget(now);
        sum
    }

    fn verdict(&self, now: u64) -> Verdict {
        let sum = self.sum(now);
        if sum.lists == 0 {
            match sum.failures > 0 && now - sum.failed < FAILING_MILLIS {
                true => Verdict::Failing,
                false => Verdict::Free,
            }
        } else if now < sum.until {
            Verdict::Listed(Badness {
                by_hand: false,
                tried: sum.tried,
                until: sum.until,
            })
        } else if sum.probed {
            Verdict::Probed
        } else {
            Verdict::Probation
        }
    }
}

impl Sum {
    fn forget(&mut self, now: u64) {
        let last = self.failed.max(self.silent).max(self.until);
        if !self.probed && now - last.min(now) > TERMS.longest {
            (self.failures, self.silences, self.lists) = (0, 0, 0);
        }
    }

    fn list(&mut self, at: u64, term: Option<u64>, before: u32) {
        if let Some(term) = term {
            (self.lists, self.until, self.tried) = (before + 1, at + term, 0);
        }
    }

    fn is_news(&self, failure: &Event, now: u64) -> bool {
        match failure {
            Event::Failed(_, probes) if self.lists > 0 => *probes && now >= self.until,
            Event::Failed(..) => self.failures + 1 >= TERMS.after,
            _ => self.lists == 0 && self.silences + 1 >= TERMS.after,
        }
    }
}

/// Whether a term is as long as the one after so many others.
fn is_term(term: Option<Duration>, level: u32) -> bool {
    let whole = (TERMS.first << level.min(10)).min(TERMS.longest);
    let term = term.map(|term| term.as_millis() as u64);
    term.is_none_or(|term| term <= whole && term >= whole * 3 / 4 - 1)
}

proptest! {
    #[test]
    fn it_agrees_with_its_log(steps in steps(), seed: u64) {
        let mut list = Blacklist::default();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut models: Vec<(Subject, Model)> = (0..3)
            .flat_map(|number| [None, Some(0), Some(1)].map(|host| subject(number, host)))
            .map(|subject| (subject, Model::default()))
            .collect();
        let mut by_hand: Vec<(u8, Option<u64>, u32)> = Vec::new();
        let mut now = 0;
        for step in steps {
            let expected = |models: &[(Subject, Model)], by_hand: &[(u8, Option<u64>, u32)], number, host, now| {
                let own = models.iter().filter(|(subject, _)| {
                    subject.address == address(number) && subject.host.is_none_or(|other| other == host)
                });
                let manual = by_hand.iter().filter(|(listed, until, _)| *listed == number && until.is_none_or(|until| now < until));
                let manual = manual.map(|(_, until, tried)| Verdict::Listed(Badness {
                    by_hand: true,
                    tried: *tried,
                    until: until.unwrap_or(u64::MAX),
                }));
                own.map(|(_, model)| model.verdict(now)).chain(manual).max().unwrap()
            };
            match step {
                Step::Pass(time) => now += time,
                Step::Fail(number, host, probes) => {
                    let subject = subject(number, host);
                    let (_, model) = models.iter_mut().find(|(other, _)| *other == subject).unwrap();
                    let before = model.sum(now);
                    let term = list.failed(subject, REFUSED, probes, now, TERMS, &mut rng);
                    prop_assert_eq!(term.is_some(), before.is_news(&Event::Failed(None, probes), now));
                    prop_assert!(is_term(term, before.lists), "{:?} {}", term, before.lists);
                    let term = term.map(|term| term.as_millis() as u64);
                    model.log.push((now, Event::Failed(term, probes)));
                }
                Step::FallSilent(number, host, age) => {
                    let subject = subject(number, host);
                    let (_, model) = models.iter_mut().find(|(other, _)| *other == subject).unwrap();
                    let before = model.sum(now);
                    let opened = now.saturating_sub(age);
                    let term = list.fell_silent(subject, REFUSED, opened, now, TERMS, &mut rng);
                    if before.silences > 0 && opened <= before.silent {
                        prop_assert_eq!(term, None, "one failure with the last one's");
                    } else {
                        prop_assert_eq!(term.is_some(), before.is_news(&Event::FellSilent(None), now));
                        let level = (before.silences + 1).saturating_sub(TERMS.after);
                        prop_assert!(is_term(term, level), "{:?} {}", term, level);
                        let term = term.map(|term| term.as_millis() as u64);
                        model.log.push((now, Event::FellSilent(term)));
                    }
                }
                Step::Last(number, host) => {
                    list.lasted(address(number), host);
                    for (subject, model) in &mut models {
                        if subject.address == address(number) && subject.host.is_none_or(|other| other == host) {
                            model.log.push((now, Event::Lasted));
                        }
                    }
                }
                Step::Succeed(number, host) => {
                    let subject = subject(number, host);
                    list.succeeded(subject);
                    models.iter_mut().find(|(other, _)| *other == subject).unwrap().1.log.push((now, Event::Succeeded));
                }
                Step::Begin(number, host) => {
                    let verdict = expected(&models, &by_hand, number, host, now);
                    let begun = list.begin(address(number), host, now, TERMS);
                    let own = models.iter_mut().filter(|(subject, _)| {
                        subject.address == address(number) && subject.host.is_none_or(|other| other == host)
                    });
                    match verdict {
                        Verdict::Probed => prop_assert_eq!(begun, None),
                        Verdict::Probation => {
                            prop_assert_eq!(begun, Some(true));
                            for (_, model) in own {
                                if model.verdict(now) == Verdict::Probation {
                                    model.log.push((now, Event::Probed));
                                }
                            }
                        }
                        Verdict::Listed(_) => {
                            prop_assert_eq!(begun, Some(false));
                            own.for_each(|(_, model)| model.log.push((now, Event::Tried)));
                            for (listed, until, tried) in &mut by_hand {
                                if *listed == number && until.is_none_or(|until| now < until) {
                                    *tried += 1;
                                }
                            }
                        }
                        _ => prop_assert_eq!(begun, Some(false)),
                    }
                }
                Step::Lose(number, host) => {
                    list.probe_ended(address(number), host);
                    for (subject, model) in &mut models {
                        if subject.address == address(number) && subject.host.is_none_or(|other| other == host) {
                            model.log.push((now, Event::Unprobed));
                        }
                    }
                }
                Step::Add(number, term) => {
                    let until = term.map(|term| now + term);
                    list.add(IpNet::from(address(number).ip()), until, now).unwrap();
                    by_hand.retain(|(listed, ..)| *listed != number);
                    by_hand.push((number, until, 0));
                }
                Step::Remove(number) => {
                    list.remove(IpNet::from(address(number).ip()));
                    by_hand.retain(|(listed, ..)| *listed != number);
                    for (subject, model) in &mut models {
                        if subject.address == address(number) {
                            model.log.push((now, Event::Removed));
                        }
                    }
                }
            }
            for number in 0..3 {
                for host in 0..2 {
                    let verdict = expected(&models, &by_hand, number, host, now);
                    prop_assert_eq!(list.verdict(address(number), host, now, TERMS), verdict);
                }
            }
        }
    }
}
