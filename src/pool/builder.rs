//! Putting a pool together.

#[cfg(feature = "config-file")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

mod settings;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Book;
use super::clock::Clock;
#[cfg(feature = "config-file")]
use super::control::Watched;
use super::dialing::{Dials, Permits};
use super::events::{Hook, Observer, PoolEvent, Publisher, Voice};
use super::handle::Pool;
use super::health::PoolHealth;
use super::hosts::Hosts;
use super::profiles::seeded;
use super::shared::{Defaults, Shared};
use super::stats::Counters;
use super::upkeep::{Census, Wheel, keep_house};
use crate::config::{Layers, Protocols, Settings, Weights};
use crate::dial::{ClientIdentity, Dialer, LocalAddresses, Proxies, TlsClient, Trust};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{AcceptLanguage, Profile, ProfileError, ProfilePolicy};
use crate::registry::Registry;
use crate::resolve::{AccessList, Resolver};

/// Sets a [`Pool`] up. Everything has a default; [`build`](Self::build) refuses what is impossible.
#[derive(Debug, Default)]
#[must_use = "a pool exists after `build`"]
pub struct PoolBuilder {
    layers: Layers,
    trust: Trust,
    identity: Option<ClientIdentity>,
    tls: Option<TlsClient>,
    pub(super) proxies: Proxies,
    pub(super) profiles: Option<ProfilePolicy>,
    /// Why there is none of the name that was given.
    pub(super) no_profile: Option<ProfileError>,
    pub(super) profile_seed: Option<u64>,
    pub(super) accept_language: AcceptLanguage,
    weights: Weights,
    protocols: Protocols,
    resolver: Option<Resolver>,
    access_list: AccessList,
    local_addresses: LocalAddresses,
    registry: Option<Registry>,
    runtime: Option<Handle>,
    hooks: Vec<Hook>,
    observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "config-file")]
    watched: Option<Watched>,
}

impl PoolBuilder {
    /// Lays settings over those given so far.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.layers.code = self.layers.code.overlaid_by(settings);
        self
    }

    /// Lays what the process's environment says, such as `HOTPOOL_MAX_CONNECTIONS=200`, between the defaults and what code sets. Code
    /// wins, whether it spoke before this call or after it. Default: the environment is not read.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_environment`].
    pub fn environment(self) -> Result<Self> {
        Settings::from_environment().map(|settings| self.over(settings))
    }

    fn over(mut self, environment: Settings) -> Self {
        self.layers.environment = environment;
        self
    }

    /// Lays what a TOML file says between the defaults and the environment, instead of a file given before. It is read now, which waits
    /// for the disk. Default: no file is read.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_file`].
    #[cfg(feature = "config-file")]
    pub fn config_file(mut self, path: impl AsRef<Path>) -> Result<Self> {
        (self.layers.file, self.watched) = (Settings::from_file(path)?, None);
        Ok(self)
    }

    /// As [`config_file`](Self::config_file), and follows the file while the pool lasts: what it says is put in force within about two
    /// seconds of a change, once two looks have found the same, as [`reconfigure`](Pool::reconfigure) would; environment and code stay
    /// stronger. A file that has become invalid, or is gone, is refused whole, with a warning and an
    /// [event](super::PoolEvent::ConfigurationRefused), and what was in force stays so. A relative path is that of the directory in
    /// which the process is when it looks.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_file`]; the file must be there and valid now.
    #[cfg(feature = "config-file")]
    pub fn watch_config_file(mut self, path: impl AsRef<Path>) -> Result<Self> {
        let (watched, settings) = Watched::open(path.as_ref())?;
        (self.layers.file, self.watched) = (settings, Some(watched));
        Ok(self)
    }

    /// What addresses are worth, for [`Balance::Weighted`](crate::config::Balance::Weighted). Default: all the same.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
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

    /// Which addresses may be connected to. A host that resolves to denied ones only fails with
    /// [`AddressDenied`](ErrorKind::AddressDenied). Default: all.
    pub fn access_list(mut self, list: AccessList) -> Self {
        self.access_list = list;
        self
    }

    /// Which of this machine's addresses connections come from. Default: the system chooses.
    pub fn local_addresses(mut self, addresses: LocalAddresses) -> Self {
        self.local_addresses = addresses;
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

    /// Calls `hook` with every event of the pool, and misses none. May be given several times; they are called in that order.
    ///
    /// It is called where the event happens, by whatever task or caller made it happen, and that waits for it: be quick, and hand over
    /// to a task of your own what takes time. It may ask the pool anything; one that holds a [`Pool`] keeps the pool open. A hook that
    /// panics is called no more, and the pool goes on. Default: none; then events cost nothing.
    pub fn on_event(mut self, hook: impl Fn(&PoolEvent) + Send + Sync + 'static) -> Self {
        self.hooks.push(Hook::new(hook));
        self
    }

    /// Tells `observer` what is measured too often to be an event.
    #[cfg(feature = "metrics")]
    pub(crate) fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds the pool and starts its housekeeper. Nothing is dialed yet.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) names the setting that is impossible, the certificate or profile that
    /// cannot be used, or the runtime that is missing.
    pub fn build(self) -> Result<Pool> {
        if let Some(error) = self.no_profile {
            return Err(Error::new(ErrorKind::InvalidConfiguration).with_detail(error.to_string()));
        }
        let config = self.layers.config()?;
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
        let profiles = self.profiles.unwrap_or_else(|| Profile::rustls().into());
        for profile in profiles.profiles() {
            tls.check(profile)?;
        }
        let profile_seed = self.profile_seed.unwrap_or_else(rand::random);
        let registry = self.registry.unwrap_or_default();
        let resolver = self.resolver.unwrap_or_default();
        let (most_connections, most_dials) = (config.max_connections(), config.max_dials());
        let config = Arc::new(ArcSwap::from_pointee(config));
        let dialer = Dialer::new(resolver, registry.clone(), Arc::clone(&config))
            .with_local_addresses(self.local_addresses);
        dialer.set_access(self.access_list);
        let shared = Arc::new(Shared {
            defaults: ArcSwap::from_pointee(Defaults {
                protocols: self.protocols,
                tls,
                proxies: self.proxies,
                profiles,
                profile_seed,
                accept_language: self.accept_language,
            }),
            draws: Mutex::new(seeded(profile_seed)),
            layers: Mutex::new(self.layers),
            generation: AtomicU64::new(0),
            hosts: Hosts::new(),
            book: Arc::new(Book::new(self.weights)),
            permits: Permits::new(most_connections),
            dials: Dials::new(most_dials),
            dialer: Arc::new(dialer),
            registry,
            clock: Arc::new(Clock::new()),
            wheel: Mutex::new(Wheel::new()),
            counters: Counters::default(),
            health: PoolHealth::default(),
            voice: Voice::new(Arc::new(Publisher::new(self.hooks, self.observer))),
            evicting_idle: AtomicUsize::new(0),
            evicting_busy: AtomicUsize::new(0),
            census: Census::default(),
            runtime,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            closed: AtomicBool::new(false),
            config,
        });
        let housekeeper = keep_house(Arc::downgrade(&shared), shared.ending.clone());
        shared.tasks.spawn_on(housekeeper, &shared.runtime);
        #[cfg(feature = "config-file")]
        if let Some(watched) = self.watched {
            let following = watched.follow(Arc::downgrade(&shared), shared.ending.clone());
            shared.tasks.spawn_on(following, &shared.runtime);
        }
        Ok(Pool::from_shared(shared))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn code_is_stronger_than_the_environment_in_any_order() {
        let environment = || {
            let variables = [("HOTPOOL_MAX_IDLE", "7"), ("HOTPOOL_MAX_DIALS", "8")];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            Settings::from_variables(variables).unwrap()
        };
        for builder in [
            PoolBuilder::default().over(environment()).max_idle(3),
            PoolBuilder::default().max_idle(3).over(environment()),
        ] {
            let pool = builder.build().unwrap();
            let config = pool.config();
            assert_eq!((config.max_idle(), config.max_dials()), (3, 8));
            assert_eq!(config.max_connections(), 100);
        }
    }
}
