//! How a host answers: its latencies and its failures, of late.

use std::time::Duration;

use super::host::HostPool;
use super::live::Live;
use super::measure::{Latencies, Percentiles, Window};

/// Made with a host's first answer: a host that is only kept warm has none.
#[derive(Debug)]
pub(super) struct Performance {
    latencies: Latencies,
    outcomes: Window,
}

/// Over how long failures count. Long enough for a few requests of a quiet host, short enough to forget an outage that is over.
const WINDOW: Duration = Duration::from_secs(30);

impl Performance {
    fn new() -> Self {
        Self {
            latencies: Latencies::new(),
            outcomes: Window::new(WINDOW),
        }
    }

    /// Times to the first byte of an answer, of the last one to two minutes.
    pub(super) fn latencies(&self, now: u64) -> Percentiles {
        self.latencies.percentiles(now)
    }

    /// The part of requests that failed, of late; `None` without any.
    pub(super) fn error_rate(&self, now: u64) -> Option<f64> {
        self.outcomes.counts(now).error_rate()
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
