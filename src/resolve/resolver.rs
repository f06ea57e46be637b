//! What the pool asks for addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::answer::Resolve;
use super::cache::Cache;
use super::dns::DnsResolver;
use super::host::Host;
use super::overrides::Overrides;
use crate::error::{Error, ErrorKind};

/// Resolves hosts, remembering the answers.
///
/// Clones share the cache. It holds up to 10,000 hosts; the least recently used ones make room. Answers are kept for
/// their time to live, but at least one second and at most a day; that a host has no address for at most five minutes;
/// a failure for one second.
#[derive(Clone, Debug)]
pub struct Resolver {
    overrides: Arc<Overrides>,
    cache: Cache,
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
        let host = Host::parse(host)?;
        if let Some(addresses) = self.overrides.find(&host, port) {
            if addresses.is_empty() {
                return Err(Error::new(ErrorKind::HostNotFound)
                    .with_detail("an override says so")
                    .with_host(&host.to_string()));
            }
            return Ok(at_port(addresses, port));
        }
        if let Some(addresses) = host.well_known() {
            return Ok(at_port(&addresses, port));
        }
        let addresses = self.cache.resolve(&host.to_string()).await?;
        Ok(at_port(&addresses, port))
    }

    /// Forgets the answer about `host`, so that the next caller asks anew, or joins a lookup under way: that one goes on
    /// and its answer is remembered. Overrides stay.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the host may or may not have been forgotten.
    pub async fn forget(&self, host: &str) {
        if let Ok(host) = Host::parse(host) {
            self.cache.forget(&host.to_string()).await;
        }
    }

    /// How many hosts would be answered from the cache now. Looks at every entry.
    pub fn cached(&self) -> usize {
        self.cache.len()
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::builder().build()
    }
}

/// Sets up a [`Resolver`].
#[derive(Clone, Debug, Default)]
pub struct ResolverBuilder {
    overrides: Overrides,
    upstream: Option<Arc<dyn Resolve>>,
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

    /// The resolver, with an empty cache.
    pub fn build(self) -> Resolver {
        let system = || Arc::new(DnsResolver::system()) as Arc<dyn Resolve>;
        Resolver {
            overrides: Arc::new(self.overrides),
            cache: Cache::new(self.upstream.unwrap_or_else(system)),
        }
    }
}

fn at_port(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addresses
        .iter()
        .map(|address| SocketAddr::new(*address, port))
        .collect()
}

#[cfg(test)]
mod tests;
