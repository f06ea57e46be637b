//! Answers kept for as long as they are of use, and one lookup for all who want the same.

use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use moka::policy::EvictionPolicy;
use parking_lot::Mutex;
use rand::RngExt;
use tokio::time::{Instant, timeout_at};

use super::flight::{Flight, Flights};
use super::remembered::{Held, Outcome, Remembered, Standing, Terms};
use crate::error::{Error, ErrorKind};

/// What is known of names, by name.
#[derive(Clone)]
pub(super) struct Cache<T> {
    entries: Entries<T>,
    flights: Arc<Flights<Landed<T>>>,
    parked: Arc<Mutex<Parked<T>>>,
    terms: Terms,
}

type Landed<T> = Result<Held<T>, Error>;

/// moka bounds the number; its own clock cannot be paused, so an entry's age is judged by the deadlines in it.
type Entries<T> = moka::sync::Cache<Arc<str>, Remembered<T>>;

/// Lookups that were not waited for to their end.
type Parked<T> = VecDeque<(Instant, Flight<Landed<T>>)>;

impl<T: Clone + Send + Sync + 'static> Cache<T> {
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            // The default policy may refuse a newcomer for the sake of popular names; each dial to it would ask again.
            entries: Entries::builder()
                .max_capacity(CAPACITY)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            flights: Arc::new(Flights::new()),
            parked: Arc::default(),
            terms,
        }
    }

    /// What is known of `name`, or else what `lookup` finds out, which is made for the first of those who ask at the same time.
    pub(super) fn ask<L>(&self, name: &str, lookup: impl FnOnce(Arc<str>) -> L) -> Asked<T>
    where
        L: Future<Output = Outcome<T>> + Send + 'static,
    {
        let now = Instant::now();
        let stale = match self.standing(name, now) {
            Standing::Fresh(held) | Standing::Due(held) | Standing::Spared(held) => {
                return self.asked(State::Known(Ok(held)));
            }
            Standing::Refused(error) | Standing::Doubted(error) => {
                return self.asked(State::Known(Err(error)));
            }
            Standing::Stale(held) => Some(held),
            Standing::Gone => None,
        };
        let (flight, since) = self.board(name, lookup);
        // Once for all who ask meanwhile.
        let stale = stale.map(|held| (held, since + STALE_DELAY));
        Asked {
            since,
            ..self.asked(State::UnderWay(flight, stale))
        }
    }

    /// When somebody should [refresh](Self::refresh) what is known of `name`.
    pub(super) fn due(&self, name: &str) -> Option<Instant> {
        self.entries.get(name)?.due(Instant::now())
    }

    /// When somebody should [refresh](Self::refresh) the knowledge that there is nothing of `name`.
    pub(super) fn doubtful_from(&self, name: &str) -> Option<Instant> {
        self.entries.get(name)?.doubtful_from(Instant::now())
    }

    /// Whether a value is known of `name`.
    pub(super) fn has_value(&self, name: &str) -> bool {
        let standing = self.standing(name, Instant::now());
        !matches!(
            standing,
            Standing::Refused(_) | Standing::Doubted(_) | Standing::Gone
        )
    }

    /// Asks anew, unless what is known is fresh or asking has just failed; whoever asks meanwhile joins.
    pub(super) async fn refresh<L>(
        &self,
        name: &str,
        lookup: impl FnOnce(Arc<str>) -> L,
    ) -> Landed<T>
    where
        L: Future<Output = Outcome<T>> + Send + 'static,
    {
        self.board(name, lookup).0.await
    }

    pub(super) fn forget(&self, name: &str) {
        self.entries.invalidate(name);
    }

    /// Looks at every name.
    pub(super) fn forget_all(&self, mut is_meant: impl FnMut(&str) -> bool) {
        for (name, _) in self.entries.iter().filter(|(name, _)| is_meant(name)) {
            self.entries.invalidate(&**name);
        }
    }

    /// The names that are answered without asking.
    pub(super) fn unasked(&self) -> impl Iterator<Item = Arc<str>> {
        let now = Instant::now();
        let entries = self.entries.iter().filter(move |(_, entry)| {
            !matches!(entry.standing(now), Standing::Stale(_) | Standing::Gone)
        });
        entries.map(|(name, _)| Arc::clone(&*name))
    }

    fn standing(&self, name: &str, now: Instant) -> Standing<T> {
        self.entries
            .get(name)
            .map_or(Standing::Gone, |entry| entry.standing(now))
    }

    fn asked(&self, state: State<T>) -> Asked<T> {
        Asked {
            parked: Arc::clone(&self.parked),
            since: Instant::now(),
            state,
        }
    }

    fn board<L>(
        &self,
        name: &str,
        lookup: impl FnOnce(Arc<str>) -> L,
    ) -> (Flight<Landed<T>>, Instant)
    where
        L: Future<Output = Outcome<T>> + Send + 'static,
    {
        clear(&mut self.parked.lock());
        let name: Arc<str> = Arc::from(name);
        let lookup = lookup(Arc::clone(&name));
        let landing = land(self.entries.clone(), self.terms, Arc::clone(&name), lookup);
        self.flights.join(&name, landing)
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// One caller's question.
pub(super) struct Asked<T> {
    parked: Arc<Mutex<Parked<T>>>,
    since: Instant,
    state: State<T>,
}

enum State<T> {
    Known(Landed<T>),
    /// The lookup, and what is used if it takes beyond a moment.
    UnderWay(Flight<Landed<T>>, Option<(Held<T>, Instant)>),
}

impl<T: Clone + Send + Sync + 'static> Asked<T> {
    /// The answer. Cancel-safe: it can be waited for again.
    pub(super) async fn wait(&mut self) -> Landed<T> {
        let landed = match &mut self.state {
            State::Known(landed) => return landed.clone(),
            State::UnderWay(flight, None) => flight.await,
            State::UnderWay(flight, Some((held, deadline))) => {
                match timeout_at(*deadline, &mut *flight).await {
                    Ok(landed) => landed,
                    Err(_) => {
                        let held = held.clone();
                        self.park();
                        Ok(held)
                    }
                }
            }
        };
        self.state = State::Known(landed.clone());
        landed
    }

    /// The answer, where there was one to be had without waiting.
    pub(super) fn known(&self) -> Option<Landed<T>> {
        match &self.state {
            State::Known(landed) => Some(landed.clone()),
            State::UnderWay(..) => None,
        }
    }

    /// When the name service was asked, perhaps for somebody before.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Waits no more, but leaves the lookup for the next who asks for the name, who may find it done.
    pub(super) fn park(&mut self) {
        if let State::UnderWay(flight, _) = &self.state {
            let mut parked = self.parked.lock();
            clear(&mut parked);
            if parked.iter().any(|(_, other)| other.ptr_eq(flight)) {
                return;
            }
            if parked.len() >= MOST_PARKED {
                parked.pop_front();
            }
            parked.push_back((Instant::now(), flight.clone()));
        }
    }
}

/// Drops the lookups that have landed, and those that nobody has asked for in a long time: their queries are void.
fn clear<T: Clone>(parked: &mut Parked<T>) {
    parked.retain(|(since, flight)| since.elapsed() < LONGEST_PARKED && flight.peek().is_none());
}

async fn land<T: Clone + Send + Sync + 'static>(
    entries: Entries<T>,
    terms: Terms,
    name: Arc<str>,
    lookup: impl Future<Output = Outcome<T>>,
) -> Landed<T> {
    // Another lookup may have landed between the caller's look at the cache and its boarding of this one.
    let former = entries.get(&name);
    match former.map(|entry| entry.standing(Instant::now())) {
        Some(Standing::Fresh(held) | Standing::Spared(held)) => return Ok(held),
        Some(Standing::Refused(error)) => return Err(error),
        Some(Standing::Due(_) | Standing::Stale(_) | Standing::Doubted(_) | Standing::Gone)
        | None => {}
    }
    let outcome = AssertUnwindSafe(lookup).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| {
        let error = Error::new(ErrorKind::ResolveFailed).with_detail("the name service panicked");
        Outcome::Failed(error.with_host(&name))
    });
    let failure = match &outcome {
        Outcome::Failed(error) | Outcome::Absent(error, _) => Some(error.clone()),
        Outcome::Found(..) => None,
    };
    let now = Instant::now();
    let portion = rand::rng().random_range(EARLIEST_REFRESH..=LATEST_REFRESH);
    let former = entries.get(&name);
    let entry = Remembered::after(former.as_ref(), outcome, &terms, portion, now);
    let standing = entry.standing(now);
    entries.insert(name, entry);
    match (standing, failure) {
        (
            Standing::Fresh(held)
            | Standing::Due(held)
            | Standing::Stale(held)
            | Standing::Spared(held),
            _,
        ) => Ok(held),
        (Standing::Refused(error) | Standing::Doubted(error), _)
        | (Standing::Gone, Some(error)) => Err(error),
        // Terms of no time at all, which there are not.
        (Standing::Gone, None) => Err(Error::new(ErrorKind::ResolveFailed)),
    }
}

/// Names remembered. More than a client talks to; at most a few hundred bytes each, so a few megabytes.
const CAPACITY: u64 = 10_000;

/// A refresh is due after between four fifths and nine tenths of the time to live: early enough for it to fail once or twice, and
/// not for all clients in the same moment.
const EARLIEST_REFRESH: f64 = 0.8;
const LATEST_REFRESH: f64 = 0.9;

/// How long a caller who could have a stale answer waits for a better one. RFC 8767 §5 has 1.8 seconds for resolvers, whose clients
/// wait for five; most lookups take less than a tenth of a second.
const STALE_DELAY: Duration = Duration::from_millis(250);

/// Each holds a query and a little memory.
const MOST_PARKED: usize = 64;

/// As long as name servers are asked for one answer.
const LONGEST_PARKED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::addresses::ADDRESS_TERMS;

    /// Else a hundred callers of one host would drive out the lookups of all others.
    #[tokio::test(start_paused = true)]
    async fn a_lookup_is_parked_once() {
        let cache = Cache::<u8>::new(ADDRESS_TERMS);
        let lookup = |_: Arc<str>| std::future::pending::<Outcome<u8>>();
        for name in ["a", "a", "b", "a"] {
            cache.ask(name, lookup).park();
        }
        assert_eq!(cache.parked.lock().len(), 2);
    }
}
