//! The hot connections, by endpoint: handing out, waiting, dialing, preheating, closing.
//!
//! `get` finds the host's snapshot of connections and takes one use of the first that is free: a few atomic operations. What it
//! cannot get that way it waits for, in a queue that is served first come, first served, by whoever gives a use back or finishes a
//! dial. Limits are [`config`](crate::config)'s; each connection is registered in the [`registry`](crate::registry) from the start
//! of its dial to the end of its socket.
//!
//! # What the pool does, and how to ask for it
//!
//! | wanted | asked for by |
//! |---|---|
//! | a connection to a host, waiting or not | [`Pool::get`], [`Pool::get_within`], [`Pool::try_get`], [`Host::get`]; dropping it returns it |
//! | to these addresses only | [`Target::address`], [`Target::addresses`] |
//! | connections made ahead and kept | [`Pool::preheat`], [`min_warm`](crate::config::Config::min_warm); no more: [`Pool::cool`] |
//! | the connections of a host or address | [`Pool::registry`]: [`by_host`](crate::Registry::by_host), [`by_address`](crate::Registry::by_address) |
//! | hosts with their connections and addresses | [`Pool::snapshot`] |
//! | numbers: connections opened, of them those to addresses that are new in the DNS; addresses listed and found well again | [`Pool::stats`], the feature `metrics` |
//! | request counts, error rate, time to an answer | [`Pool::health`], [`Pool::snapshot`] |
//! | how it is doing | [`Pool::health`], [`Host::health`] |
//! | what happens | [`Pool::subscribe`], [`PoolBuilder::on_event`] |
//! | to end one connection | [`Entry::request_close`](crate::registry::Entry::request_close) of its entry |
//! | to end those that are idle, all, the pool | [`Pool::close_idle`], [`Pool::flush`], [`Pool::shutdown`] |
//! | which addresses may be used | [`PoolBuilder::access_list`]; failing ones are avoided by themselves: [`Pool::blacklist`] |
//! | how connections and addresses are chosen | [`PoolBuilder::balance`], [`PoolBuilder::weights`] |
//! | several profiles | [`PoolBuilder::profiles`] |
//! | other languages in requests | [`PoolBuilder::accept_language`] |
//! | limits and deadlines, other ones in use | [`Config`](crate::config::Config), [`Pool::reconfigure`] |
//! | memory of a connection bounded | [`max_memory_per_connection`](crate::config::Config::max_memory_per_connection) |
//! | how often a request is sent again | [`max_retries`](crate::config::Config::max_retries), [`RequestOptions::max_retries`](crate::client::RequestOptions::max_retries) |
//! | callers of a dead host refused | [`circuit_breaker`](crate::config::Config::circuit_breaker) |
//! | leaked connections found | [`lease_age_alarm`](crate::config::Config::lease_age_alarm) |
//!
//! Idle, expired, surplus and silent connections are cleaned up by the housekeeper, nothing has to be called for it. Only what
//! certainly was not processed is sent again, [so often](crate::config::Config::max_retries) and within a budget, and what may have been
//! once, if its caller allows it ([`Connection::send`]). An application's own probe (a HEAD now and then) is a request like any other, sent by who
//! wants it; the pool itself asks by PING and by looking at the socket, which no server logs.

// A caller comes by a handle to a host, and acquires a use of a connection that is live. What is missing is dialed, to addresses that
// are known. Health judges how it all goes, upkeep looks after it unasked, events tell of it, and a program controls the whole.
mod acquire;
mod address;
mod builder;
mod clock;
mod connection;
mod control;
mod deadline;
mod dialing;
mod events;
mod handle;
mod health;
mod host;
mod hosts;
mod info;
mod key;
mod live;
mod profiles;
mod proxies;
mod shared;
mod snapshot;
mod stats;
mod stream;
mod sync;
mod target;
mod upkeep;

pub(crate) use acquire::{Lease, Site};
pub use address::{BlacklistCause, BlacklistEntry, BlacklistHandle};
pub use builder::PoolBuilder;
pub use connection::Connection;
pub use control::{Overstayed, PreheatReport, Preheated, Reconfiguration, ShutdownReport};
#[cfg(feature = "metrics")]
pub(crate) use events::Observer;
pub use events::{Limit, PoolEvent, PoolEvents};
pub use handle::{Host, Pool};
pub(crate) use health::ProbedHost;
pub use health::{Circuit, Health, HealthCause, HealthReport, HostHealth, Percentiles, Vitals};
pub use info::{ConnectionInfo, Fingerprint};
#[cfg(feature = "decompression")]
pub(crate) use live::Live;
pub use snapshot::{ConnectionSnapshot, HostSnapshot, PoolSnapshot, TlsSnapshot};
pub use stats::PoolStats;
pub use stream::HotStream;
pub use target::{AsTarget, Target};
