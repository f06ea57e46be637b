//! What is known of hosts' addresses: of each family by itself where the name service can be asked so, else of both at once.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};
use tokio::time::Instant;

use super::answer::{Answer, Resolve};
use super::cache::{Asked, Cache};
use super::family::{Families, Family};
use super::remembered::{Held, Outcome, Terms};
use crate::error::{Error, ErrorKind};

/// An answer as it is remembered.
pub(super) type Landed = Result<Held<Arc<[IpAddr]>>, Error>;

type Known = Cache<Arc<[IpAddr]>>;

#[derive(Clone, Debug)]
pub(super) struct Addresses {
    upstream: Arc<dyn Resolve>,
    known: ByFamily,
}

#[derive(Clone, Debug)]
enum ByFamily {
    Together(Known),
    Apart { v6: Known, v4: Known },
}

impl Addresses {
    pub(super) fn new(upstream: Arc<dyn Resolve>) -> Self {
        let known = match upstream.tells_families_apart() {
            true => ByFamily::Apart {
                v6: Cache::new(ADDRESS_TERMS),
                v4: Cache::new(ADDRESS_TERMS),
            },
            false => ByFamily::Together(Cache::new(ADDRESS_TERMS)),
        };
        Self { upstream, known }
    }

    pub(super) fn ask(&self, host: &str) -> Questions {
        match &self.known {
            ByFamily::Together(both) => Questions::Together(both.ask(host, self.lookup(None))),
            ByFamily::Apart { v6, v4 } => Questions::Apart {
                v6: v6.ask(host, self.lookup(Some(Family::V6))),
                v4: v4.ask(host, self.lookup(Some(Family::V4))),
            },
        }
    }

    /// When somebody should refresh what is known of `host`.
    pub(super) fn due(&self, host: &str) -> Option<Instant> {
        let (v6, v4) = match &self.known {
            ByFamily::Together(both) => return both.due(host),
            ByFamily::Apart { v6, v4 } => (v6, v4),
        };
        // That a host has none of one family is of interest where it has the other.
        let denied = |one: &Known, other: &Known| match other.has_value(host) {
            true => one.doubtful_from(host),
            false => None,
        };
        let due = [v6.due(host), v4.due(host), denied(v6, v4), denied(v4, v6)];
        due.into_iter().flatten().min()
    }

    /// # Errors
    ///
    /// Where no family has an answer.
    pub(super) async fn refresh(&self, host: &str) -> Result<(), Error> {
        let (v6, v4) = match &self.known {
            ByFamily::Together(both) => {
                both.refresh(host, self.lookup(None)).await?;
                return Ok(());
            }
            ByFamily::Apart { v6, v4 } => {
                join(
                    v6.refresh(host, self.lookup(Some(Family::V6))),
                    v4.refresh(host, self.lookup(Some(Family::V4))),
                )
                .await
            }
        };
        match (v6, v4) {
            (Err(one), Err(other)) => Err(the_graver(one, other)),
            _ => Ok(()),
        }
    }

    pub(super) fn forget(&self, host: &str) {
        match &self.known {
            ByFamily::Together(both) => both.forget(host),
            ByFamily::Apart { v6, v4 } => {
                v6.forget(host);
                v4.forget(host);
            }
        }
    }

    /// How many hosts are answered without asking.
    pub(super) fn len(&self) -> usize {
        match &self.known {
            ByFamily::Together(both) => both.unasked().count(),
            ByFamily::Apart { v6, v4 } => {
                let v6: HashSet<_> = v6.unasked().collect();
                v4.unasked().filter(|host| v6.contains(host)).count()
            }
        }
    }

    /// `None` is both at once.
    fn lookup(
        &self,
        family: Option<Family>,
    ) -> impl FnOnce(Arc<str>) -> BoxFuture<'static, Outcome<Arc<[IpAddr]>>> + use<> {
        let upstream = Arc::clone(&self.upstream);
        move |host| {
            async move {
                let answer = match family {
                    None => upstream.resolve(&host).await,
                    Some(family) => {
                        let answer = upstream.resolve_family(&host, family).await;
                        answer.map(|answer| answer.of(family))
                    }
                };
                outcome(answer, &host)
            }
            .boxed()
        }
    }
}

/// A caller's questions about one host.
pub(super) enum Questions {
    Together(Asked<Arc<[IpAddr]>>),
    Apart {
        v6: Asked<Arc<[IpAddr]>>,
        v4: Asked<Arc<[IpAddr]>>,
    },
}

impl Questions {
    /// The next answer about one of the families in `open`, and which families it is about. Cancel-safe. Does not return where no
    /// family is open.
    pub(super) async fn next(&mut self, open: Families) -> (Families, Landed) {
        let of = |family| Families::NONE.with(family);
        match self {
            Self::Together(both) if open != Families::NONE => (Families::BOTH, both.wait().await),
            Self::Together(_) => std::future::pending().await,
            Self::Apart { v6, v4 } => tokio::select! {
                biased;
                landed = v6.wait(), if open.contains(Family::V6) => (of(Family::V6), landed),
                landed = v4.wait(), if open.contains(Family::V4) => (of(Family::V4), landed),
                else => std::future::pending().await,
            },
        }
    }

    /// What was known when it was asked.
    pub(super) fn known(&self) -> Vec<(Families, Landed)> {
        let of = |family| Families::NONE.with(family);
        let known = match self {
            Self::Together(both) => vec![(Families::BOTH, both.known())],
            Self::Apart { v6, v4 } => {
                vec![(of(Family::V6), v6.known()), (of(Family::V4), v4.known())]
            }
        };
        let known = known.into_iter();
        known
            .filter_map(|(families, landed)| Some((families, landed?)))
            .collect()
    }

    /// Since when a family has been asked for.
    pub(super) fn since(&self, family: Family) -> Instant {
        match (self, family) {
            (Self::Together(both), _) => both.since(),
            (Self::Apart { v6, .. }, Family::V6) => v6.since(),
            (Self::Apart { v4, .. }, Family::V4) => v4.since(),
        }
    }

    /// Leaves what is under way to the next who asks.
    pub(super) fn park(&mut self) {
        match self {
            Self::Together(both) => both.park(),
            Self::Apart { v6, v4 } => {
                v6.park();
                v4.park();
            }
        }
    }
}

/// That something could not be found out says less than that it is not there, of which the other may be wrong.
pub(super) fn the_graver(one: Error, other: Error) -> Error {
    match one.kind() {
        ErrorKind::HostNotFound => other,
        _ => one,
    }
}

fn outcome(answer: Result<Answer, Error>, host: &str) -> Outcome<Arc<[IpAddr]>> {
    match answer {
        Ok(answer) if answer.is_empty() => Outcome::Absent(
            Error::new(ErrorKind::HostNotFound).with_host(host),
            answer.valid_for().min(MAX_NEGATIVE_VALIDITY),
        ),
        Ok(answer) => Outcome::Found(distinct(answer.addresses()), answer.valid_for()),
        // As an error it says as much as an empty answer, only not for how long.
        Err(error) if error.kind() == ErrorKind::HostNotFound => {
            Outcome::Absent(error.with_host(host), ADDRESS_TERMS.failure)
        }
        Err(error) => Outcome::Failed(error.with_host(host)),
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

/// More than any real host publishes, and more than a dial can try; an answer over TCP may hold 4,000.
pub(super) const MAX_ADDRESSES_PER_FAMILY: usize = 32;

pub(super) const ADDRESS_TERMS: Terms = Terms {
    // A time to live of 0 would turn every dial of a burst into a query.
    shortest: Duration::from_secs(1),
    // RFC 8767 §4 advises a cap of days to weeks; a client that stays up for months should notice a move within one.
    longest: Duration::from_secs(24 * 60 * 60),
    // Failing servers must not be asked in a storm (RFC 9520 §3.2 wants at least one second), but may recover any moment.
    failure: Duration::from_secs(1),
};

/// A host that was just created should not stay missing for long. RFC 2308 §5 would allow three hours.
const MAX_NEGATIVE_VALIDITY: Duration = Duration::from_secs(5 * 60);

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
