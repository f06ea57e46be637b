//! What pools do, in numbers, through the [`metrics`](::metrics) facade: whatever recorder the program has installed gets them.
//!
//! ```
//! use hotpool::Pool;
//! use hotpool::telemetry::Metrics;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), hotpool::Error> {
//! let metrics = Metrics::new("backend");
//! let pool = Pool::builder().metrics(&metrics).build()?;
//! metrics.sample(&pool);           // now and then, for the gauges: before each scrape, say
//! # Ok(())
//! # }
//! ```
//!
//! Install the recorder first: what is recorded before that is lost, and a host that was met before that keeps to it. Every metric
//! is in [`names`], with its unit and labels. Of hosts only so many get a label of their own
//! ([`most_hosts`](Metrics::most_hosts)); the others share `other`.
//!
//! A pool without metrics pays nothing for them, one with them nothing for handing out a connection that is there.
#![cfg_attr(
    feature = "prometheus",
    doc = "\nWith the feature `prometheus`, [`Prometheus`] is such a recorder."
)]

mod hosts;
mod metrics;
pub mod names;
#[cfg(feature = "prometheus")]
mod prometheus;

pub use self::metrics::Metrics;
#[cfg(feature = "prometheus")]
pub use prometheus::Prometheus;
