//! What the pool asks for addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::answer::{Answer, Resolve};
use super::cache::{Asked, Cache};
use super::dns::DnsResolver;
use super::host::Host;
use super::origin_lookup::look_up_origin;
use super::overrides::Overrides;
use super::remembered::{Outcome, Terms};
use super::resolved::Resolved;
use super::service::Services;
use crate::error::{Error, ErrorKind};

/// Resolves hosts, remembering the answers.
///
/// Clones share the cache. It holds up to 10,000 hosts; the least recently used ones make room. Answers are kept for
/// their time to live, but at least one second and at most a day; that a host has no address for at most five minutes;
/// a failure for one second.
///
/// An answer that has run out is used for a day more where asking anew fails, or takes beyond a quarter of a second
/// (RFC 8767); it ends when the name service says that the host has no address. Nothing is asked unless somebody calls:
/// to have an answer renewed before it runs out, [`refresh`](Self::refresh) it when
/// [`refresh_due`](Self::refresh_due) says so.
#[derive(Clone, Debug)]
pub struct Resolver {
    overrides: Arc<Overrides>,
    upstream: Arc<dyn Resolve>,
    addresses: Cache<Arc<[IpAddr]>>,
    services: Cache<Arc<Services>>,
    https_records: bool,
}

impl Resolver {
    /// Sets up a resolver. Needs no runtime, reads no file.
    pub fn builder() -> ResolverBuilder {
        ResolverBuilder::default()
    }

    /// The addresses of `host`, each with `port`.
    ///
    /// `host` is a name or an address; names are compared without regard to case and trailing dot, IPv6 addresses may
    /// stand in brackets. The order says nothing about preference. Simultaneous callers for a host share one lookup.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](ErrorKind::InvalidTarget) when `host` is none, [`HostNotFound`](ErrorKind::HostNotFound) when
    /// it has no address, and what the [`Resolve`] fails with. There is no deadline beyond that of the name service:
    /// the caller sets one.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any point. The lookup goes on for the sake of others who wait for it, and ends when there are
    /// none.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let resolved = self.look_up(host, port).await?;
        Ok(resolved.into_addresses())
    }

    /// As [`resolve`](Self::resolve), and says how long the answer holds and whether it is stale.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Self::resolve).
    pub async fn look_up(&self, host: &str, port: u16) -> Result<Resolved, Error> {
        let host = Host::parse(host)?;
        match self.fixed(&host, port)? {
            Some(fixed) => Ok(fixed),
            None => {
                let held = self.ask_addresses(&host.to_string()).wait().await?;
                Ok(Resolved {
                    addresses: at_port(&held.value, port),
                    valid_until: Some(held.until),
                    is_stale: held.is_stale,
                    services: None,
                })
            }
        }
    }

    /// As [`look_up`](Self::look_up) for a host that is to be reached by https: its HTTPS records (RFC 9460) are asked for
    /// beside its addresses.
    ///
    /// They are waited for 50 ms after the addresses are there, and a failure to get them is as if there were none. Their
    /// address hints are used when the addresses are not there 50 ms after them, or cannot be had; without hints, a host
    /// that has no address is looked for at the name that the records give. Nothing else of them is acted upon.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Self::resolve).
    pub async fn look_up_https(&self, host: &str, port: u16) -> Result<Resolved, Error> {
        if !self.https_records {
            return self.look_up(host, port).await;
        }
        let host = Host::parse(host)?;
        match self.fixed(&host, port)? {
            Some(fixed) => Ok(fixed),
            None => look_up_origin(self, &host.to_string(), port).await,
        }
    }

    /// Whether the answer about `host` runs out soon or has run out, so that somebody should [`refresh`](Self::refresh) it.
    /// False for a host that was not asked for, has no address, or could not be refreshed a moment ago.
    pub fn refresh_due(&self, host: &str) -> bool {
        self.next_refresh(host)
            .is_some_and(|due| due <= Instant::now())
    }

    /// From when on a [refresh](Self::refresh_due) of the answer about `host` is due, as of what is known now; `None` when there is
    /// nothing to refresh.
    pub fn next_refresh(&self, host: &str) -> Option<Instant> {
        let host = Host::parse(host).ok()?;
        self.addresses.due(&host.to_string())
    }

    /// Asks for `host` anew if that is [due](Self::refresh_due) or nothing is known of it; callers who ask meanwhile share
    /// the lookup. Does nothing for hosts that need no lookup.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve). That the name service failed while the former answer can still be used is none.
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Self::resolve).
    pub async fn refresh(&self, host: &str) -> Result<(), Error> {
        let host = Host::parse(host)?;
        if host.well_known().is_some() {
            return Ok(());
        }
        let lookup = self.address_lookup();
        self.addresses.refresh(&host.to_string(), lookup).await?;
        Ok(())
    }

    /// Forgets the answer about `host`, so that the next caller asks anew, or joins a lookup under way: that one goes on
    /// and its answer is remembered. Overrides stay.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the host may or may not have been forgotten.
    pub async fn forget(&self, host: &str) {
        if let Ok(host) = Host::parse(host) {
            self.addresses.forget(&host.to_string());
            let prefix = format!("{host}:");
            self.services.forget_all(|name| name.starts_with(&prefix));
        }
    }

    /// How many hosts would be answered without asking now. Looks at every entry.
    pub fn cached(&self) -> usize {
        self.addresses.len()
    }

    /// What needs no name service.
    fn fixed(&self, host: &Host, port: u16) -> Result<Option<Resolved>, Error> {
        if let Some(addresses) = self.overrides.find(host, port) {
            if addresses.is_empty() {
                return Err(Error::new(ErrorKind::HostNotFound)
                    .with_detail("an override says so")
                    .with_host(&host.to_string()));
            }
            return Ok(Some(Resolved::fixed(at_port(addresses, port))));
        }
        let well_known = host.well_known();
        Ok(well_known.map(|addresses| Resolved::fixed(at_port(&addresses, port))))
    }

    pub(super) fn ask_addresses(&self, host: &str) -> Asked<Arc<[IpAddr]>> {
        self.addresses.ask(host, self.address_lookup())
    }

    pub(super) fn ask_services(&self, host: &str, port: u16) -> Asked<Arc<Services>> {
        let upstream = Arc::clone(&self.upstream);
        let host: Arc<str> = host.into();
        // The host comes first, so that all ports of it can be forgotten.
        self.services
            .ask(&format!("{host}:{port}"), move |_| async move {
                match upstream.services(&host, port).await {
                    Ok(services) => {
                        let valid_for = services.valid_for();
                        Outcome::Found(Arc::new(services), valid_for)
                    }
                    Err(error) => Outcome::Failed(error.with_host(&host)),
                }
            })
    }

    fn address_lookup(
        &self,
    ) -> impl FnOnce(Arc<str>) -> BoxFuture<'static, Outcome<Arc<[IpAddr]>>> + use<> {
        let upstream = Arc::clone(&self.upstream);
        move |host| async move { outcome(upstream.resolve(&host).await, &host) }.boxed()
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::builder().build()
    }
}

/// Sets up a [`Resolver`].
#[derive(Clone, Debug)]
pub struct ResolverBuilder {
    overrides: Overrides,
    upstream: Option<Arc<dyn Resolve>>,
    https_records: bool,
}

impl Default for ResolverBuilder {
    fn default() -> Self {
        Self {
            overrides: Overrides::new(),
            upstream: None,
            https_records: true,
        }
    }
}

impl ResolverBuilder {
    /// Fixed addresses, which come before everything else. Default: none.
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Who is asked for what is not in the cache. Default: [`DnsResolver::system`].
    pub fn upstream(mut self, upstream: Arc<dyn Resolve>) -> Self {
        self.upstream = Some(upstream);
        self
    }

    /// Whether HTTPS records (RFC 9460) are asked for beside the addresses of hosts that are to be reached by https.
    /// Default: yes, which means one query more for each.
    pub fn https_records(mut self, ask: bool) -> Self {
        self.https_records = ask;
        self
    }

    /// The resolver, with an empty cache.
    pub fn build(self) -> Resolver {
        let system = || Arc::new(DnsResolver::system()) as Arc<dyn Resolve>;
        Resolver {
            overrides: Arc::new(self.overrides),
            upstream: self.upstream.unwrap_or_else(system),
            addresses: Cache::new(ADDRESS_TERMS),
            services: Cache::new(SERVICE_TERMS),
            https_records: self.https_records,
        }
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

pub(super) fn at_port(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addresses
        .iter()
        .map(|address| SocketAddr::new(*address, port))
        .collect()
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

const ADDRESS_TERMS: Terms = Terms {
    // A time to live of 0 would turn every dial of a burst into a query.
    shortest: Duration::from_secs(1),
    // RFC 8767 §4 advises a cap of days to weeks; a client that stays up for months should notice a move within one.
    longest: Duration::from_secs(24 * 60 * 60),
    // Failing servers must not be asked in a storm (RFC 9520 §3.2 wants at least one second), but may recover any moment.
    failure: Duration::from_secs(1),
};

const SERVICE_TERMS: Terms = Terms {
    // Each lookup may hold up an answer for a moment, for what is only a hint.
    failure: Duration::from_secs(60),
    ..ADDRESS_TERMS
};

/// A host that was just created should not stay missing for long. RFC 2308 §5 would allow three hours.
const MAX_NEGATIVE_VALIDITY: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests;
