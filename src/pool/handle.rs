//! The handles that a program holds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use super::acquire::Site;
use super::builder::PoolBuilder;
use super::connection::Connection;
use super::host::{Acquired, HostPool};
use super::key::HostKeyRef;
use super::shared::Shared;
use super::stats::PoolStats;
use super::target::AsTarget;
use crate::config::Config;
use crate::dial::Origin;
use crate::error::Result;
use crate::registry::Registry;

/// A deadline is added to the clock's time, which has an end. As long as [`acquire_timeout`](Config::acquire_timeout) may be.
const LONGEST_PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);

/// A pool of hot connections. Cloning is cheap; all clones are the same pool.
///
/// The pool's tasks run on the runtime on which it was [built](Pool::builder). It may be used from any number of other runtimes, and
/// without one; when its own has ended, every call fails with [`RuntimeGone`](crate::ErrorKind::RuntimeGone).
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shared>);

impl Pool {
    /// A pool to be set up; its defaults need nothing.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// A connection to `target` (`host`, `host:port`, a URL or a [`Target`](super::Target)).
    ///
    /// If one is there and free, this costs well under a microsecond: no DNS, no TCP, no TLS, no lock, no allocation. If not, it waits
    /// its turn, first come first served, until [`acquire_timeout`](Config::acquire_timeout).
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](crate::ErrorKind::InvalidTarget); whatever kept the connection from being made (name resolution, TCP, TLS,
    /// certificate, SETTINGS); [`AcquireTimeout`](crate::ErrorKind::AcquireTimeout), which names the limit that stood in the way;
    /// [`QueueFull`](crate::ErrorKind::QueueFull); [`PoolClosed`](crate::ErrorKind::PoolClosed).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives back whatever it had been given; a dial that it caused goes on, and its connection is kept.
    #[track_caller]
    pub fn get(&self, target: impl AsTarget) -> impl Future<Output = Result<Connection>> {
        self.get_at(target, None, Site::caller())
    }

    /// As [`get`](Self::get), waiting no longer than `patience` in place of [`acquire_timeout`](Config::acquire_timeout), be that longer or
    /// shorter. Zero waits for nothing: what is not free now fails, and a dial that was missing begins.
    ///
    /// Who waits for one host is served in the order of coming, whatever each one's deadline is; whoever has waited long enough leaves the
    /// queue from wherever it stands.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn get_within(
        &self,
        target: impl AsTarget,
        patience: Duration,
    ) -> impl Future<Output = Result<Connection>> {
        self.get_at(target, Some(patience), Site::caller())
    }

    pub(crate) async fn get_at(
        &self,
        target: impl AsTarget,
        patience: Option<Duration>,
        site: Site,
    ) -> Result<Connection> {
        let found = self.0.with_key(&target, |key| {
            let lease = self.0.hosts.with(key, |host| host.try_acquire()).flatten();
            lease.ok_or_else(|| self.0.host_pool(key))
        })?;
        let host = match found {
            Ok(lease) => return Ok(Connection::at(lease, site)),
            Err(host) => host,
        };
        drop(target);
        // Boxed, so that the future stays small for those who find a connection at once.
        let connection = Box::pin(host.connection(patience)).await?;
        connection.locate(site);
        Ok(connection)
    }

    /// A connection to `target` if one is there and free now.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](crate::ErrorKind::InvalidTarget).
    #[track_caller]
    pub fn try_get(&self, target: impl AsTarget) -> Result<Option<Connection>> {
        let site = Site::caller();
        let lease = self.0.with_key(&target, |key| {
            self.0
                .hosts
                .with(key, |host| host.try_acquire_or_prove())
                .flatten()
        })?;
        Ok(lease.map(|lease| Connection::at(lease, site)))
    }

    /// A handle for one host: its [`get`](Host::get) saves looking the host up. It keeps the profile, verification policy and protocols
    /// that the pool has now, also when those are [changed](Self::reconfigure) later.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`](crate::ErrorKind::InvalidTarget).
    pub fn host(&self, target: impl AsTarget) -> Result<Host> {
        let host = self.host_pool(&target)?;
        Ok(Host {
            host,
            _pool: Arc::clone(&self.0),
        })
    }

    /// The addresses of a host as a dial would see them: by the pool's resolver, its overrides and its cache, without those that the
    /// access list denies. `host` may be an address itself.
    ///
    /// # Errors
    ///
    /// Those of name resolution; [`AddressDenied`](crate::ErrorKind::AddressDenied) when no address may be dialed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the question, unless others wait for its answer.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        self.0.dialer.addresses(host, port).await
    }

    /// The pool in numbers. Costs a walk over its connections.
    pub fn stats(&self) -> PoolStats {
        self.0.stats()
    }

    /// Its limits and deadlines.
    pub fn config(&self) -> Arc<Config> {
        self.0.config()
    }

    /// Where its connections are registered, those being dialed included.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    pub(super) fn host_pool(&self, target: &impl AsTarget) -> Result<Arc<HostPool>> {
        self.0.with_key(target, |key| self.0.host_pool(key))
    }
}

/// One host of a pool. Cloning is cheap; while one exists, its pool does too.
#[derive(Clone, Debug)]
pub struct Host {
    host: Arc<HostPool>,
    _pool: Arc<Shared>,
}

impl Host {
    /// A connection, as [`Pool::get`] hands out.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    #[track_caller]
    pub fn get(&self) -> impl Future<Output = Result<Connection>> {
        let site = Site::caller();
        async move {
            if let Some(lease) = self.host.try_acquire_or_prove() {
                return Ok(Connection::at(lease, site));
            }
            // Boxed, so that the future stays small for those who find a connection at once.
            let connection = Box::pin(self.host.connection(None)).await?;
            connection.locate(site);
            Ok(connection)
        }
    }

    /// A connection, as [`Pool::get_within`] hands out.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    #[track_caller]
    pub fn get_within(&self, patience: Duration) -> impl Future<Output = Result<Connection>> {
        self.get_at(Some(patience), Site::caller())
    }

    async fn get_at(&self, patience: Option<Duration>, site: Site) -> Result<Connection> {
        if let Some(lease) = self.host.try_acquire_or_prove() {
            return Ok(Connection::at(lease, site));
        }
        // Boxed, so that the future stays small for those who find a connection at once.
        let connection = Box::pin(self.host.connection(patience)).await?;
        connection.locate(site);
        Ok(connection)
    }

    /// A connection if one is there and free now.
    #[track_caller]
    pub fn try_get(&self) -> Option<Connection> {
        let site = Site::caller();
        let lease = self.host.try_acquire_or_prove()?;
        Some(Connection::at(lease, site))
    }

    pub(super) fn pool_of(&self) -> &Arc<HostPool> {
        &self.host
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.host.key().origin
    }
}

impl Shared {
    pub(super) fn host_pool(self: &Arc<Self>, key: HostKeyRef<'_>) -> Arc<HostPool> {
        self.hosts
            .find_or_insert(key, |key| HostPool::new(key, self))
    }
}

impl HostPool {
    /// A connection, before `patience` has passed, or the pool's. Cancel-safe.
    pub(super) async fn connection(
        self: &Arc<Self>,
        patience: Option<Duration>,
    ) -> Result<Connection> {
        let since = Instant::now();
        let origin = &self.key().origin;
        let span = tracing::debug_span!("acquire", host = origin.host(), port = origin.port());
        let waiting = self.awaited_connection(since, patience);
        let outcome = waiting.instrument(span).await;
        if let Some(observer) = self.voice().publisher().observer() {
            observer.waited(origin, since.elapsed());
        }
        outcome
    }

    async fn awaited_connection(
        self: &Arc<Self>,
        since: Instant,
        patience: Option<Duration>,
    ) -> Result<Connection> {
        let shared = self.shared().ok_or_else(|| self.closed())?;
        let patience = patience.unwrap_or_else(|| shared.config().acquire_timeout());
        // Waiting must not keep the pool alive.
        drop(shared);
        let deadline = since + patience.min(LONGEST_PATIENCE);
        let mut host = Arc::clone(self);
        loop {
            match host.acquire(deadline).await? {
                Acquired::Lease(lease) => return Ok(Connection::new(lease)),
                Acquired::Retired => {
                    let shared = host.shared().ok_or_else(|| host.closed())?;
                    host = shared.host_pool(host.key().borrowed());
                }
            }
        }
    }
}
