//! The hot connections, by endpoint: handing out, waiting, dialing, preheating, closing.
//!
//! `get` finds the host's snapshot of connections and takes one use of the first that is free: a few atomic operations. What it
//! cannot get that way it waits for, in a queue that is served first come, first served, by whoever gives a use back or finishes a
//! dial. Limits are [`config`](crate::config)'s; each connection is registered in the [`registry`](crate::registry) from the start
//! of its dial to the end of its socket.

mod builder;
mod clock;
mod connection;
mod deadline;
mod dialing;
mod dials;
mod driving;
mod events;
mod evict;
mod flush;
mod handle;
mod host;
mod hosts;
mod housekeeper;
mod info;
mod key;
mod lease;
mod live;
mod permits;
mod preheat;
mod queue;
mod reconfigure;
mod shared;
mod shutdown;
mod slot;
mod stats;
mod target;
#[cfg(feature = "config-file")]
mod watch;

pub use builder::PoolBuilder;
pub use connection::Connection;
pub use events::{Limit, PoolEvent, PoolEvents};
pub use handle::{Host, Pool};
pub use info::{ConnectionInfo, Fingerprint};
pub(crate) use lease::Lease;
pub(crate) use live::Live;
pub use preheat::{PreheatReport, Preheated};
pub use reconfigure::Reconfiguration;
pub use shutdown::ShutdownReport;
pub use stats::PoolStats;
pub use target::{AsTarget, Target};
