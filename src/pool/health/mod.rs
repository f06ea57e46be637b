//! How connections and hosts are doing, what is concluded from it, and what is told of it.
//!
//! A connection that was silent is asked whether it still works: [`liveness`] decides when, [`proving`] asks. A host's answers and
//! failures are kept in its [`performance`], in figures that [`measure`] makes; the [`breaker`] refuses callers of a host that fails too
//! often, and the [`retry_budget`] keeps repetitions down. [`judgement`] puts it all in one word, which [`report`] observes, tells and
//! hands out. Requests feed it as they end, the housekeeper looks at it.

mod breaker;
mod judgement;
mod liveness;
mod measure;
mod performance;
mod probed;
mod proving;
mod report;
mod retry_budget;

pub use breaker::Circuit;
pub(super) use breaker::{Breaker, counts_as_failure};
pub(super) use judgement::Steady;
pub use judgement::{Health, HealthCause, Vitals};
pub(super) use liveness::Patience;
pub(super) use measure::PeakEwma;
pub use measure::Percentiles;
pub(super) use performance::Performance;
pub(crate) use probed::ProbedHost;
pub(super) use proving::Asked;
pub(super) use report::PoolHealth;
pub use report::{HealthReport, HostHealth};
pub(super) use retry_budget::RetryBudget;
