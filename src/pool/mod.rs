//! The hot connections, by endpoint: handing out, waiting, dialing, preheating, closing.
//!
//! `get` finds the host's snapshot of connections and takes one use of the first that is free: a few atomic operations. What it
//! cannot get that way it waits for, in a queue that is served first come, first served, by whoever gives a use back or finishes a
//! dial. Limits are [`config`](crate::config)'s; each connection is registered in the [`registry`](crate::registry) from the start
//! of its dial to the end of its socket.

mod address;
mod breaker;
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
#[allow(dead_code, reason = "what is observed of hosts is put into it next")]
mod health_report;
mod host;
mod hosts;
mod housekeeper;
mod idle_window;
mod info;
#[cfg(all(test, shuttle))]
mod interleavings;
mod key;
mod lease;
mod leases;
mod live;
mod liveness;
#[allow(
    dead_code,
    unused_imports,
    reason = "read by the choice among connections and by health reports, which come next"
)]
mod measure;
mod performance;
mod permits;
mod pick;
mod preheat;
mod proving;
mod queue;
mod reconfigure;
mod resets;
mod retry_budget;
mod scale;
mod shared;
mod shutdown;
mod slot;
mod snapshot;
mod stats;
mod sync;
mod target;
mod turnstile;
mod upkeep;
mod warmth;
#[cfg(feature = "config-file")]
mod watch;
mod watcher;
mod wheel;

pub use address::{BlacklistCause, BlacklistEntry, BlacklistHandle};
pub use breaker::Circuit;
pub use builder::PoolBuilder;
pub use connection::Connection;
#[cfg(feature = "metrics")]
pub(crate) use events::Observer;
pub use events::{Limit, PoolEvent, PoolEvents};
pub use handle::{Host, Pool};
pub use health_report::{Health, Vitals};
pub use info::{ConnectionInfo, Fingerprint};
pub(crate) use lease::Lease;
pub(crate) use leases::Site;
pub(crate) use live::Live;
pub use measure::Percentiles;
pub use preheat::{PreheatReport, Preheated};
pub use reconfigure::Reconfiguration;
pub use shutdown::{Overstayed, ShutdownReport};
pub use snapshot::{ConnectionSnapshot, HostSnapshot, PoolSnapshot, TlsSnapshot};
pub use stats::PoolStats;
pub use target::{AsTarget, Target};
