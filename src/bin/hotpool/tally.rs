//! What a benchmark counts.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use hdrhistogram::Histogram;
use hotpool::registry::ConnectionId;

use crate::record::Record;

/// Three digits are more than a benchmark's repeatability.
const DIGITS: u8 = 3;

/// An hour in nanoseconds; what takes longer counts as that.
const SLOWEST: u64 = 3_600_000_000_000;

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
    pub(crate) connections: HashSet<ConnectionId>,
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
            latency: Histogram::new_with_bounds(1, SLOWEST, DIGITS)?,
        })
    }

    pub(crate) fn add(&mut self, record: &Record) {
        self.bytes += record.bytes.unwrap_or_default();
        if let Some(connection) = &record.connection {
            self.connections.insert(connection.id());
            self.reused += u64::from(connection.is_reused());
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
        self.latency.saturating_record(nanoseconds);
    }

    pub(crate) fn percentile(&self, percentile: f64) -> Duration {
        Duration::from_nanos(self.latency.value_at_percentile(percentile))
    }

    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_nanos(self.latency.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Failed;

    #[test]
    fn answered_and_failed_requests_are_counted_apart() {
        let mut tally = Tally::new().unwrap();
        for milliseconds in 1..=100 {
            tally.add(&Record {
                status: Some(200),
                bytes: Some(3),
                total: Duration::from_millis(milliseconds),
                ..Record::default()
            });
        }
        tally.add(&Record {
            failed: Some(Failed::late(Duration::from_secs(1), true)),
            total: Duration::from_secs(1),
            ..Record::default()
        });
        assert_eq!((tally.answered, tally.failed, tally.bytes), (100, 1, 300));
        assert_eq!(tally.statuses, BTreeMap::from([(200, 100)]));
        assert_eq!(tally.errors, BTreeMap::from([("request-timeout", 1)]));
        for (percentile, wanted) in [(50.0, 50.0), (99.0, 99.0), (99.9, 100.0)] {
            let found = tally.percentile(percentile).as_secs_f64() * 1e3;
            assert!(
                (found / wanted - 1.0).abs() < 0.002,
                "{percentile}: {found}"
            );
        }
        assert!(tally.slowest() >= Duration::from_millis(100));
    }

    #[test]
    fn what_takes_longer_than_the_histogram_reaches_is_not_lost() {
        let mut tally = Tally::new().unwrap();
        tally.add(&Record {
            total: Duration::from_secs(24 * 3600),
            ..Record::default()
        });
        assert!(tally.slowest() >= Duration::from_secs(3600));
    }
}
