//! What a program tells a whole pool to do, besides asking it for connections.
//!
//! To [`preheat`] hosts, to [`reconfigure`] itself, once or as a [configuration file changes](crate::pool::PoolBuilder::watch_config_file),
//! to [`flush`] what is open, and to end ([`shutdown`]). These are methods of [`Pool`](crate::Pool), with the reports that they return;
//! but for the builder, which begins to watch the file, nothing in the pool calls them.

mod flush;
mod preheat;
mod reconfigure;
mod shutdown;
#[cfg(feature = "config-file")]
mod watch;

pub use preheat::{PreheatReport, Preheated};
pub use reconfigure::Reconfiguration;
pub use shutdown::{Overstayed, ShutdownReport};
#[cfg(feature = "config-file")]
pub(super) use watch::Watched;
