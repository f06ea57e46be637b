//! How a host answers: its latencies and its failures, of late.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::host::HostPool;
use super::live::Live;
use super::measure::{Counts, Latencies, Percentiles, RunningMedian, Window};
use super::scale::is_slow;

/// Made with a host's first answer or failure: a host that is only kept warm has none.
#[derive(Debug)]
pub(super) struct Performance {
    latencies: Latencies,
    median: RunningMedian,
    outcomes: Window,
}

impl Performance {
    fn new() -> Self {
        Self {
            latencies: Latencies::new(),
            median: RunningMedian::default(),
            outcomes: Window::new(Window::LENGTH),
        }
    }

    /// Times to the first byte of an answer, of the last one to two minutes.
    pub(super) fn latencies(&self, now: u64) -> Percentiles {
        self.latencies.percentiles(now)
    }

    /// The median time to the first byte of the last few dozens of answers, in microseconds.
    pub(super) fn present_median(&self) -> u64 {
        self.median.micros()
    }

    pub(super) fn measured_latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// The requests and dials of the last ten seconds.
    pub(super) fn outcomes(&self, now: u64) -> Counts {
        self.outcomes.counts(now)
    }
}

impl HostPool {
    pub(super) fn performance(&self) -> Option<&Performance> {
        self.performance.get().map(Box::as_ref)
    }

    fn measured(&self) -> &Performance {
        self.performance
            .get_or_init(|| Box::new(Performance::new()))
    }

    /// Marks the connections that answer much later than the quickest: what is avoided for it is tried again as its latency is forgotten.
    pub(super) fn mark_slow(&self, connections: &[Arc<Live>], now: u64) {
        let latency = |live: &Arc<Live>| live.latency().load(now) as u64;
        let Some(best) = connections.iter().map(latency).min() else {
            return;
        };
        for live in connections {
            let slow = is_slow(latency(live), best);
            if live.slow.load(Ordering::Relaxed) != slow {
                live.slow.store(slow, Ordering::Relaxed);
            }
        }
    }

    /// A dial brought a connection. One that nothing was measured before counts for nothing.
    pub(super) fn dialed_well(&self) {
        if let Some(measured) = self.performance() {
            measured.outcomes.record(self.now(), true);
        }
    }

    /// A dial brought none.
    pub(super) fn dialed_badly(&self) {
        self.measured().outcomes.record(self.now(), false);
    }
}

impl Live {
    /// The head of an answer arrived so long after its request.
    pub(crate) fn answered_in(&self, latency: Duration) {
        let now = self.host().now();
        self.latency().record(now, latency);
        if let Some(observer) = self.host().voice().publisher().observer() {
            observer.answered(self.origin(), latency);
        }
        let measured = self.host().measured();
        measured.latencies.record(now, latency);
        measured.median.record(latency);
        measured.outcomes.record(now, true);
    }

    /// A request failed after it was sent.
    pub(crate) fn answered_badly(&self) {
        let now = self.host().now();
        self.host().measured().outcomes.record(now, false);
    }
}
