//! A benchmark's result, as a table or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::record::milliseconds;
use crate::tally::Tally;

/// The width of the table's first column.
const LABEL: usize = 14;

#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) url: &'a str,
    pub(crate) concurrency: usize,
    pub(crate) elapsed: Duration,
    /// Connections dialed, those that failed included.
    pub(crate) dials: u64,
    pub(crate) tally: &'a Tally,
}

impl Summary<'_> {
    pub(crate) fn json(&self) -> Value {
        let tally = self.tally;
        let percentile = |wanted| micros(tally.percentile(wanted));
        json!({
            "url": self.url,
            "concurrency": self.concurrency,
            "seconds": self.elapsed.as_secs_f64(),
            "requests": tally.answered + tally.failed,
            "answered": tally.answered,
            "failed": tally.failed,
            "unfinished": tally.unfinished,
            "requests_per_second": self.per_second(),
            "bytes": tally.bytes,
            "statuses": counts(&tally.statuses),
            "errors": counts(&tally.errors),
            "connections": tally.connections.len(),
            "dials": self.dials,
            "reused": tally.reused,
            "reuse": self.reuse(),
            "latency_us": (tally.answered > 0).then(|| json!({
                "p50": percentile(50.0),
                "p90": percentile(90.0),
                "p99": percentile(99.0),
                "p99.9": percentile(99.9),
                "max": micros(tally.slowest()),
            })),
        })
    }

    pub(crate) fn table(&self) -> String {
        let tally = self.tally;
        let mut table = Table(String::new());
        table.row("url", self.url);
        table.row(
            "requests",
            &format!(
                "{} answered, {} failed, {} unfinished in {:.3} s, {} at a time",
                tally.answered,
                tally.failed,
                tally.unfinished,
                self.elapsed.as_secs_f64(),
                self.concurrency,
            ),
        );
        table.row("requests/s", &format!("{:.1}", self.per_second()));
        table.row("body bytes", &tally.bytes.to_string());
        table.row(
            "connections",
            &format!("{} used, {} dialed", tally.connections.len(), self.dials),
        );
        if let Some(reuse) = self.reuse() {
            table.row("reuse", &format!("{:.2} % of the requests", reuse * 100.0));
        }
        for (status, count) in &tally.statuses {
            table.row(&format!("status {status}"), &count.to_string());
        }
        for (kind, count) in &tally.errors {
            table.row("error", &format!("{count} {kind}"));
        }
        if tally.answered > 0 {
            for (label, percentile) in [
                ("latency p50", 50.0),
                ("latency p90", 90.0),
                ("latency p99", 99.0),
                ("latency p99.9", 99.9),
            ] {
                table.latency(label, tally.percentile(percentile));
            }
            table.latency("latency max", tally.slowest());
        }
        table.0.truncate(table.0.trim_end().len());
        table.0
    }

    fn per_second(&self) -> f64 {
        self.tally.answered as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The part of the requests that got a connection which was there; `None` when none got any.
    fn reuse(&self) -> Option<f64> {
        let requests = self.tally.answered + self.tally.failed;
        (requests > 0 && !self.tally.connections.is_empty())
            .then(|| self.tally.reused as f64 / requests as f64)
    }
}

struct Table(String);

impl Table {
    fn row(&mut self, label: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{label:<LABEL$} {value}");
    }

    fn latency(&mut self, label: &str, value: Duration) {
        self.row(label, &format!("{:>10} ms", milliseconds(value)));
    }
}

fn counts<K: ToString>(counts: &std::collections::BTreeMap<K, u64>) -> Value {
    counts
        .iter()
        .map(|(key, count)| (key.to_string(), Value::from(*count)))
        .collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
