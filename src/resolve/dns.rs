//! The DNS as the system is set up to use it, through hickory.

mod https;
mod lookup;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use self::lookup::Queries;
use self::settings::Settings;
use super::answer::{Answer, Resolve};
use super::family::Family;
use super::host::Host;
use super::service::Services;
use crate::error::Error;

/// Asks name servers for IPv4 and IPv6 addresses at once, and for HTTPS records.
///
/// It neither reads files nor needs a runtime until it is used; then it needs a tokio runtime with I/O and time. It
/// does not cache: that is the [`Resolver`](super::Resolver)'s part.
///
/// Names are completed from the system's search list as resolv.conf(5) says, except those with a trailing dot.
///
/// `localhost` and the names below it are loopback without asking (RFC 6761 §6.3). Name servers that do not answer are
/// asked again for ten seconds at the most, less where `resolv.conf` says so. The address families are asked for
/// [apart](Resolve::tells_families_apart); where both are wanted in one answer and one is not there, it is given half a
/// second more, and the answer half a minute of validity. A failure of the name servers is never taken for the absence
/// of the host.
#[derive(Debug)]
pub struct DnsResolver {
    source: Source,
    loaded: Mutex<Loaded>,
    queries: Queries,
}

impl DnsResolver {
    /// The name servers, search list and hosts file of the system.
    ///
    /// They are read on first use and again when they are used half a minute later, so that a change of network is
    /// noticed. Unreadable ones are an error of kind [`ResolveFailed`](crate::ErrorKind::ResolveFailed) at use; an
    /// unreadable hosts file counts as empty.
    pub fn system() -> Self {
        Self::new(Source::System)
    }

    /// These name servers, over UDP and, for what does not fit, over TCP; no search list and no hosts file.
    ///
    /// The quickest are preferred, two are asked at a time. Without any, every lookup fails.
    pub fn with_name_servers(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self::new(Source::NameServers(servers.into_iter().collect()))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            loaded: Mutex::new(Loaded::now()),
            queries: Queries::default(),
        }
    }

    async fn settings(&self) -> Result<Arc<Settings>, Error> {
        let cell = self.current();
        let settings = cell
            .get_or_try_init(|| Settings::load(&self.source))
            .await?;
        Ok(Arc::clone(settings))
    }

    fn current(&self) -> Arc<OnceCell<Arc<Settings>>> {
        let mut loaded = self.loaded.lock();
        let may_change = matches!(self.source, Source::System);
        if may_change && loaded.since.elapsed() >= SETTINGS_VALIDITY {
            *loaded = Loaded::now();
        }
        Arc::clone(&loaded.settings)
    }
}

impl Resolve for DnsResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        lookup::both_families(
            self.resolve_family(host, Family::V6),
            self.resolve_family(host, Family::V4),
        )
        .boxed()
    }

    fn tells_families_apart(&self) -> bool {
        true
    }

    fn resolve_family<'a>(
        &'a self,
        host: &'a str,
        family: Family,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        async move {
            let host = Host::parse(host)?;
            if let Some(addresses) = host.well_known() {
                return Ok(Answer::new(addresses, WELL_KNOWN_VALIDITY).of(family));
            }
            let settings = self.settings().await?;
            self.queries
                .look_up(&settings, &host.to_string(), family)
                .await
        }
        .boxed()
    }

    fn services<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Services, Error>> {
        async move {
            let host = Host::parse(host)?;
            if host.well_known().is_some() {
                return Ok(Services::none(WELL_KNOWN_VALIDITY));
            }
            let settings = self.settings().await?;
            https::look_up(&settings, &host.to_string(), port).await
        }
        .boxed()
    }
}

#[derive(Debug)]
enum Source {
    NameServers(Vec<SocketAddr>),
    System,
}

/// One generation of settings: whoever comes first loads them, the others wait for it.
#[derive(Debug)]
struct Loaded {
    settings: Arc<OnceCell<Arc<Settings>>>,
    since: Instant,
}

impl Loaded {
    fn now() -> Self {
        Self {
            settings: Arc::default(),
            since: Instant::now(),
        }
    }
}

/// Long enough not to read files for each of a burst of lookups, short enough for a laptop that changes networks.
const SETTINGS_VALIDITY: Duration = Duration::from_secs(30);

/// They never change.
const WELL_KNOWN_VALIDITY: Duration = Duration::MAX;

#[cfg(test)]
mod tests;
