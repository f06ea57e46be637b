//! What is measured of connections, addresses and hosts while they work: how late answers are, and how many fail.
//!
//! All of it is lock-free, allocates nothing once made, and has no clock: `now` is an argument, in milliseconds of the pool's
//! coarse clock. A measurement steers a choice, so one that is lost in a race is a measurement less, never an error.

mod latencies;
mod peak_ewma;
mod running_median;
mod window;

pub(crate) use latencies::Latencies;
pub use latencies::Percentiles;
pub(crate) use peak_ewma::PeakEwma;
pub(crate) use running_median::RunningMedian;
pub(crate) use window::{Counts, Window};
