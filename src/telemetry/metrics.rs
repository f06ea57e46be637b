//! From a pool's events to metrics.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{counter, gauge, histogram};

use super::hosts::HostTable;
use super::names;
use crate::dial::{DialTiming, Origin};
use crate::pool::{Limit, Observer, Pool, PoolBuilder, PoolEvent};

/// Hosts that get a label of their own by default: a recorder keeps dozens of series for each, for ever.
const MOST_HOSTS: usize = 100;

/// The metrics of one pool, or of several that share a name. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Recording>);

#[derive(Debug)]
struct Recording {
    pool: Arc<str>,
    hosts: HostTable,
}

impl Metrics {
    /// Metrics whose label `pool` is `name`.
    pub fn new(name: &str) -> Self {
        Self::most_hosts(name, MOST_HOSTS)
    }

    /// As [`new`](Self::new), where so many hosts, the first that are met, get a label of their own. Default: 100.
    pub fn most_hosts(name: &str, hosts: usize) -> Self {
        names::describe();
        let pool: Arc<str> = name.into();
        Self(Arc::new(Recording {
            hosts: HostTable::new(Arc::clone(&pool), hosts),
            pool,
        }))
    }

    /// Sets the gauges to what the pool has at this moment; without this they are never set. Costs a walk over its connections.
    pub fn sample(&self, pool: &Pool) {
        let stats = pool.stats();
        let name = || Arc::clone(&self.0.pool);
        let connections = [
            ("idle", stats.idle),
            ("used", stats.connections.saturating_sub(stats.idle)),
        ];
        for (state, count) in connections {
            gauge!(names::CONNECTIONS, "pool" => name(), "state" => state).set(count as f64);
        }
        for (gauge_name, value) in [
            (names::USES, stats.in_use),
            (names::WAITING, stats.waiting),
            (names::DIALING, stats.dialing),
            (names::PLACES_TAKEN, stats.places_taken),
            (names::HOSTS, stats.hosts),
        ] {
            gauge!(gauge_name, "pool" => name()).set(value as f64);
        }
        self.sample_health(pool);
    }

    fn sample_health(&self, pool: &Pool) {
        let report = pool.health();
        let mut worst = self.0.hosts.labels();
        for host in &report.hosts {
            let label = Arc::clone(&self.0.hosts.of(&host.origin).label);
            let shown = worst.entry(label).or_default();
            *shown = host.health.max(*shown);
        }
        let name = || Arc::clone(&self.0.pool);
        gauge!(names::HEALTH, "pool" => name()).set(f64::from(report.health as u8));
        for (label, health) in worst {
            gauge!(names::HOST_HEALTH, "pool" => name(), "host" => label)
                .set(f64::from(health as u8));
        }
    }
}

impl PoolBuilder {
    /// Records what the pool does with `metrics`. Default: it is recorded nowhere.
    pub fn metrics(self, metrics: &Metrics) -> Self {
        let (hook, observer) = (Arc::clone(&metrics.0), Arc::clone(&metrics.0));
        self.on_event(move |event| hook.event(event))
            .observer(observer)
    }
}

impl Observer for Recording {
    fn waited(&self, host: &Origin, time: Duration) {
        self.hosts.of(host).acquire_wait.record(time);
    }

    fn answered(&self, host: &Origin, time: Duration) {
        self.hosts.of(host).answer.record(time);
    }

    fn limit_reached(&self, host: Option<&Origin>, limit: Limit) {
        let host = match host {
            Some(host) => self.hosts.of(host),
            None => Arc::clone(self.hosts.other()),
        };
        host.limit_reached(limit).increment(1);
    }
}

impl Recording {
    fn event(&self, event: &PoolEvent) {
        let pool = || Arc::clone(&self.pool);
        let host = match event.host() {
            Some(host) => self.hosts.of(host),
            None => Arc::clone(self.hosts.other()),
        };
        let label = || Arc::clone(&host.label);
        counter!(names::EVENTS, "pool" => pool(), "event" => event.name()).increment(1);
        match event {
            PoolEvent::DialStarted { .. } => host.dials_started.increment(1),
            PoolEvent::DialFailed { error, .. } => {
                let kind = error.kind().as_str();
                counter!(names::DIALS_FAILED, "pool" => pool(), "host" => label(), "kind" => kind)
                    .increment(1);
            }
            PoolEvent::ConnectionAdded {
                protocol, timing, ..
            } => {
                let protocol = protocol.as_str();
                counter!(names::CONNECTIONS_OPENED, "pool" => pool(), "host" => label(), "protocol" => protocol).increment(1);
                for (step, time) in steps(timing) {
                    histogram!(names::DIAL_STEP_SECONDS, "pool" => pool(), "host" => label(), "step" => step).record(time);
                }
            }
            PoolEvent::ConnectionRemoved { reason, age, .. } => {
                let reason = reason.as_str();
                counter!(names::CONNECTIONS_CLOSED, "pool" => pool(), "host" => label(), "reason" => reason).increment(1);
                histogram!(names::CONNECTION_AGE_SECONDS, "pool" => pool(), "host" => label())
                    .record(*age);
            }
            PoolEvent::AcquireTimedOut { .. } => {
                counter!(names::ACQUIRE_TIMEOUTS, "pool" => pool(), "host" => label()).increment(1);
            }
            PoolEvent::RequestFailed { error, .. } => {
                let kind = error.kind().as_str();
                counter!(names::REQUESTS_FAILED, "pool" => pool(), "host" => label(), "kind" => kind)
                    .increment(1);
            }
            // Counted by name; limits where they are reached, since an event tells of many.
            _ => {}
        }
    }
}

/// A step that was not taken took no time: it is left out.
fn steps(timing: &DialTiming) -> impl Iterator<Item = (&'static str, Duration)> {
    let steps = [
        ("resolve", timing.resolve),
        ("connect", timing.connect),
        ("proxy", timing.proxy),
        ("tls", timing.tls),
        ("settings", timing.settings),
    ];
    steps.into_iter().filter(|(_, time)| !time.is_zero())
}
