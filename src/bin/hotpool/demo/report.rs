//! What the demo found, as a table or as JSON.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use hdrhistogram::Histogram;
use hotpool::registry::{Protocol, RegistryStats};
use serde_json::{Value, json};

use super::runs::{COLD_REQUESTS, HOT_REQUESTS, Measured};
use super::world::Host;

/// The whole run.
pub(super) struct Report {
    pub(super) preheat: Duration,
    pub(super) hosts: Vec<HostReport>,
    /// Connections that had to be cut at the end.
    pub(super) cut: usize,
    /// Connections still registered after the end.
    pub(super) registered: usize,
}

/// One host.
pub(super) struct HostReport {
    name: &'static str,
    address: SocketAddr,
    /// What the server had seen after the hot requests.
    after_hot: RegistryStats,
    /// And after the cold ones.
    after_cold: RegistryStats,
    hot: Measured,
    cold: Measured,
}

impl HostReport {
    pub(super) fn new(
        host: &Host,
        after_hot: RegistryStats,
        hot: Measured,
        cold: Measured,
    ) -> Self {
        Self {
            name: host.name,
            address: host.address,
            after_hot,
            after_cold: host.seen(),
            hot,
            cold,
        }
    }

    fn protocol(&self) -> &'static str {
        match self.hot.protocol {
            Some(Protocol::Http2) => "HTTP/2",
            Some(Protocol::Http1) => "HTTP/1.1",
            _ => "none",
        }
    }

    fn hot_connections(&self) -> u64 {
        self.after_hot.opened
    }

    fn cold_connections(&self) -> u64 {
        self.after_cold.opened - self.after_hot.opened
    }
}

impl Report {
    /// Whether every request was answered and nothing was left behind.
    pub(super) fn is_complete(&self) -> bool {
        self.registered == 0
            && self.hosts.iter().all(|host| {
                host.hot.answered == HOT_REQUESTS && host.cold.answered == COLD_REQUESTS
            })
    }

    pub(super) fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<20} {:<9} {:<16} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            "host",
            "protocol",
            "address",
            "conns",
            "hot get",
            "hot p50",
            "hot p99",
            "cold p50",
            "cold p99",
            "reused"
        )?;
        for host in &self.hosts {
            writeln!(
                out,
                "{:<20} {:<9} {:<16} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6.1}%",
                host.name,
                host.protocol(),
                host.address.to_string(),
                host.hot_connections(),
                shown(&host.hot.acquire, 0.5),
                shown(&host.hot.total, 0.5),
                shown(&host.hot.total, 0.99),
                shown(&host.cold.total, 0.5),
                shown(&host.cold.total, 0.99),
                100.0 * host.hot.reused as f64 / host.hot.answered.max(1) as f64,
            )?;
        }
        writeln!(out)?;
        let sum = |count: fn(&HostReport) -> u64| self.hosts.iter().map(count).sum::<u64>();
        writeln!(
            out,
            "The servers saw {} connections for {} hot requests, and {} for {} cold ones. Preheating took {:.1?}.",
            sum(HostReport::hot_connections),
            sum(|host| host.hot.answered as u64),
            sum(HostReport::cold_connections),
            sum(|host| host.cold.answered as u64),
            self.preheat,
        )?;
        writeln!(
            out,
            "hot get: until a connection was held (median). hot, cold: until the answer was read; cold makes a connection for each."
        )?;
        for host in &self.hosts {
            for (kind, run) in [("hot", &host.hot), ("cold", &host.cold)] {
                if let Some(failure) = &run.failure {
                    writeln!(out, "{}: a {kind} request failed: {failure}", host.name)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let hosts: Vec<Value> = self.hosts.iter().map(HostReport::json).collect();
        let report = json!({
            "complete": self.is_complete(),
            "preheat_us": microseconds(self.preheat),
            "connections_cut": self.cut,
            "connections_left": self.registered,
            "hosts": hosts,
        });
        writeln!(out, "{report}")
    }
}

impl HostReport {
    fn json(&self) -> Value {
        json!({
            "host": self.name,
            "protocol": self.protocol(),
            "address": self.address.to_string(),
            "hot": run_json(&self.hot, self.hot_connections()),
            "cold": run_json(&self.cold, self.cold_connections()),
        })
    }
}

fn run_json(run: &Measured, connections: u64) -> Value {
    json!({
        "requests": run.answered,
        "error": run.failure,
        "connections": connections,
        "reused": run.reused,
        "tls_resumed": run.resumed,
        "acquire_ns": { "p50": run.acquire.value_at_quantile(0.5), "p99": run.acquire.value_at_quantile(0.99) },
        "total_ns": { "p50": run.total.value_at_quantile(0.5), "p99": run.total.value_at_quantile(0.99) },
    })
}

fn shown(times: &Histogram<u64>, quantile: f64) -> String {
    format!(
        "{:.1?}",
        Duration::from_nanos(times.value_at_quantile(quantile))
    )
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
