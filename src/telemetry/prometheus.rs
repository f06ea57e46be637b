//! Metrics for Prometheus to scrape.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::error::{Error, ErrorKind, Result};

/// The histograms' buckets, in seconds: from a loopback's round trip to the longest default deadline. A connection's age has its own.
const BUCKETS: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0,
];

/// From a connection that did not last to one that outlived its default lifetime.
const AGES: [f64; 8] = [0.1, 1.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// A recorder that writes Prometheus's text format. How that gets to the server (an HTTP endpoint, a file) is the program's business.
#[derive(Clone, Debug)]
pub struct Prometheus(PrometheusHandle);

impl Prometheus {
    /// Installs it for the whole process, for all that records through the `metrics` facade. To be called before anything is recorded.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) when the process has a recorder already.
    pub fn install() -> Result<Self> {
        let recorder = builder().map_err(invalid)?.build_recorder();
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).map_err(|error| {
            Error::new(ErrorKind::InvalidConfiguration)
                .with_detail("the process has a metrics recorder already")
                .with_source(error.to_string())
        })?;
        Ok(Self(handle))
    }

    /// Everything recorded so far, in the text format, and tidies up: call it at least every few minutes, as scraping does.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

fn builder() -> std::result::Result<PrometheusBuilder, BuildError> {
    let ages = Matcher::Full(super::names::CONNECTION_AGE_SECONDS.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(ages, &AGES)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
}

fn invalid(error: BuildError) -> Error {
    Error::new(ErrorKind::InvalidConfiguration)
        .with_detail("the metrics' buckets")
        .with_source(error)
}
