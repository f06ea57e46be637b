//! Changing a pool that is in use.

use std::sync::Arc;

use crate::config::{Config, Layers, Protocols, Settings, Weights};
use crate::dial::{ClientIdentity, Proxies, TlsClient, Trust};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::events::PoolEvent;
use crate::pool::handle::Pool;
use crate::pool::key::{HostKey, HostKeyRef};
use crate::pool::live::Live;
use crate::pool::shared::{Defaults, Shared};
use crate::pool::target::Inherited;
use crate::profile::{AcceptLanguage, IntoProfile, ProfileError, ProfilePolicy};
use crate::registry::CloseReason;
use crate::resolve::AccessList;

/// What is to change about a pool; what is not mentioned stays. For [`Pool::reconfigure`].
///
/// ```
/// use std::time::Duration;
/// use hotpool::config::Settings;
/// use hotpool::pool::Reconfiguration;
/// use hotpool::{Pool, Protocols};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), hotpool::Error> {
/// let pool = Pool::builder().build()?;
/// let settings = Settings { max_idle: Some(5), ..Settings::default() };
/// pool.reconfigure(Reconfiguration::default().settings(settings).profile("firefox").protocols(Protocols::Http2))?;
/// assert_eq!(pool.config().max_idle(), 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing changes before `Pool::reconfigure`"]
pub struct Reconfiguration {
    settings: Settings,
    trust: Option<Trust>,
    identity: Option<Option<ClientIdentity>>,
    tls: Option<TlsClient>,
    proxies: Option<Proxies>,
    profiles: Option<Result<ProfilePolicy, ProfileError>>,
    accept_language: Option<AcceptLanguage>,
    protocols: Option<Protocols>,
    besides: Besides,
}

/// What is neither a setting nor part of a key.
#[derive(Debug, Default)]
pub(super) struct Besides {
    accept_language: bool,
    weights: Option<Weights>,
    access_list: Option<AccessList>,
}

impl Reconfiguration {
    /// Limits and deadlines: laid over what code has set so far, at [building](Pool::builder) or since.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = self.settings.overlaid_by(settings);
        self
    }

    /// How servers' certificates are verified, as [`trust`](crate::pool::PoolBuilder::trust) says for a new pool. The client's
    /// identity stays.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// The certificate to present to servers that ask for one; `None`: none from now on. How servers are verified stays.
    pub fn identity(mut self, identity: Option<ClientIdentity>) -> Self {
        self.identity = Some(identity);
        self
    }

    /// A verification policy and client identity made before, in place of the pool's. [`trust`](Self::trust) and
    /// [`identity`](Self::identity), where given as well, change one made of it.
    pub fn tls(mut self, client: TlsClient) -> Self {
        self.tls = Some(client);
        self
    }

    /// Which proxies hosts are reached through, as [`proxies`](crate::pool::PoolBuilder::proxies) says for a new pool; a [`Proxy`](crate::Proxy)
    /// is one for all.
    pub fn proxies(mut self, proxies: impl Into<Proxies>) -> Self {
        self.proxies = Some(proxies.into());
        self
    }

    /// What connections look like, as [`profile`](crate::pool::PoolBuilder::profile) says for a new pool.
    pub fn profile(mut self, profile: impl IntoProfile) -> Self {
        self.profiles = Some(profile.into_profile().map(ProfilePolicy::from));
        self
    }

    /// What connections look like, as [`profiles`](crate::pool::PoolBuilder::profiles) says for a new pool.
    pub fn profiles(mut self, policy: ProfilePolicy) -> Self {
        self.profiles = Some(Ok(policy));
        self
    }

    /// What requests say about languages, on connections that are opened from now on.
    pub fn accept_language(mut self, language: AcceptLanguage) -> Self {
        self.accept_language = Some(language);
        self.besides.accept_language = true;
        self
    }

    /// The HTTP versions to offer.
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        self.protocols = Some(protocols);
        self
    }

    /// What addresses are worth, for [`Balance::Weighted`](crate::config::Balance::Weighted): from the next dial and the next use on.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.besides.weights = Some(weights);
        self
    }

    /// Which addresses may be connected to. Connections to those that are denied now are given to nobody new, and end when they are
    /// returned.
    pub fn access_list(mut self, list: AccessList) -> Self {
        self.besides.access_list = Some(list);
        self
    }

    /// The defaults that come of it.
    fn defaults(&self, present: &Defaults) -> Result<Defaults> {
        let tls = self.tls.as_ref().unwrap_or(&present.tls);
        let tls = match (&self.trust, &self.identity) {
            (None, None) => tls.clone(),
            (trust, identity) => TlsClient::new(
                trust.as_ref().unwrap_or_else(|| tls.trust()).clone(),
                identity.clone().unwrap_or_else(|| tls.identity().cloned()),
            )?,
        };
        let profiles = match &self.profiles {
            None => present.profiles.clone(),
            Some(Ok(policy)) => policy.clone(),
            Some(Err(error)) => {
                return Err(Error::new(ErrorKind::InvalidConfiguration)
                    .with_detail(format!("profile: {error}")));
            }
        };
        for profile in profiles.profiles() {
            tls.check(profile)?;
        }
        Ok(Defaults {
            protocols: self.protocols.unwrap_or(present.protocols),
            tls,
            proxies: self.proxies.as_ref().unwrap_or(&present.proxies).clone(),
            profiles,
            profile_seed: present.profile_seed,
            accept_language: self
                .accept_language
                .as_ref()
                .unwrap_or(&present.accept_language)
                .clone(),
        })
    }
}

impl From<Settings> for Reconfiguration {
    fn from(settings: Settings) -> Self {
        Self::default().settings(settings)
    }
}

impl Pool {
    /// Changes the pool while it is in use: limits, deadlines, and how hosts are reached unless their callers say otherwise. Returns the
    /// configuration that is in force now.
    ///
    /// [`Settings`] are laid over those that code has given so far, and over environment and file. Nothing in flight is dropped:
    ///
    /// * A lowered limit lets what is in use stay and forbids more; what is idle beyond it closes within two seconds. A raised one serves
    ///   those who wait for it at once. Streams on open connections are limited anew as well.
    /// * Deadlines hold for what begins from now on: acquisitions, dials. A new lifetime is drawn by connections that are opened from
    ///   now on, an idle timeout holds for all.
    /// * Under another profile, verification policy, identity, proxy or other protocols, connections made under the former are given to nobody
    ///   who does not ask for those by name ([`Target`](crate::Target), or a [`Host`](crate::Host) handle made before); they end when
    ///   they have been idle for the idle timeout, or at once by [`flush`](Self::flush). Hosts that
    ///   [`preheat`](Self::preheat) keeps warm are kept warm under the new ones.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) names what is impossible. Then nothing at all has changed.
    pub fn reconfigure(&self, change: impl Into<Reconfiguration>) -> Result<Arc<Config>> {
        let change = change.into();
        self.shared().change(|layers, defaults| {
            layers.code = layers.code.clone().overlaid_by(change.settings.clone());
            *defaults = change.defaults(defaults)?;
            Ok(change.besides)
        })
    }
}

impl Shared {
    /// Changes layers and defaults, all of it or, when `change` or the outcome is refused, nothing. `change` says what changes besides.
    pub(super) fn change(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Layers, &mut Defaults) -> Result<Besides>,
    ) -> Result<Arc<Config>> {
        let (config, changed) = {
            let mut layers = self.layers.lock();
            let before = self.defaults.load_full();
            let mut after = Defaults::clone(&before);
            let mut new_layers = layers.clone();
            let besides = change(&mut new_layers, &mut after)?;
            let config = Arc::new(new_layers.config()?);
            let mut changed = config.differences(&self.config());
            changed.extend(after.differences(&before));
            changed.extend(besides.names());
            *layers = new_layers;
            if let Some(weights) = besides.weights {
                self.book.set_weights(weights);
            }
            if let Some(list) = besides.access_list {
                self.dialer.set_access(list);
            }
            self.put_in_force(&config);
            self.defaults.store(Arc::new(after));
            self.move_warmth(&before);
            (config, changed)
        };
        // Without the lock: from here on hooks run.
        if changed.contains(&"access_list") {
            self.leave_denied();
        }
        self.serve_all();
        if !changed.is_empty() {
            tracing::debug!(?changed, "reconfigured");
            self.publish(|| PoolEvent::Reconfigured { changed });
        }
        Ok(config)
    }

    /// Only stores: nobody is served and nothing is published here.
    fn put_in_force(&self, config: &Arc<Config>) {
        self.config.store(Arc::clone(config));
        self.permits.set_limit(config.max_connections());
        self.dials.set_limit(config.max_dials());
        for host in self.hosts.all() {
            host.track_leases(config.lease_age_alarm().is_some());
            host.follow_balance(config);
            host.addresses().dials().allow(config.max_dials_per_host());
            host.look_soon();
            let wanted = config.min_warm().max(1);
            if ![0, wanted].contains(&host.warmth_wanted()) {
                host.set_keep_warm(wanted);
            }
            for live in &host.queue().lock().members {
                live.limit_streams(&self.config);
            }
        }
    }

    /// Hosts that are kept warm under the former defaults are kept warm under the present ones instead.
    fn move_warmth(self: &Arc<Self>, before: &Defaults) {
        let now = self.defaults.load_full();
        if now.differences(before).is_empty() {
            return;
        }
        for host in self.hosts.all() {
            let inherited = host.queue().lock().inherited;
            let key = inherited.renewed(host.key(), &now);
            if host.warmth_wanted() > 0 && key != **host.key() {
                host.set_keep_warm(0);
                self.keep_warm_as(self.host_pool(key), inherited);
            }
        }
    }

    /// Retires connections to addresses that are denied.
    fn leave_denied(&self) {
        for host in self.hosts.all() {
            let members = host.queue().lock().members.clone();
            for live in members.iter().filter(|live| !self.permits_address(live)) {
                live.drain(CloseReason::AddressDenied);
            }
        }
    }

    pub(in crate::pool) fn permits_address(&self, live: &Live) -> bool {
        let access = self.dialer.access();
        let addresses = [Some(live.address()), live.beyond()];
        let mut addresses = addresses.into_iter().flatten();
        addresses.all(|address| access.permits(address.ip()))
    }

    /// Those who wait may have become entitled to something.
    fn serve_all(&self) {
        while self.permits.relieve_next() {}
        for host in self.hosts.all() {
            if host.waiting() > 0 {
                host.serve();
                host.scale();
            }
        }
    }
}

impl Besides {
    fn names(&self) -> Vec<&'static str> {
        let parts = [
            ("accept_language", self.accept_language),
            ("weights", self.weights.is_some()),
            ("access_list", self.access_list.is_some()),
        ];
        let changed = parts.iter().filter(|(_, changes)| *changes);
        changed.map(|(name, _)| *name).collect()
    }
}

impl Defaults {
    /// What connections can be told by.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("protocols", self.protocols == other.protocols),
            ("tls", self.tls == other.tls),
            ("proxies", self.proxies == other.proxies),
            ("profile", self.profiles == other.profiles),
        ];
        let differ = parts.iter().filter(|(_, same)| !same);
        differ.map(|(name, _)| *name).collect()
    }
}

impl Inherited {
    /// The same key under other defaults.
    fn renewed<'a>(self, key: &'a HostKey, defaults: &'a Defaults) -> HostKeyRef<'a> {
        let mut renewed = key.borrowed();
        if self.protocols {
            renewed.protocols = defaults.protocols;
        }
        if self.tls {
            renewed.tls = &defaults.tls;
        }
        if self.profile {
            renewed.look = defaults.look(renewed.origin, renewed.partition);
        }
        if self.proxy {
            renewed.proxy = defaults.proxies.choose(renewed.origin);
        }
        renewed
    }
}
