//! The hosts' labels, as many as there may be.

use std::collections::HashMap;
use std::sync::Arc;

use ::metrics::{Counter, Histogram, counter, histogram};
use parking_lot::RwLock;

use super::names;
use crate::dial::Origin;
use crate::pool::Health;

/// The label of all hosts that get none of their own.
const OTHER: &str = "other";

/// What is recorded so often that it is looked up only once, and the host's label for the rest.
#[derive(Debug)]
pub(super) struct HostMetrics {
    pub(super) label: Arc<str>,
    pub(super) dials_started: Counter,
    pub(super) acquire_wait: Histogram,
    pub(super) answer: Histogram,
}

/// Hosts that were met. A recorder keeps what it was once given, so they are never forgotten here either.
#[derive(Debug)]
pub(super) struct HostTable {
    pool: Arc<str>,
    most: usize,
    known: RwLock<HashMap<Origin, Arc<HostMetrics>>>,
    other: std::sync::OnceLock<Arc<HostMetrics>>,
}

impl HostTable {
    pub(super) fn new(pool: Arc<str>, most: usize) -> Self {
        Self {
            pool,
            most,
            known: RwLock::default(),
            other: std::sync::OnceLock::new(),
        }
    }

    pub(super) fn of(&self, host: &Origin) -> Arc<HostMetrics> {
        if let Some(known) = self.known.read().get(host) {
            return Arc::clone(known);
        }
        let mut known = self.known.write();
        if let Some(known) = known.get(host) {
            return Arc::clone(known);
        }
        if known.len() >= self.most {
            return Arc::clone(self.other());
        }
        let metrics = Arc::new(self.metrics(host.to_string().into()));
        known.insert(host.clone(), Arc::clone(&metrics));
        metrics
    }

    /// For what is about no one host, and for those beyond the limit.
    pub(super) fn other(&self) -> &Arc<HostMetrics> {
        self.other
            .get_or_init(|| Arc::new(self.metrics(OTHER.into())))
    }

    /// Every label given so far, each with the best that can be said of it.
    pub(super) fn labels(&self) -> HashMap<Arc<str>, Health> {
        let known = self.known.read();
        let all = known.values().chain(self.other.get());
        let healthy = |host: &Arc<HostMetrics>| (Arc::clone(&host.label), Health::Healthy);
        all.map(healthy).collect()
    }

    fn metrics(&self, label: Arc<str>) -> HostMetrics {
        let labels = || {
            [
                ("pool", Arc::clone(&self.pool)),
                ("host", Arc::clone(&label)),
            ]
        };
        HostMetrics {
            dials_started: counter!(names::DIALS_STARTED, &labels()),
            acquire_wait: histogram!(names::ACQUIRE_WAIT_SECONDS, &labels()),
            answer: histogram!(names::ANSWER_SECONDS, &labels()),
            label,
        }
    }
}
