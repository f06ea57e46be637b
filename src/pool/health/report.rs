//! How every host and the pool are doing: looked at by the housekeeper, told when it changes, read by whoever asks.

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use super::breaker::Circuit;
use super::judgement::{CALM, Health, HealthCause, Judgement, Vitals, of_all};
use super::measure::{Counts, Latencies};
use super::performance::Performance;
use crate::config::Config;
use crate::dial::Origin;
use crate::pool::clock::millis;
use crate::pool::events::PoolEvent;
use crate::pool::handle::{Host, Pool};
use crate::pool::host::HostPool;
use crate::pool::shared::Shared;

/// A pool's own health is looked at so often at most, in milliseconds: soon enough for who is woken by it, and little work with a
/// hundred thousand hosts.
const LOOKS: u64 = 1_000;

/// How a pool and each of its hosts are doing, from [`Pool::health`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// The pool as a whole: unavailable when it was closed or all of its hosts are; else as bad as its worst host that works.
    pub health: Health,
    /// What speaks against a better word; `None` when it is healthy.
    pub why: Option<HealthCause>,
    /// Those of all hosts together. [`failed_dials`](Vitals::failed_dials) and [`probes_fail`](Vitals::probes_fail) are the worst host's.
    pub vitals: Vitals,
    /// The hosts that the pool knows, by origin.
    pub hosts: Vec<HostHealth>,
}

/// How one host is doing.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HostHealth {
    /// Scheme, name and port.
    #[serde(serialize_with = "as_text")]
    pub origin: Origin,
    /// The name of its profile, or of all that its connections may have drawn.
    pub profile: String,
    /// Whom its connections are kept apart for.
    pub partition: Option<String>,
    /// In a word.
    pub health: Health,
    /// What speaks against a better word; `None` when it is healthy.
    pub why: Option<HealthCause>,
    /// In figures.
    pub vitals: Vitals,
}

/// The pool's own.
#[derive(Debug, Default)]
pub(in crate::pool) struct PoolHealth(Mutex<Observed>);

#[derive(Debug, Default)]
struct Observed {
    shown: Judgement,
    /// A host's has changed.
    stirred: bool,
    looked: u64,
}

impl Pool {
    /// How the pool and each of its hosts are doing, for balancers, probes and people.
    ///
    /// A word is worse at once when the figures are, and better once they have been better for ten seconds and by a margin. What is read
    /// here is of this moment; [`HealthChanged`](PoolEvent::HealthChanged) tells what the housekeeper finds, within two seconds. Costs a
    /// walk over the hosts and connections, and asks nobody anything.
    pub fn health(&self) -> HealthReport {
        let shared = self.shared();
        let (config, now) = (shared.config(), shared.clock.now());
        let hosts = shared.hosts.all();
        let mut sum = Sum::default();
        let mut hosts: Vec<_> = hosts
            .iter()
            .map(|host| host.health_at(&config, now, &mut sum))
            .collect();
        hosts.sort_by(|one, other| one.place().cmp(&other.place()));
        let of_hosts = of_all(hosts.iter().map(|host| (host.health, host.why)));
        let all = shared.hosts.all();
        let latencies = all.iter().filter_map(|host| host.performance());
        let vitals = Vitals {
            latency: Latencies::of_all(latencies.map(|one| one.measured_latencies()), now),
            ..sum.vitals(shared.free_places())
        };
        let (health, why) = match shared.is_closed() {
            true => (Health::Unavailable, Some(HealthCause::PoolClosed)),
            false => of_hosts,
        };
        HealthReport {
            health,
            why,
            vitals,
            hosts,
        }
    }
}

impl Host {
    /// How this host is doing, as [`Pool::health`] says of all.
    pub fn health(&self) -> HostHealth {
        let host = self.pool_of();
        match host.shared() {
            Some(shared) => {
                host.health_at(&shared.config(), shared.clock.now(), &mut Sum::default())
            }
            None => host.described(
                (Health::Unavailable, Some(HealthCause::PoolClosed)),
                Vitals::default(),
            ),
        }
    }
}

impl HostHealth {
    fn place(&self) -> (String, &str, Option<&str>) {
        (
            self.origin.to_string(),
            &self.profile,
            self.partition.as_deref(),
        )
    }
}

impl HostPool {
    /// Takes in how the host is doing, and tells if that is another word than before. False when it is healthy.
    pub(in crate::pool) fn observe_health(
        &self,
        shared: &Shared,
        config: &Config,
        now: u64,
    ) -> bool {
        let forgotten = self.is_forgotten(config, now);
        let vitals = self.vitals(config, now, &mut Sum::default());
        let ((to, why), changed) = {
            let mut steady = self.health.lock();
            if forgotten {
                let (before, _) = std::mem::take(&mut *steady).shown();
                (
                    (Health::Healthy, None),
                    (before != Health::Healthy).then_some(before),
                )
            } else {
                steady.observe(now, &vitals)
            }
        };
        if let Some(from) = changed {
            tracing::info!(host = self.key().origin.host(), %from, %to, why = why.map(HealthCause::as_str), "health");
            shared.health.0.lock().stirred = true;
            self.publish(|host| PoolEvent::HealthChanged {
                host: Some(host),
                from,
                to,
                why,
            });
        }
        to != Health::Healthy
    }

    /// What is shown of it, or worse if it is worse now.
    pub(in crate::pool) fn present_health(&self, config: &Config, now: u64) -> Judgement {
        let vitals = self.vitals(config, now, &mut Sum::default());
        self.health.lock().with(&vitals)
    }

    fn health_at(&self, config: &Config, now: u64, sum: &mut Sum) -> HostHealth {
        let vitals = self.vitals(config, now, sum);
        let judgement = self.health.lock().with(&vitals);
        self.described(judgement, vitals)
    }

    fn described(&self, (health, why): Judgement, vitals: Vitals) -> HostHealth {
        let key = self.key();
        HostHealth {
            origin: key.origin.clone(),
            profile: key.look.name(),
            partition: key.partition.as_deref().map(str::to_owned),
            health,
            why,
            vitals,
        }
    }

    /// Nobody has asked for it for long, and nothing is kept for them.
    fn is_forgotten(&self, config: &Config, now: u64) -> bool {
        let until = self
            .last_asked()
            .saturating_add(millis(config.idle_timeout()));
        until <= now && self.warmth_wanted() == 0 && self.connections().is_empty()
    }

    /// The figures at this moment, which are added to the pool's.
    fn vitals(&self, config: &Config, now: u64, sum: &mut Sum) -> Vitals {
        if self.is_forgotten(config, now) {
            return Vitals::default();
        }
        let connections = self.connections();
        let mut uses = Uses::default();
        for live in connections.iter() {
            uses.add(live.slot().usage().in_use, live.slot().limit());
        }
        let (dialing, members, failed_dials, starved, refused) = {
            let queue = self.queue().lock();
            let recent = |again| Instant::now() < again + CALM;
            let failures = if queue.dial_again.is_some_and(recent) {
                queue.failures
            } else {
                0
            };
            let refused = queue.refused_at.is_some_and(recent);
            (
                queue.dialing,
                queue.members.len(),
                failures,
                queue.starved,
                refused,
            )
        };
        let room = match starved {
            true => 0,
            false => config.max_connections_per_host().saturating_sub(members),
        };
        let counts = self
            .performance()
            .map_or_else(Counts::default, |performance| performance.outcomes(now));
        let waiting = self.waiting();
        let vitals = Vitals {
            utilisation: match connections.is_empty() && starved && waiting > 0 {
                true => 1.0,
                false => uses.utilisation(room),
            },
            error_rate: counts.error_rate(),
            attempts: counts.total(),
            latency: self
                .performance()
                .map_or_else(Default::default, |performance| performance.latencies(now)),
            connections: connections.len(),
            waiting,
            refused,
            dialing,
            failed_dials,
            probes_fail: self.performance().is_some_and(Performance::fails_probes),
            circuit: match self.breaker().is_closed() {
                true => Circuit::Closed,
                false => self.breaker().circuit(now),
            },
        };
        sum.add(&vitals, uses, counts);
        vitals
    }
}

impl Shared {
    /// Takes in how the pool is doing, and tells if that is another word than before. Next to nothing while nothing stirs.
    pub(in crate::pool) fn observe_health(&self, now: u64) {
        let (from, to, why) = {
            let mut observed = self.health.0.lock();
            if !observed.stirred || now < observed.looked + LOOKS {
                return;
            }
            (observed.stirred, observed.looked) = (false, now);
            let hosts = self.hosts.all();
            let of_hosts = of_all(hosts.iter().map(|host| host.health.lock().shown()));
            let (from, _) = std::mem::replace(&mut observed.shown, of_hosts);
            let (to, why) = observed.shown;
            (from, to, why)
        };
        if from != to {
            tracing::info!(%from, %to, why = why.map(HealthCause::as_str), "health of the pool");
            self.publish(|| PoolEvent::HealthChanged {
                host: None,
                from,
                to,
                why,
            });
        }
    }

    fn free_places(&self) -> usize {
        self.permits.limit().saturating_sub(self.permits.used())
    }
}

/// Uses, of connections that are there.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    in_use: u64,
    limit: u64,
    connections: u64,
}

impl Uses {
    fn add(&mut self, in_use: u32, limit: u32) {
        self.in_use += u64::from(in_use);
        self.limit += u64::from(limit);
        self.connections += 1;
    }

    /// The part that is in use, where there is room for so many connections more, like those that are there.
    fn utilisation(self, room: usize) -> f64 {
        let like_these = self.limit as f64 / self.connections.max(1) as f64;
        let most = self.limit as f64 + room as f64 * like_these;
        if most > 0.0 {
            (self.in_use as f64 / most).min(1.0)
        } else {
            0.0
        }
    }
}

/// What the hosts' figures come to.
#[derive(Debug, Default)]
struct Sum {
    vitals: Vitals,
    uses: Uses,
    counts: Counts,
}

impl Sum {
    fn add(&mut self, vitals: &Vitals, uses: Uses, counts: Counts) {
        self.vitals.connections += vitals.connections;
        self.vitals.waiting += vitals.waiting;
        self.vitals.refused |= vitals.refused;
        self.vitals.dialing += vitals.dialing;
        self.vitals.probes_fail |= vitals.probes_fail;
        self.vitals.failed_dials = self.vitals.failed_dials.max(vitals.failed_dials);
        self.uses.in_use += uses.in_use;
        self.uses.limit += uses.limit;
        self.uses.connections += uses.connections;
        self.counts.successes += counts.successes;
        self.counts.failures += counts.failures;
    }

    fn vitals(&self, room: usize) -> Vitals {
        Vitals {
            utilisation: self.uses.utilisation(room),
            error_rate: self.counts.error_rate(),
            attempts: self.counts.total(),
            ..self.vitals
        }
    }
}

fn as_text<S: serde::Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(origin)
}
