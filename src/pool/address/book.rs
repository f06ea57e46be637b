//! What the pool knows of every address, whatever host it is dialed for.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::blacklist::{Blacklist, BlacklistEntry, Failure, Subject, Terms, Verdict};
use super::choice::{Candidate, Standing};
use crate::config::{Config, Weights};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::clock::millis;
use crate::pool::events::Limit;
use crate::pool::host::HostPool;

/// Addresses without connections that are remembered, with how long connecting took: 300 kB.
const MOST_REMEMBERED: usize = 4_096;

/// How long connecting took weighs 1/e after so long, in milliseconds: dials are rare, and networks change by the hour.
const COST_DECAY_MILLIS: f32 = 600_000.0;

/// Nothing heard of a TCP handshake for so long means that the first SYN and its repetition after a second went unanswered, and that
/// the next one is due (RFC 6298 §2.1, §5.5): a failure, also where another address won the race meanwhile.
const UNANSWERED: Duration = Duration::from_secs(3);

/// A probe has begun before the others; one that they overtake all the same, with the head start that RFC 8305 §8 recommends, has
/// failed.
const OVERTAKEN: Duration = Duration::from_millis(250);

/// Connections and dials by address, how long connecting takes, what is blacklisted. Locked by dials, by connections that end and by
/// readers of the blacklist, never by who takes a connection that is there.
#[derive(Debug)]
pub(in crate::pool) struct Book {
    built: Instant,
    hosts: AtomicU64,
    /// Whether hosts wait for places at some address, to be looked at without the lock.
    is_waited_for: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    weights: Weights,
    blacklist: Blacklist,
    records: HashMap<SocketAddr, Record>,
    /// Hosts that found an address full, the oldest first.
    waiting: HashMap<SocketAddr, VecDeque<Weak<HostPool>>>,
}

#[derive(Debug, Default)]
struct Record {
    /// Attempts and connections.
    taken: usize,
    /// Of those, the attempts.
    dials: usize,
    proven: bool,
    cost: Option<f32>,
    last_used: u64,
}

/// What an attempt was allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Admitted {
    /// It is the one that probes an address on probation.
    pub(super) probes: bool,
}

/// A limit that stands in the way at an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full {
    pub(super) limit: Limit,
    pub(super) most: usize,
}

/// How an attempt ended without a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    Full(Full),
    /// Another connection probes the address.
    Probed,
}

impl Book {
    pub(in crate::pool) fn new(weights: Weights) -> Self {
        Self {
            built: Instant::now(),
            hosts: AtomicU64::new(0),
            is_waited_for: AtomicBool::new(false),
            state: Mutex::new(State {
                weights,
                ..State::default()
            }),
        }
    }

    pub(in crate::pool) fn set_weights(&self, weights: Weights) {
        self.state.lock().weights = weights;
    }

    pub(super) fn weight_of(&self, address: IpAddr) -> u32 {
        self.state.lock().weights.of(address)
    }

    /// A number for a host, never given twice.
    pub(super) fn number(&self) -> u64 {
        self.hosts.fetch_add(1, Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        millis(self.built.elapsed())
    }

    /// Those of the addresses that may be tried. When the blacklist covers all of them, or lets them only be probed, the least bad one
    /// as well.
    pub(super) fn candidates(
        &self,
        addresses: Vec<SocketAddr>,
        host: u64,
        config: &Config,
    ) -> Vec<Candidate> {
        let (now, terms) = (self.now(), terms(config));
        let state = self.state.lock();
        let mut candidates = Vec::with_capacity(addresses.len());
        let mut least_bad: Option<(Verdict, SocketAddr)> = None;
        for address in addresses {
            let record = state.records.get(&address);
            let verdict = state.blacklist.verdict(address, host, now, terms);
            let standing = match verdict {
                Verdict::Failing => Standing::Failing,
                Verdict::Free if record.is_some_and(|record| record.proven) => Standing::Proven,
                Verdict::Free => Standing::New,
                Verdict::Probation => Standing::Probation,
                Verdict::Probed | Verdict::Listed(_) => {
                    if least_bad.is_none_or(|(least, _)| verdict.is_better_to_try(least)) {
                        least_bad = Some((verdict, address));
                    }
                    continue;
                }
            };
            candidates.push(Candidate {
                address,
                connections: record.map_or(0, |record| record.taken),
                standing,
                cost: record.and_then(|record| record.cost_at(now)),
                weight: state.weights.of(address.ip()),
            });
        }
        let all_on_probation = candidates
            .iter()
            .all(|candidate| candidate.standing == Standing::Probation);
        // Who is on probation may swallow every packet: then the other one's turn comes soon. What is listed by hand waits until there
        // is nothing else.
        let floor = least_bad.filter(|(verdict, _)| {
            candidates.is_empty() || all_on_probation && verdict.is_listed_by_failure()
        });
        if let Some((_, address)) = floor {
            candidates.push(Candidate {
                address,
                connections: 0,
                standing: Standing::Failing,
                cost: None,
                weight: 1,
            });
        }
        candidates
    }

    /// Counts an attempt, unless something forbids it for now.
    pub(super) fn begin(
        &self,
        address: SocketAddr,
        host: u64,
        config: &Config,
    ) -> Result<Admitted, Refusal> {
        let now = self.now();
        let mut state = self.state.lock();
        if let Some(full) = state.full(address, config) {
            return Err(Refusal::Full(full));
        }
        let begun = state.blacklist.begin(address, host, now, terms(config));
        let Some(probes) = begun else {
            return Err(Refusal::Probed);
        };
        state.make_room();
        let record = state.records.entry(address).or_default();
        record.taken += 1;
        record.dials += 1;
        record.last_used = now;
        Ok(Admitted { probes })
    }

    /// An attempt has become a connection. True when that takes the address off the blacklist.
    pub(super) fn opened(&self, address: SocketAddr, host: u64, elapsed: Duration) -> bool {
        let now = self.now();
        let mut state = self.state.lock();
        if let Some(record) = state.records.get_mut(&address) {
            record.dials -= 1;
            record.proven = true;
            record.took(now, elapsed);
        }
        let for_all = state.blacklist.succeeded(Subject {
            address,
            host: None,
        });
        let for_host = state.blacklist.succeeded(Subject {
            address,
            host: Some(host),
        });
        for_all || for_host
    }

    /// An attempt failed. Returns the term if that lists the address, and whether it does so for all hosts.
    pub(super) fn failed(
        &self,
        address: SocketAddr,
        host: (u64, &std::sync::Arc<str>),
        error: &Error,
        admitted: Admitted,
        config: &Config,
    ) -> Option<(Duration, bool)> {
        let now = self.now();
        let mut state = self.state.lock();
        if let Some(record) = state.records.get_mut(&address) {
            record.dials -= 1;
            record.proven = false;
        }
        let term = match speaks_against(error) {
            Some(Whom::Address) => {
                let subject = Subject {
                    address,
                    host: None,
                };
                let term = state.fail(subject, None, error, admitted, now, config);
                term.map(|term| (term, true))
            }
            Some(Whom::HostThere) => {
                // It was connected to, so nothing speaks against the address for others.
                state.blacklist.succeeded(Subject {
                    address,
                    host: None,
                });
                let subject = Subject {
                    address,
                    host: Some(host.0),
                };
                let term = state.fail(subject, Some(host.1), error, admitted, now, config);
                term.map(|term| (term, false))
            }
            None => None,
        };
        if admitted.probes {
            state.blacklist.probe_ended(address, host.0);
        }
        term
    }

    /// An attempt ended and says nothing of its address.
    pub(super) fn inconclusive(&self, address: SocketAddr, host: u64, admitted: Admitted) {
        let mut state = self.state.lock();
        if let Some(record) = state.records.get_mut(&address) {
            record.dials -= 1;
        }
        if admitted.probes {
            state.blacklist.probe_ended(address, host);
        }
    }

    /// A connection of this age ended because nothing answered on it. Returns the term, if that lists the address, or with a host only
    /// the host there.
    pub(super) fn fell_silent(
        &self,
        address: SocketAddr,
        host: Option<(u64, &std::sync::Arc<str>)>,
        error: &Error,
        age: Duration,
        config: &Config,
    ) -> Option<Duration> {
        let now = self.now();
        let opened = now.saturating_sub(millis(age));
        let subject = Subject {
            address,
            host: host.map(|(number, _)| number),
        };
        let failure = Failure {
            name: host.map(|(_, name)| name),
            cause: error.kind(),
        };
        let (terms, rng) = (terms(config), &mut rand::rng());
        let mut state = self.state.lock();
        state
            .blacklist
            .fell_silent(subject, failure, opened, now, terms, rng)
    }

    /// A connection worked for long.
    pub(super) fn lasted(&self, address: SocketAddr, host: u64) {
        self.state.lock().blacklist.lasted(address, host);
    }

    /// An attempt was given up `elapsed` after it began, with nothing said. Returns the error that this amounts to, if any; then it
    /// counts as [`failed`](Self::failed), which is still to be called.
    pub(super) fn given_up(
        &self,
        address: SocketAddr,
        host: u64,
        admitted: Admitted,
        elapsed: Duration,
    ) -> Option<Error> {
        let patience = if admitted.probes {
            OVERTAKEN
        } else {
            UNANSWERED
        };
        if elapsed >= patience {
            let detail = format!("no answer within {elapsed:?}");
            return Some(Error::new(ErrorKind::ConnectTimeout).with_detail(detail));
        }
        let now = self.now();
        let mut state = self.state.lock();
        if let Some(record) = state.records.get_mut(&address) {
            record.dials -= 1;
            // It takes at least as long as this.
            let cost = record.cost_at(now).unwrap_or(0.0).max(micros(elapsed));
            record.cost = Some(cost);
            record.last_used = now;
        }
        if admitted.probes {
            state.blacklist.probe_ended(address, host);
        }
        None
    }

    /// A connection, or an attempt that did not become one, is over: hosts that waited for its place may try again.
    pub(super) fn leave(&self, address: SocketAddr) {
        if let Some(record) = self.state.lock().records.get_mut(&address) {
            record.taken -= 1;
        }
        self.wake(address);
    }

    /// Lets the hosts that wait for a place at this address try again, as many as may find one.
    pub(super) fn wake(&self, address: SocketAddr) {
        while let Some(host) = self.next_waiting(address) {
            if host.try_again(address) {
                return;
            }
        }
    }

    /// Remembers a host that found the address full. It is told when that may have changed.
    pub(in crate::pool) fn wait(&self, address: SocketAddr, host: Weak<HostPool>) {
        let mut state = self.state.lock();
        let waiting = state.waiting.entry(address).or_default();
        waiting.retain(|other| other.strong_count() > 0);
        // Whoever is there keeps its place.
        if !waiting.iter().any(|other| other.ptr_eq(&host)) {
            waiting.push_back(host);
        }
        self.is_waited_for.store(true, Ordering::SeqCst);
    }

    /// Whether callers wait for a place at this address.
    pub(super) fn is_wanted(&self, address: SocketAddr) -> bool {
        if !self.is_waited_for.load(Ordering::SeqCst) {
            return false;
        }
        let state = self.state.lock();
        let mut waiting = state.waiting.get(&address).into_iter().flatten();
        waiting.any(|host| host.upgrade().is_some_and(|host| host.waiting() > 0))
    }

    /// Whether connections, and not only dials, are as many as there may be at this address.
    pub(super) fn lacks_connections(&self, address: SocketAddr, config: &Config) -> bool {
        let state = self.state.lock();
        let record = state.records.get(&address);
        record.is_some_and(|record| record.taken >= config.max_connections_per_address())
    }

    /// Whether the host's next attempt at this address [may begin](Self::begin).
    pub(super) fn is_open_to(&self, address: SocketAddr, host: u64, config: &Config) -> bool {
        let now = self.now();
        let state = self.state.lock();
        let verdict = state.blacklist.verdict(address, host, now, terms(config));
        verdict != Verdict::Probed && state.full(address, config).is_none()
    }

    pub(super) fn blacklist_add(&self, network: IpNet, term: Option<Duration>) -> Result<()> {
        let now = self.now();
        let until = term.map(|term| now.saturating_add(millis(term)));
        self.state.lock().blacklist.add(network, until, now)
    }

    pub(super) fn blacklist_remove(&self, network: IpNet) -> bool {
        self.state.lock().blacklist.remove(network)
    }

    pub(super) fn blacklist_entries(&self, config: &Config) -> Vec<BlacklistEntry> {
        let (now, terms) = (self.now(), terms(config));
        self.state.lock().blacklist.entries(now, terms)
    }

    fn next_waiting(&self, address: SocketAddr) -> Option<std::sync::Arc<HostPool>> {
        let mut state = self.state.lock();
        let waiting = state.waiting.get_mut(&address)?;
        let mut found = None;
        while found.is_none() {
            match waiting.pop_front() {
                Some(host) => found = host.upgrade(),
                None => break,
            }
        }
        if waiting.is_empty() {
            state.waiting.remove(&address);
            let others = !state.waiting.is_empty();
            self.is_waited_for.store(others, Ordering::SeqCst);
        }
        found
    }

    /// Attempts and connections, and of those the attempts, at an address.
    #[cfg(test)]
    pub(super) fn used(&self, address: SocketAddr) -> (usize, usize) {
        let state = self.state.lock();
        let record = state.records.get(&address);
        record.map_or((0, 0), |record| (record.taken, record.dials))
    }
}

impl State {
    fn full(&self, address: SocketAddr, config: &Config) -> Option<Full> {
        let record = self.records.get(&address)?;
        let limits = [
            (
                Limit::MaxConnectionsPerAddress,
                record.taken,
                config.max_connections_per_address(),
            ),
            (
                Limit::MaxDialsPerAddress,
                record.dials,
                config.max_dials_per_address(),
            ),
        ];
        let reached = limits.into_iter().find(|(_, used, most)| used >= most);
        reached.map(|(limit, _, most)| Full { limit, most })
    }

    fn fail(
        &mut self,
        subject: Subject,
        name: Option<&std::sync::Arc<str>>,
        error: &Error,
        admitted: Admitted,
        now: u64,
        config: &Config,
    ) -> Option<Duration> {
        let (terms, rng) = (terms(config), &mut rand::rng());
        let cause = error.kind();
        let failure = Failure { name, cause };
        self.blacklist
            .failed(subject, failure, admitted.probes, now, terms, rng)
    }

    fn make_room(&mut self) {
        if self.records.len() < MOST_REMEMBERED {
            return;
        }
        let unused = self.records.iter().filter(|(_, record)| record.taken == 0);
        let oldest = unused.min_by_key(|(_, record)| record.last_used);
        if let Some(address) = oldest.map(|(address, _)| *address) {
            self.records.remove(&address);
        }
    }
}

impl Record {
    fn cost_at(&self, now: u64) -> Option<f32> {
        let elapsed = now.saturating_sub(self.last_used) as f32;
        self.cost
            .map(|cost| cost * (-elapsed / COST_DECAY_MILLIS).exp())
    }

    /// As [`PeakEwma`](crate::pool::health::PeakEwma) does, more slowly: it rises at once and falls by time. But a second
    /// observation halves what is left of the distance, since the next may be long in coming.
    fn took(&mut self, now: u64, elapsed: Duration) {
        let latest = micros(elapsed);
        let cost = match self.cost_at(now) {
            Some(before) if before > latest => f32::midpoint(before, latest),
            _ => latest,
        };
        (self.cost, self.last_used) = (Some(cost), now);
    }
}

enum Whom {
    /// The address, whoever dials it.
    Address,
    /// The host at that address.
    HostThere,
}

/// What a failure speaks against, if it is not this side's own.
fn speaks_against(error: &Error) -> Option<Whom> {
    use crate::error::Fault;

    match error.kind() {
        ErrorKind::ConnectFailed | ErrorKind::ConnectRefused | ErrorKind::ConnectTimeout => {
            Some(Whom::Address)
        }
        _ => match error.fault() {
            Fault::Network | Fault::Peer => Some(Whom::HostThere),
            _ => None,
        },
    }
}

fn terms(config: &Config) -> Terms {
    Terms {
        after: u32::try_from(config.blacklist_after()).unwrap_or(u32::MAX),
        first: millis(config.blacklist_term()),
        longest: millis(config.max_blacklist_term()),
    }
}

fn micros(elapsed: Duration) -> f32 {
    elapsed.as_micros() as f32
}
