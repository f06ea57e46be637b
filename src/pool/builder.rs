//! Putting a pool together.

#[cfg(feature = "config-file")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Book;
use super::clock::Clock;
use super::dials::Dials;
use super::events::{Hook, Observer, PoolEvent, Publisher, Voice};
use super::handle::Pool;
use super::hosts::Hosts;
use super::housekeeper::keep_house;
use super::permits::Permits;
use super::shared::{Defaults, Shared};
use super::stats::Counters;
#[cfg(feature = "config-file")]
use super::watch::Watched;
use super::wheel::Wheel;
use crate::config::{Balance, Layers, Protocols, Settings, Weights};
use crate::dial::{ClientIdentity, Dialer, LocalAddresses, TlsClient, Trust};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{AcceptLanguage, IntoProfile, Profile, ProfileError};
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
    profile: Option<Profile>,
    /// Why there is none of the name that was given.
    no_profile: Option<ProfileError>,
    accept_language: AcceptLanguage,
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

    /// See [`Config::max_connections`].
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.layers.code.max_connections = Some(connections);
        self
    }

    /// See [`Config::max_connections_per_host`].
    pub fn max_connections_per_host(mut self, connections: usize) -> Self {
        self.layers.code.max_connections_per_host = Some(connections);
        self
    }

    /// See [`Config::max_idle`].
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.layers.code.max_idle = Some(connections);
        self
    }

    /// See [`Config::max_dials`].
    pub fn max_dials(mut self, dials: usize) -> Self {
        self.layers.code.max_dials = Some(dials);
        self
    }

    /// See [`Config::max_waiters_per_host`].
    pub fn max_waiters_per_host(mut self, waiters: usize) -> Self {
        self.layers.code.max_waiters_per_host = Some(waiters);
        self
    }

    /// See [`Config::max_streams_per_connection`].
    pub fn max_streams_per_connection(mut self, streams: usize) -> Self {
        self.layers.code.max_streams_per_connection = Some(streams);
        self
    }

    /// See [`Config::max_connections_per_address`].
    pub fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.layers.code.max_connections_per_address = Some(connections);
        self
    }

    /// See [`Config::max_dials_per_host`].
    pub fn max_dials_per_host(mut self, dials: usize) -> Self {
        self.layers.code.max_dials_per_host = Some(dials);
        self
    }

    /// See [`Config::max_dials_per_address`].
    pub fn max_dials_per_address(mut self, dials: usize) -> Self {
        self.layers.code.max_dials_per_address = Some(dials);
        self
    }

    /// See [`Config::balance`].
    pub fn balance(mut self, balance: Balance) -> Self {
        self.layers.code.balance = Some(balance);
        self
    }

    /// See [`Config::blacklist_after`].
    pub fn blacklist_after(mut self, failures: usize) -> Self {
        self.layers.code.blacklist_after = Some(failures);
        self
    }

    /// See [`Config::blacklist_term`].
    pub fn blacklist_term(mut self, term: Duration) -> Self {
        self.layers.code.blacklist_term = Some(term);
        self
    }

    /// See [`Config::max_blacklist_term`].
    pub fn max_blacklist_term(mut self, term: Duration) -> Self {
        self.layers.code.max_blacklist_term = Some(term);
        self
    }

    /// See [`Config::circuit_breaker`].
    pub fn circuit_breaker(mut self, on: bool) -> Self {
        self.layers.code.circuit_breaker = Some(on);
        self
    }

    /// See [`Config::breaker_failures`].
    pub fn breaker_failures(mut self, failures: usize) -> Self {
        self.layers.code.breaker_failures = Some(failures);
        self
    }

    /// See [`Config::breaker_error_percent`].
    pub fn breaker_error_percent(mut self, percent: usize) -> Self {
        self.layers.code.breaker_error_percent = Some(percent);
        self
    }

    /// See [`Config::breaker_volume`].
    pub fn breaker_volume(mut self, attempts: usize) -> Self {
        self.layers.code.breaker_volume = Some(attempts);
        self
    }

    /// See [`Config::breaker_term`].
    pub fn breaker_term(mut self, term: Duration) -> Self {
        self.layers.code.breaker_term = Some(term);
        self
    }

    /// See [`Config::max_breaker_term`].
    pub fn max_breaker_term(mut self, term: Duration) -> Self {
        self.layers.code.max_breaker_term = Some(term);
        self
    }

    /// See [`Config::min_warm`].
    pub fn min_warm(mut self, connections: usize) -> Self {
        self.layers.code.min_warm = Some(connections);
        self
    }

    /// See [`Config::acquire_timeout`].
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.acquire_timeout = Some(timeout);
        self
    }

    /// See [`Config::resolve_timeout`].
    pub fn resolve_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.resolve_timeout = Some(timeout);
        self
    }

    /// See [`Config::connect_timeout`].
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.connect_timeout = Some(timeout);
        self
    }

    /// See [`Config::tls_timeout`].
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.tls_timeout = Some(timeout);
        self
    }

    /// See [`Config::settings_timeout`].
    pub fn settings_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.settings_timeout = Some(timeout);
        self
    }

    /// See [`Config::idle_timeout`].
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.idle_timeout = Some(timeout);
        self
    }

    /// See [`Config::max_lifetime`].
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.layers.code.max_lifetime = Some(lifetime);
        self
    }

    /// See [`Config::max_requests_per_connection`].
    pub fn max_requests_per_connection(mut self, requests: Option<usize>) -> Self {
        self.layers.code.max_requests_per_connection = Some(requests);
        self
    }

    /// See [`Config::replay_safe_methods`].
    pub fn replay_safe_methods(mut self, replay: bool) -> Self {
        self.layers.code.replay_safe_methods = Some(replay);
        self
    }

    /// See [`Config::validate_after`].
    pub fn validate_after(mut self, silence: Duration) -> Self {
        self.layers.code.validate_after = Some(silence);
        self
    }

    /// See [`Config::ping_interval`].
    pub fn ping_interval(mut self, interval: Option<Duration>) -> Self {
        self.layers.code.ping_interval = Some(interval);
        self
    }

    /// See [`Config::suspect_after`].
    pub fn suspect_after(mut self, wait: Duration) -> Self {
        self.layers.code.suspect_after = Some(wait);
        self
    }

    /// See [`Config::ping_timeout`].
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.layers.code.ping_timeout = Some(timeout);
        self
    }

    /// What addresses are worth, for [`Balance::Weighted`]. Default: all the same.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// See [`Config::lease_age_alarm`].
    pub fn lease_age_alarm(mut self, age: Option<Duration>) -> Self {
        self.layers.code.lease_age_alarm = Some(age);
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

    /// What connections look like: a [`Profile`], or the name of one that is compiled in (`"chrome"`, `"firefox-156"`), or a file.
    /// Default: [`Profile::rustls`].
    pub fn profile(mut self, profile: impl IntoProfile) -> Self {
        match profile.into_profile() {
            Ok(profile) => (self.profile, self.no_profile) = (Some(profile), None),
            Err(error) => self.no_profile = Some(error),
        }
        self
    }

    /// What requests say about languages, where they have no `accept-language` of their own and the profile's client sends one.
    /// Default: what the profile says.
    pub fn accept_language(mut self, language: AcceptLanguage) -> Self {
        self.accept_language = language;
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
        let profile = self.profile.unwrap_or_else(Profile::rustls);
        tls.check(&profile)?;
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
                profile,
                accept_language: self.accept_language,
            }),
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
            voice: Voice::new(Arc::new(Publisher::new(self.hooks, self.observer))),
            evicting: AtomicUsize::new(0),
            surplus: AtomicUsize::new(0),
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

    #[test]
    fn every_setting_has_its_setter() {
        let seconds = Duration::from_secs;
        let builder = PoolBuilder::default()
            .max_connections(1)
            .max_connections_per_host(2)
            .max_idle(3)
            .max_dials(4)
            .max_waiters_per_host(5)
            .max_streams_per_connection(6)
            .min_warm(7)
            .acquire_timeout(seconds(8))
            .resolve_timeout(seconds(9))
            .connect_timeout(seconds(10))
            .tls_timeout(seconds(11))
            .settings_timeout(seconds(12))
            .idle_timeout(seconds(13))
            .max_lifetime(seconds(14))
            .max_requests_per_connection(Some(15))
            .replay_safe_methods(true)
            .validate_after(seconds(16))
            .ping_interval(Some(seconds(17)))
            .suspect_after(seconds(18))
            .ping_timeout(seconds(19))
            .lease_age_alarm(Some(seconds(21)))
            .max_connections_per_address(15)
            .max_dials_per_host(16)
            .max_dials_per_address(17)
            .balance(Balance::Sticky)
            .blacklist_after(18)
            .blacklist_term(seconds(19))
            .max_blacklist_term(seconds(20))
            .circuit_breaker(true)
            .breaker_failures(21)
            .breaker_error_percent(22)
            .breaker_volume(23)
            .breaker_term(seconds(24))
            .max_breaker_term(seconds(25));
        // Without `..`: a setting that is added fails to compile here until it has a setter.
        let wanted = Settings {
            max_connections: Some(1),
            max_connections_per_host: Some(2),
            max_idle: Some(3),
            max_dials: Some(4),
            max_waiters_per_host: Some(5),
            max_streams_per_connection: Some(6),
            min_warm: Some(7),
            acquire_timeout: Some(seconds(8)),
            resolve_timeout: Some(seconds(9)),
            connect_timeout: Some(seconds(10)),
            tls_timeout: Some(seconds(11)),
            settings_timeout: Some(seconds(12)),
            idle_timeout: Some(seconds(13)),
            max_lifetime: Some(seconds(14)),
            max_requests_per_connection: Some(Some(15)),
            replay_safe_methods: Some(true),
            validate_after: Some(seconds(16)),
            ping_interval: Some(Some(seconds(17))),
            suspect_after: Some(seconds(18)),
            ping_timeout: Some(seconds(19)),
            lease_age_alarm: Some(Some(seconds(21))),
            max_connections_per_address: Some(15),
            max_dials_per_host: Some(16),
            max_dials_per_address: Some(17),
            balance: Some(Balance::Sticky),
            blacklist_after: Some(18),
            blacklist_term: Some(seconds(19)),
            max_blacklist_term: Some(seconds(20)),
            circuit_breaker: Some(true),
            breaker_failures: Some(21),
            breaker_error_percent: Some(22),
            breaker_volume: Some(23),
            breaker_term: Some(seconds(24)),
            max_breaker_term: Some(seconds(25)),
        };
        assert_eq!(builder.layers.code, wanted);
    }

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
