//! What the pool learns about addresses by failing there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rand::{Rng, RngExt};

use super::entry::{BlacklistCause, BlacklistEntry};
use super::manual::Manual;
use super::verdict::{Badness, Verdict};
use crate::error::{ErrorKind, Result};

/// Addresses that the pool keeps failures of, about half a megabyte; beyond, the one that failed longest ago is forgotten, those not
/// listed first.
pub(super) const MOST_TRACKED: usize = 4_096;

/// After a failure an address comes last for so long, in milliseconds: as long as the first term lists it by default, so that a
/// second failure is learned soon, but not by the very next dial.
pub(super) const FAILING_MILLIS: u64 = 30_000;

/// A term is drawn between this part of it and all of it: many clients do not all come back at once.
pub(super) const SHORTEST_TERM: f64 = 0.75;

/// The blacklist: no clock, no lock, no sockets. `now` is in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Blacklist {
    tracked: HashMap<Subject, Track>,
    manual: Manual,
}

/// Who failed: the address for everybody, or one host at that address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Subject {
    pub(crate) address: SocketAddr,
    /// The pool's number for the host.
    pub(crate) host: Option<u64>,
}

/// When an address is listed, and for how long, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Failures in a row.
    pub(crate) after: u32,
    pub(crate) first: u64,
    pub(crate) longest: u64,
}

/// What is said of a failure to whoever reads the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    /// The host's name, where it is the host that failed.
    pub(crate) name: Option<&'a Arc<str>>,
    pub(crate) cause: ErrorKind,
}

#[derive(Debug)]
struct Track {
    /// The host's name, for whoever reads the list.
    name: Option<Arc<str>>,
    cause: ErrorKind,
    failures: u32,
    last_failure: u64,
    /// Zero until it is listed.
    terms: u32,
    until: u64,
    tried: u32,
    probed: bool,
    /// Connections, one after the other, that ended unanswered.
    silences: u32,
    last_silence: u64,
}

impl Blacklist {
    /// What speaks against this address for this host: the worst of all.
    pub(crate) fn verdict(
        &self,
        address: SocketAddr,
        host: u64,
        now: u64,
        terms: Terms,
    ) -> Verdict {
        let tracked = subjects(address, host).into_iter().filter_map(|subject| {
            let track = self.tracked.get(&subject)?;
            Some(track.verdict(now, terms))
        });
        let manual = self.manual.badness(address.ip(), now);
        let all = tracked.chain(manual.map(Verdict::Listed));
        all.max().unwrap_or(Verdict::Free)
    }

    /// An attempt begins. `None` when it must not, since another one probes the address; `Some(true)` when it is the probe itself,
    /// whose [end](Self::probe_ended) must be told.
    pub(crate) fn begin(
        &mut self,
        address: SocketAddr,
        host: u64,
        now: u64,
        terms: Terms,
    ) -> Option<bool> {
        match self.verdict(address, host, now, terms) {
            Verdict::Free | Verdict::Failing => Some(false),
            Verdict::Probed => None,
            Verdict::Probation => {
                self.each(address, host, |track| {
                    track.probed |= track.verdict(now, terms) == Verdict::Probation;
                });
                Some(true)
            }
            Verdict::Listed(_) => {
                self.each(address, host, |track| {
                    track.tried = track.tried.saturating_add(1);
                });
                self.manual.tried(address.ip(), now);
                Some(false)
            }
        }
    }

    /// The probing attempt is over, and said nothing: another one may probe.
    pub(crate) fn probe_ended(&mut self, address: SocketAddr, host: u64) {
        self.each(address, host, |track| track.probed = false);
    }

    /// An attempt failed, which [probed](Self::begin) the address or did not. Returns the term, if that lists the subject anew.
    pub(crate) fn failed(
        &mut self,
        subject: Subject,
        failure: Failure<'_>,
        probes: bool,
        now: u64,
        terms: Terms,
        rng: &mut impl Rng,
    ) -> Option<Duration> {
        let track = self.track(subject, failure, now, terms);
        track.failures = track.failures.saturating_add(1);
        (track.cause, track.last_failure) = (failure.cause, now);
        // What was begun before the subject was listed has failed with those that listed it, and what is tried while it is listed is
        // tried for want of better: that it fails is no news.
        if track.terms > 0 && !probes {
            return None;
        }
        track.probed = false;
        if track.is_listed(now) || (track.terms == 0 && track.failures < terms.after) {
            return None;
        }
        Some(track.list(now, terms, rng))
    }

    /// A connection that was opened at this time ended because nothing answered on it. Returns the term, if that lists the subject.
    pub(crate) fn fell_silent(
        &mut self,
        subject: Subject,
        failure: Failure<'_>,
        opened: u64,
        now: u64,
        terms: Terms,
        rng: &mut impl Rng,
    ) -> Option<Duration> {
        let track = self.track(subject, failure, now, terms);
        // Those that were open at the same time are one failure: none of them was opened in spite of the others'.
        if track.silences > 0 && opened <= track.last_silence {
            return None;
        }
        track.silences = track.silences.saturating_add(1);
        track.last_silence = now;
        if track.terms > 0 || track.silences < terms.after {
            return None;
        }
        // That it can be connected to takes it off the list each time, and says nothing.
        track.terms = track.silences - terms.after;
        (track.cause, track.failures) = (failure.cause, track.silences);
        Some(track.list(now, terms, rng))
    }

    /// An attempt succeeded: none that failed is held against the subject. True when it had been listed.
    pub(crate) fn succeeded(&mut self, subject: Subject) -> bool {
        let Some(track) = self.tracked.get_mut(&subject) else {
            return false;
        };
        let was_listed = track.terms > 0;
        if track.silences == 0 {
            self.tracked.remove(&subject);
        } else {
            (track.failures, track.terms, track.until) = (0, 0, 0);
            (track.tried, track.probed) = (0, false);
        }
        was_listed
    }

    /// A connection was of use for long: that others ended unanswered is not held against it.
    pub(crate) fn lasted(&mut self, address: SocketAddr, host: u64) {
        self.each(address, host, |track| track.silences = 0);
    }

    /// Lists by hand. See [`Manual::add`].
    pub(crate) fn add(&mut self, network: IpNet, until: Option<u64>, now: u64) -> Result<()> {
        self.manual.add(network, until, now)
    }

    /// Removes what was added by hand as this network, and what failed within it. True when there was any of it.
    pub(crate) fn remove(&mut self, network: IpNet) -> bool {
        let by_hand = self.manual.remove(network);
        let before = self.tracked.len();
        self.tracked
            .retain(|subject, _| !network.contains(&subject.address.ip().to_canonical()));
        by_hand || self.tracked.len() < before
    }

    /// Everything that is listed or on probation.
    pub(crate) fn entries(&self, now: u64, terms: Terms) -> Vec<BlacklistEntry> {
        let tracked = self.tracked.iter();
        let listed =
            tracked.filter(|(_, track)| track.terms > 0 && !track.is_forgotten(now, terms));
        let failed = listed.map(|(subject, track)| BlacklistEntry {
            network: subject.address.ip().into(),
            port: Some(subject.address.port()),
            host: track.name.clone(),
            cause: BlacklistCause::Failed(track.cause),
            failures: track.failures,
            terms: track.terms,
            remaining: Some(remaining(track.until, now)),
        });
        let mut entries: Vec<_> = self.manual.entries(now).chain(failed).collect();
        entries.sort_by(|one, other| {
            (one.network, one.port, &one.host).cmp(&(other.network, other.port, &other.host))
        });
        entries
    }

    #[cfg(test)]
    pub(super) fn tracked(&self) -> usize {
        self.tracked.len()
    }

    fn each(&mut self, address: SocketAddr, host: u64, mut change: impl FnMut(&mut Track)) {
        for subject in subjects(address, host) {
            if let Some(track) = self.tracked.get_mut(&subject) {
                change(track);
            }
        }
    }

    fn track(
        &mut self,
        subject: Subject,
        failure: Failure<'_>,
        now: u64,
        terms: Terms,
    ) -> &mut Track {
        if !self.tracked.contains_key(&subject) {
            self.make_room(now, terms);
        }
        let track = self.tracked.entry(subject).or_insert_with(|| Track {
            name: failure.name.cloned(),
            cause: failure.cause,
            failures: 0,
            last_failure: now,
            terms: 0,
            until: 0,
            tried: 0,
            probed: false,
            silences: 0,
            last_silence: 0,
        });
        if track.is_forgotten(now, terms) {
            (track.failures, track.terms, track.silences) = (0, 0, 0);
        }
        track
    }

    fn make_room(&mut self, now: u64, terms: Terms) {
        if self.tracked.len() < MOST_TRACKED {
            return;
        }
        self.tracked
            .retain(|_, track| !track.is_forgotten(now, terms));
        if self.tracked.len() >= MOST_TRACKED {
            let worth = |track: &Track| {
                let last = track.last_failure.max(track.last_silence);
                (track.terms > 0, last)
            };
            let least = self.tracked.iter().min_by_key(|(_, track)| worth(track));
            if let Some(subject) = least.map(|(subject, _)| *subject) {
                self.tracked.remove(&subject);
            }
        }
    }
}

impl Track {
    fn verdict(&self, now: u64, terms: Terms) -> Verdict {
        if self.is_forgotten(now, terms) {
            Verdict::Free
        } else if self.terms == 0 {
            match self.failures > 0 && now.saturating_sub(self.last_failure) < FAILING_MILLIS {
                true => Verdict::Failing,
                false => Verdict::Free,
            }
        } else if self.is_listed(now) {
            Verdict::Listed(Badness {
                by_hand: false,
                tried: self.tried,
                until: self.until,
            })
        } else if self.probed {
            Verdict::Probed
        } else {
            Verdict::Probation
        }
    }

    fn is_listed(&self, now: u64) -> bool {
        self.terms > 0 && now < self.until
    }

    /// Returns the term.
    fn list(&mut self, now: u64, terms: Terms, rng: &mut impl Rng) -> Duration {
        let doubled = terms.first.saturating_mul(1 << self.terms.min(32));
        let term = doubled.min(terms.longest) as f64 * rng.random_range(SHORTEST_TERM..=1.0);
        self.terms = self.terms.saturating_add(1);
        self.until = now.saturating_add(term as u64);
        self.tried = 0;
        Duration::from_millis(term as u64)
    }

    /// Failures that lie the longest term apart are not failures in a row, and probation for which nobody cares ends.
    fn is_forgotten(&self, now: u64, terms: Terms) -> bool {
        let since = self.last_failure.max(self.last_silence).max(self.until);
        !self.probed && now.saturating_sub(since) > terms.longest
    }
}

fn subjects(address: SocketAddr, host: u64) -> [Subject; 2] {
    [None, Some(host)].map(|host| Subject { address, host })
}

pub(super) fn remaining(until: u64, now: u64) -> Duration {
    Duration::from_millis(until.saturating_sub(now))
}
