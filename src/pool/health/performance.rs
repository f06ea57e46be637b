//! How a host answers: its latencies and its failures, of late.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::measure::{Counts, Latencies, Percentiles, RunningMedian, Window};
use crate::pool::acquire::Lease;
use crate::pool::dialing::is_slow;
use crate::pool::host::HostPool;
use crate::pool::live::Live;

/// Made with a host's first answer or failure: a host that is only kept warm has none.
#[derive(Debug)]
pub(in crate::pool) struct Performance {
    latencies: Latencies,
    median: RunningMedian,
    outcomes: Window,
    /// How many probings it fails.
    probings_failed: AtomicUsize,
}

impl Performance {
    fn new() -> Self {
        Self {
            latencies: Latencies::new(),
            median: RunningMedian::default(),
            outcomes: Window::new(Window::LENGTH),
            probings_failed: AtomicUsize::new(0),
        }
    }

    /// Times to the first byte of an answer, of the last one to two minutes.
    pub(super) fn latencies(&self, now: u64) -> Percentiles {
        self.latencies.percentiles(now)
    }

    /// The median time to the first byte of the last few dozens of answers, in microseconds.
    pub(in crate::pool) fn present_median(&self) -> u64 {
        self.median.micros()
    }

    pub(super) fn measured_latencies(&self) -> &Latencies {
        &self.latencies
    }

    /// The requests and dials of the last ten seconds.
    pub(in crate::pool) fn outcomes(&self, now: u64) -> Counts {
        self.outcomes.counts(now)
    }

    /// Whether every connection failed the last probes.
    pub(super) fn fails_probes(&self) -> bool {
        self.probings_failed.load(Ordering::Relaxed) > 0
    }
}

impl HostPool {
    pub(in crate::pool) fn performance(&self) -> Option<&Performance> {
        self.performance.get().map(Box::as_ref)
    }

    fn measured(&self) -> &Performance {
        self.performance
            .get_or_init(|| Box::new(Performance::new()))
    }

    /// Marks the connections that answer much later than the quickest: what is avoided for it is tried again as its latency is forgotten.
    pub(in crate::pool) fn mark_slow(&self, connections: &[Arc<Live>], now: u64) {
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

    /// A probing has found, or finds no longer, that every connection fails.
    pub(super) fn note_probes_failing(self: &Arc<Self>, failing: bool) {
        let count = &self.measured().probings_failed;
        match failing {
            true => count.fetch_add(1, Ordering::Relaxed),
            false => count.fetch_sub(1, Ordering::Relaxed),
        };
        self.look_soon();
    }

    /// A dial brought none.
    pub(in crate::pool) fn dialed_badly(&self) {
        self.measured().outcomes.record(self.now(), false);
    }
}

/// A request's outcome is the host's that it was for, whosever connection carried it.
impl Lease {
    /// The head of an answer arrived so long after its request.
    pub(crate) fn answered_in(&self, latency: Duration) {
        let host = self.host();
        let now = host.now();
        self.live().latency().record(now, latency);
        if let Some(observer) = host.voice().publisher().observer() {
            observer.answered(&host.key().origin, latency);
        }
        let measured = host.measured();
        measured.latencies.record(now, latency);
        // Whether there are enough connections is their owner's to decide.
        self.live().host().measured().median.record(latency);
        measured.outcomes.record(now, true);
    }

    /// A request failed after it was sent, and not by the caller's or this side's doing.
    pub(crate) fn answered_badly(&self) {
        let host = self.host();
        host.measured().outcomes.record(host.now(), false);
    }
}
