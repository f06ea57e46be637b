//! What all hosts of a pool have in common.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Book;
use super::clock::Clock;
use super::dialing::{Dials, Permits};
use super::events::Voice;
use super::health::PoolHealth;
use super::host::HostPool;
use super::hosts::Hosts;
use super::key::HostKeyRef;
use super::profiles::LookRef;
use super::stats::Counters;
use super::target::AsTarget;
use super::upkeep::{Census, Wheel};
use crate::config::{Config, Layers, Protocols};
use crate::dial::{Dialer, Kind, Proxies, TlsClient};
use crate::error::Result;
use crate::profile::{AcceptLanguage, ProfilePolicy};
use crate::registry::Registry;

/// The pool itself. Hosts hold it weakly, so that it ends with its last handle.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<ArcSwap<Config>>,
    pub(super) defaults: ArcSwap<Defaults>,
    /// What the configuration was put together from. Whoever changes it or the defaults holds this lock, and publishes nothing
    /// meanwhile.
    pub(super) layers: Mutex<Layers>,
    /// Counts the flushes: a connection of an earlier generation is on its way out.
    pub(super) generation: AtomicU64,
    pub(super) hosts: Hosts,
    /// What is known of addresses.
    pub(super) book: Arc<Book>,
    pub(super) permits: Arc<Permits>,
    pub(super) dials: Arc<Dials>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) registry: Registry,
    pub(super) clock: Arc<Clock>,
    /// When each host is looked after next.
    pub(super) wheel: Mutex<Wheel<Weak<HostPool>>>,
    pub(super) counters: Counters,
    /// Draws connections' profiles.
    pub(super) draws: Mutex<StdRng>,
    pub(super) health: PoolHealth,
    pub(super) voice: Voice,
    /// Connections that were told to make room and have not closed yet: those that nobody used then, and the others.
    pub(super) evicting_idle: AtomicUsize,
    pub(super) evicting_busy: AtomicUsize,
    pub(super) census: Census,
    /// Where every task of the pool runs.
    pub(super) runtime: Handle,
    /// Every task of the pool: dials, drivers, request bodies under way, the housekeeper.
    pub(super) tasks: TaskTracker,
    /// Ends dials and housekeeping.
    pub(super) ending: CancellationToken,
    pub(super) closed: AtomicBool,
}

/// How to reach a host unless its caller says otherwise.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    pub(super) protocols: Protocols,
    pub(super) tls: TlsClient,
    pub(super) proxies: Proxies,
    pub(super) profiles: ProfilePolicy,
    /// What sticky choices among them follow from.
    pub(super) profile_seed: u64,
    pub(super) accept_language: AcceptLanguage,
}

impl Shared {
    pub(super) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    pub(super) fn permits(&self) -> &Permits {
        &self.permits
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Runs `found` on the key that `target` means in this pool now; no lock, no allocation.
    pub(super) fn with_key<T>(
        &self,
        target: &impl AsTarget,
        found: impl FnOnce(HostKeyRef<'_>) -> T,
    ) -> Result<T> {
        let (origin, options) = target.parts()?;
        let defaults = self.defaults.load();
        Ok(found(HostKeyRef {
            origin,
            kind: Kind::Requests,
            protocols: options.protocols.unwrap_or(defaults.protocols),
            tls: options.tls.as_ref().unwrap_or(&defaults.tls),
            look: match &options.profile {
                Some(profile) => LookRef::One(profile),
                None => defaults.look(origin, options.partition.as_deref()),
            },
            partition: options.partition.as_deref(),
            proxy: match &options.way {
                Some(way) => way.proxy(),
                None => defaults.proxies.choose(origin),
            },
            addresses: options.addresses.as_ref(),
        }))
    }

    /// Ends everything that no caller is using; what callers use ends with them.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.ending.cancel();
        for host in self.hosts.all() {
            host.close();
        }
        self.tasks.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}
