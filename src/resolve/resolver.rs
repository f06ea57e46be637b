//! What the pool asks for addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::addresses::{ADDRESS_TERMS, Addresses, Questions};
use super::answer::Resolve;
use super::cache::{Asked, Cache};
use super::dns::DnsResolver;
use super::host::Host;
use super::lookup::{Lookup, UnderWay};
use super::overrides::Overrides;
use super::remembered::{Outcome, Terms};
use super::resolved::Resolved;
use super::service::Services;
use crate::error::{Error, ErrorKind};

/// Resolves hosts, remembering the answers.
///
/// Clones share the cache. It holds up to 10,000 hosts; the least recently used ones make room. Answers are kept for
/// their time to live, but at least one second and at most a day; that a host has no address for at most five minutes;
/// a failure for one second. Where the name service [tells the families apart](Resolve::tells_families_apart), all of
/// this holds for each family by itself: what becomes of one says nothing about the other.
///
/// An answer that has run out is used for a day more where asking anew fails, or takes beyond a quarter of a second
/// (RFC 8767); it ends when the name service says that the host has no address. Nothing is asked unless somebody calls:
/// to have an answer renewed before it runs out, [`refresh`](Self::refresh) it when
/// [`refresh_due`](Self::refresh_due) says so.
#[derive(Clone, Debug)]
pub struct Resolver {
    overrides: Arc<Overrides>,
    upstream: Arc<dyn Resolve>,
    addresses: Addresses,
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
    /// `host` is a name or an address; names are compared without regard to case, IPv6 addresses may stand in brackets. A
    /// name with a trailing dot is no search list's to complete, and so another than the one without; overrides are for both.
    ///
    /// The order says nothing about preference. Simultaneous callers for a host share one lookup.
    /// Addresses of one family wait half a second for those of the other; a dial, which can take them one after the other,
    /// waits 50 ms where IPv4 comes first, and not at all where IPv6 does (RFC 8305 §3).
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
        self.begin(host, port, false)?.whole().await
    }

    /// As [`look_up`](Self::look_up) for a host that is to be reached by https: its HTTPS records (RFC 9460) are asked for
    /// beside its addresses.
    ///
    /// They are waited for 50 ms after the addresses are there, and a failure to get them is as if there were none. A dial
    /// does not wait for them at all. They are made use of as follows:
    ///
    /// * Their protocols are a hint for the pool of what the server speaks; its handshake decides.
    /// * Their address hints are used when the addresses are not there 50 ms after them, or cannot be had.
    /// * A host that has no address, and no hint, is looked for at the name and port of its preferred service, or at the
    ///   name of which it is an alias.
    ///
    /// Services for protocols that do not run over TCP are passed over. Not acted upon are a service's name and port where
    /// the host has addresses of its own: clients that do not know such records are served there, and a host whose
    /// connections go to several ports of several names is more than a pool keeps count of. Nor is ECH, which is not sent;
    /// nor the upgrade of `http` to `https` (RFC 9460 §9.5), which is for who writes the URL.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// As [`resolve`](Self::resolve).
    pub async fn look_up_https(&self, host: &str, port: u16) -> Result<Resolved, Error> {
        self.begin(host, port, true)?.whole().await
    }

    /// Begins to look up `host`, with its HTTPS records if it is to be reached by https. Whoever connects takes the answers as they
    /// come.
    pub(crate) fn begin(&self, host: &str, port: u16, by_https: bool) -> Result<Lookup, Error> {
        let host = Host::parse(host)?;
        Ok(match self.fixed(&host, port)? {
            Some(fixed) => Lookup::Fixed(Some(fixed)),
            None => {
                let with_records = by_https && self.https_records;
                let lookup = UnderWay::begin(self, &host.to_string(), port, with_records);
                Lookup::UnderWay(Box::new(lookup))
            }
        })
    }

    /// Whether the answer about `host` runs out soon or has run out, so that somebody should [`refresh`](Self::refresh) it.
    /// False for a host that was not asked for, has no address, or could not be refreshed a moment ago. That a host has
    /// addresses of one family only is to be refreshed too.
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
        self.addresses.refresh(&host.to_string()).await
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
            return Ok(Some(Resolved::fixed(all_at_port(addresses, port))));
        }
        let well_known = host.well_known();
        Ok(well_known.map(|addresses| Resolved::fixed(all_at_port(&addresses, port))))
    }

    pub(super) fn ask_addresses(&self, host: &str) -> Questions {
        self.addresses.ask(host)
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
        let upstream = self.upstream.unwrap_or_else(system);
        Resolver {
            overrides: Arc::new(self.overrides),
            addresses: Addresses::new(Arc::clone(&upstream)),
            upstream,
            services: Cache::new(SERVICE_TERMS),
            https_records: self.https_records,
        }
    }
}

pub(super) fn all_at_port(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addresses
        .iter()
        .map(|address| at_port(*address, port))
        .collect()
}

/// An IPv4 address written as an IPv6 one is the IPv4 address: as such it is counted, listed, and connected to from this machine's.
pub(super) fn at_port(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}

const SERVICE_TERMS: Terms = Terms {
    // Each lookup may hold up an answer for a moment, for what is only a hint.
    failure: Duration::from_secs(60),
    ..ADDRESS_TERMS
};

#[cfg(test)]
mod tests;
