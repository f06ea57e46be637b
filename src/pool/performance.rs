//! How a host answers: its latencies and its failures, of late.

use std::time::Duration;

use super::host::HostPool;
use super::live::Live;
use super::measure::{Counts, Latencies, Percentiles, Window};

/// Made with a host's first answer or failure: a host that is only kept warm has none.
#[derive(Debug)]
pub(super) struct Performance {
    latencies: Latencies,
    outcomes: Window,
}

impl Performance {
    fn new() -> Self {
        Self {
            latencies: Latencies::new(),
            outcomes: Window::new(Window::LENGTH),
        }
    }

    /// Times to the first byte of an answer, of the last one to two minutes.
    pub(super) fn latencies(&self, now: u64) -> Percentiles {
        self.latencies.percentiles(now)
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
        measured.outcomes.record(now, true);
    }

    /// A request failed after it was sent.
    pub(crate) fn answered_badly(&self) {
        let now = self.host().now();
        self.host().measured().outcomes.record(now, false);
    }
}
