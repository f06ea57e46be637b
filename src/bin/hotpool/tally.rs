//! What a benchmark counts.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::record::Record;

/// Three digits are more than a benchmark's repeatability.
const DIGITS: u8 = 3;

/// Counts over all requests. Latencies are in nanoseconds, from a request's beginning to its last byte, of answered ones only.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// Broken off at the end of the duration, or by the user.
    pub(crate) unfinished: u64,
    pub(crate) reused: u64,
    pub(crate) bytes: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) connections: HashSet<u64>,
    pub(crate) latency: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            answered: 0,
            failed: 0,
            unfinished: 0,
            reused: 0,
            bytes: 0,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            connections: HashSet::new(),
            latency: Histogram::new(DIGITS)?,
        })
    }

    pub(crate) fn add(&mut self, record: &Record) {
        self.bytes += record.bytes.unwrap_or_default();
        if let Some(carrier) = &record.carrier {
            self.connections.insert(carrier.id);
            self.reused += u64::from(carrier.reused);
        }
        if let Some(failed) = &record.failed {
            self.failed += 1;
            *self.errors.entry(failed.kind.as_str()).or_default() += 1;
            return;
        }
        self.answered += 1;
        if let Some(status) = record.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        let nanoseconds = u64::try_from(record.total.as_nanos()).unwrap_or(u64::MAX);
        self.latency.saturating_record(nanoseconds.max(1));
    }

    pub(crate) fn percentile(&self, percentile: f64) -> Duration {
        Duration::from_nanos(self.latency.value_at_percentile(percentile))
    }

    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_nanos(self.latency.max())
    }
}
