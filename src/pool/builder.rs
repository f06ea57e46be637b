//! Putting a pool together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use super::handle::Pool;
use super::hosts::Hosts;
use super::housekeeper::keep_house;
use super::permits::Permits;
use super::shared::{Defaults, Shared};
use super::stats::Counters;
use crate::config::{Config, Protocols, Settings};
use crate::dial::{ClientIdentity, Dialer, TlsClient, Trust};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::Profile;
use crate::registry::Registry;
use crate::resolve::Resolver;

/// Sets a [`Pool`] up. Everything has a default; [`build`](Self::build) refuses what is impossible.
#[derive(Debug, Default)]
#[must_use = "a pool exists after `build`"]
pub struct PoolBuilder {
    settings: Settings,
    trust: Trust,
    identity: Option<ClientIdentity>,
    tls: Option<TlsClient>,
    protocols: Protocols,
    resolver: Option<Resolver>,
    registry: Option<Registry>,
    runtime: Option<Handle>,
}

impl PoolBuilder {
    /// Lays settings over those given so far.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = self.settings.overlaid_by(settings);
        self
    }

    /// See [`Config::max_connections`].
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.settings.max_connections = Some(connections);
        self
    }

    /// See [`Config::max_connections_per_host`].
    pub fn max_connections_per_host(mut self, connections: usize) -> Self {
        self.settings.max_connections_per_host = Some(connections);
        self
    }

    /// See [`Config::max_idle`].
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.settings.max_idle = Some(connections);
        self
    }

    /// See [`Config::acquire_timeout`].
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.settings.acquire_timeout = Some(timeout);
        self
    }

    /// See [`Config::connect_timeout`].
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = Some(timeout);
        self
    }

    /// See [`Config::idle_timeout`].
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = Some(timeout);
        self
    }

    /// See [`Config::max_lifetime`].
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.max_lifetime = Some(lifetime);
        self
    }

    /// How servers' certificates are verified. Default: [`Trust::webpki`].
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The certificate to present to servers that ask for one. Default: none.
    pub fn identity(mut self, identity: ClientIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// A verification policy and client identity made before, instead of [`trust`](Self::trust) and [`identity`](Self::identity):
    /// pools that share one resume each other's TLS sessions. Default: one of the pool's own.
    pub fn tls(mut self, client: TlsClient) -> Self {
        self.tls = Some(client);
        self
    }

    /// The HTTP versions to offer. Default: HTTP/2 and HTTP/1.1.
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        self.protocols = protocols;
        self
    }

    /// Where addresses come from. Default: the system's name servers and hosts file.
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Where the connections are registered. Default: a registry of the pool's own.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// The runtime on which the pool's tasks run. Default: the one that [`build`](Self::build) is called on.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Builds the pool and starts its housekeeper. Nothing is dialed yet.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) names the setting that is impossible, the certificate that cannot be
    /// used, or the runtime that is missing.
    pub fn build(self) -> Result<Pool> {
        let config = Config::try_from(self.settings)?;
        let runtime = match self.runtime {
            Some(runtime) => runtime,
            None => Handle::try_current().map_err(|error| {
                Error::new(ErrorKind::InvalidConfiguration)
                    .with_detail("runtime: build the pool on a tokio runtime, or give it one")
                    .with_source(error)
            })?,
        };
        let tls = match self.tls {
            Some(client) => client,
            None => TlsClient::new(self.trust, self.identity)?,
        };
        let registry = self.registry.unwrap_or_default();
        let resolver = self.resolver.unwrap_or_default();
        let shared = Arc::new(Shared {
            defaults: Defaults {
                protocols: self.protocols,
                tls,
                profile: Profile::rustls(),
            },
            hosts: Hosts::new(),
            permits: Permits::new(config.max_connections()),
            dials: Arc::new(Semaphore::new(config.max_dials())),
            dialer: Arc::new(Dialer::new(resolver, registry.clone(), &config)),
            registry,
            clock: Arc::new(Clock::new()),
            counters: Counters::default(),
            evicting: AtomicUsize::new(0),
            runtime,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            closed: AtomicBool::new(false),
            config,
        });
        let housekeeper = keep_house(Arc::downgrade(&shared), shared.ending.clone());
        shared.tasks.spawn_on(housekeeper, &shared.runtime);
        Ok(Pool::from_shared(shared))
    }
}
