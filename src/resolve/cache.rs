//! Answers kept for as long as they are valid.

use std::fmt;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use moka::policy::EvictionPolicy;
use tokio::time::Instant;

use super::answer::{Answer, Resolve};
use super::flight::Flights;
use crate::error::{Error, ErrorKind};

/// A name service that is asked only when its last answer has run out.
#[derive(Clone)]
pub(super) struct Cache {
    entries: Entries,
    flights: Arc<Flights<Addresses>>,
    upstream: Arc<dyn Resolve>,
}

pub(super) type Addresses = Result<Arc<[IpAddr]>, Error>;

/// moka bounds the number; its own clock cannot be paused, so an entry's age is judged by the deadline in it.
type Entries = moka::future::Cache<Arc<str>, Entry>;

impl Cache {
    pub(super) fn new(upstream: Arc<dyn Resolve>) -> Self {
        Self {
            // The default policy may refuse a newcomer for the sake of popular hosts; each dial to it would ask again.
            entries: Entries::builder()
                .max_capacity(CAPACITY)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            flights: Arc::new(Flights::new()),
            upstream,
        }
    }

    pub(super) async fn resolve(&self, host: &str) -> Addresses {
        if let Some(entry) = fresh(&self.entries, host).await {
            return entry.addresses;
        }
        let host = Arc::from(host);
        let lookup = look_up(
            self.entries.clone(),
            Arc::clone(&self.upstream),
            Arc::clone(&host),
        );
        self.flights.join(&host, lookup).await
    }

    pub(super) async fn forget(&self, host: &str) {
        self.entries.invalidate(host).await;
    }

    pub(super) fn len(&self) -> usize {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.is_fresh())
            .count()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

async fn look_up(entries: Entries, upstream: Arc<dyn Resolve>, host: Arc<str>) -> Addresses {
    // Another lookup may have landed between the caller's look at the cache and its boarding of this one.
    if let Some(entry) = fresh(&entries, &host).await {
        return entry.addresses;
    }
    let answer = AssertUnwindSafe(async { upstream.resolve(&host).await })
        .catch_unwind()
        .await;
    let answer = answer.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::ResolveFailed).with_detail("the name service panicked"))
    });
    let entry = Entry::new(answer, &host);
    entries.insert(host, entry.clone()).await;
    entry.addresses
}

async fn fresh(entries: &Entries, host: &str) -> Option<Entry> {
    entries.get(host).await.filter(Entry::is_fresh)
}

#[derive(Clone)]
struct Entry {
    addresses: Addresses,
    fresh_until: Instant,
}

impl Entry {
    fn new(answer: Result<Answer, Error>, host: &str) -> Self {
        let not_found = || Error::new(ErrorKind::HostNotFound).with_host(host);
        let (addresses, valid_for) = match answer {
            Ok(answer) if answer.is_empty() => (
                Err(not_found()),
                answer
                    .valid_for()
                    .clamp(MIN_VALIDITY, MAX_NEGATIVE_VALIDITY),
            ),
            Ok(answer) => (
                Ok(distinct(answer.addresses())),
                answer.valid_for().clamp(MIN_VALIDITY, MAX_VALIDITY),
            ),
            Err(error) => (Err(error.with_host(host)), FAILURE_VALIDITY),
        };
        Self {
            addresses,
            fresh_until: Instant::now() + valid_for,
        }
    }

    fn is_fresh(&self) -> bool {
        Instant::now() < self.fresh_until
    }
}

/// The addresses without repetitions, and of each family no more than an entry may hold.
fn distinct(addresses: &[IpAddr]) -> Arc<[IpAddr]> {
    let mut kept: Vec<IpAddr> = Vec::new();
    for address in addresses {
        let family = kept.iter().filter(|one| one.is_ipv4() == address.is_ipv4());
        if !kept.contains(address) && family.count() < MAX_ADDRESSES_PER_FAMILY {
            kept.push(*address);
        }
    }
    kept.into()
}

/// Hosts remembered. More than a client talks to; at most a few hundred bytes each, so a few megabytes.
const CAPACITY: u64 = 10_000;

/// More than any real host publishes, and more than a dial can try; an answer over TCP may hold 4,000.
const MAX_ADDRESSES_PER_FAMILY: usize = 32;

/// A time to live of 0 would turn every dial of a burst into a query.
const MIN_VALIDITY: Duration = Duration::from_secs(1);

/// RFC 8767 §4 advises a cap of days to weeks; a client that stays up for months should notice a move within one.
const MAX_VALIDITY: Duration = Duration::from_secs(24 * 60 * 60);

/// A host that was just created should not stay missing for long. RFC 2308 §5 would allow three hours.
const MAX_NEGATIVE_VALIDITY: Duration = Duration::from_secs(5 * 60);

/// Failing servers must not be asked in a storm (RFC 9520 §3.2 wants at least one second), but may recover any moment.
const FAILURE_VALIDITY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_surplus_addresses_are_dropped_per_family() {
        let v4 = (0..=255).map(|last| IpAddr::from([192, 0, 2, last]));
        let v6 = (0..2).map(|last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]));
        let addresses: Vec<_> = v4.clone().chain(v4).chain(v6.clone()).chain(v6).collect();
        let kept = distinct(&addresses);
        assert_eq!(kept.len(), MAX_ADDRESSES_PER_FAMILY + 2);
        assert!(kept.last().unwrap().is_ipv6());
    }
}
