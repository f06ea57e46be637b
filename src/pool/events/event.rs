//! The events themselves.

use std::net::SocketAddr;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Limit;
use crate::dial::{DialTiming, Origin};
use crate::error::Error;
use crate::pool::health::{Circuit, Health, HealthCause};
use crate::registry::{CloseReason, ConnectionId, Protocol};

/// Something that happened in a pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolEvent {
    /// A dial began, or waits for its turn among [`max_dials`](crate::config::Config::max_dials).
    #[non_exhaustive]
    DialStarted {
        /// The host that is dialed.
        host: Origin,
        /// The name of the profile that it is dialed with.
        profile: Arc<str>,
    },
    /// A dial brought no connection.
    #[non_exhaustive]
    DialFailed {
        /// The host that was dialed.
        host: Origin,
        /// The address that was being dialed, if it came to that.
        address: Option<SocketAddr>,
        /// What went wrong.
        error: Error,
        /// How long it took, waiting for its turn included.
        elapsed: Duration,
    },
    /// A dial brought a connection. Of the connection's events it is the first.
    #[non_exhaustive]
    ConnectionAdded {
        /// The connection.
        id: ConnectionId,
        /// What it is for.
        host: Origin,
        /// Where it leads.
        address: SocketAddr,
        /// What is spoken on it.
        protocol: Protocol,
        /// The name of its profile.
        profile: Arc<str>,
        /// How long each step of its dial took.
        timing: DialTiming,
    },
    /// A connection has ended. Of the connection's events it is the last, and there is exactly one.
    #[non_exhaustive]
    ConnectionRemoved {
        /// The connection.
        id: ConnectionId,
        /// What it was for.
        host: Origin,
        /// Where it led.
        address: SocketAddr,
        /// What was spoken on it.
        protocol: Protocol,
        /// The first cause of its end.
        reason: CloseReason,
        /// How long it lived, its dial included.
        age: Duration,
        /// How many requests it carried.
        requests: u64,
    },
    /// A caller's deadline passed before a connection was free.
    #[non_exhaustive]
    AcquireTimedOut {
        /// The host that was asked for.
        host: Origin,
        /// What the caller was told; it names the limit that stood in the way.
        error: Error,
        /// How long the caller waited.
        waited: Duration,
    },
    /// A request failed on a connection, or its response did. The caller need not have seen it: where that is safe, the request is sent
    /// again.
    #[non_exhaustive]
    RequestFailed {
        /// The connection.
        id: ConnectionId,
        /// What it is for.
        host: Origin,
        /// Where it leads.
        address: SocketAddr,
        /// What went wrong.
        error: Error,
    },
    /// A limit stood in the way of something. Told at most once a second for each limit and host.
    #[non_exhaustive]
    LimitReached {
        /// The limit.
        limit: Limit,
        /// The host that would have needed more; `None` where it is not about one.
        host: Option<Origin>,
        /// How much was in use.
        used: usize,
        /// How much there may be.
        most: usize,
        /// How often it was reached without being told, since it was last told.
        untold: u64,
    },
    /// A server closes idle connections earlier than this side would; from now on they are given up, or replaced, before that.
    #[non_exhaustive]
    IdleWindowLearned {
        /// The host.
        host: Origin,
        /// How long it leaves an idle connection open.
        window: Duration,
    },
    /// A server closes connections so soon that keeping one warm would be a handshake every few seconds: none is kept for a while.
    #[non_exhaustive]
    NotKeptWarm {
        /// The host.
        host: Origin,
        /// After this it is tried again.
        until_tried_again: Duration,
    },
    /// A connection was handed out so long ago that it was most likely leaked, see
    /// [`lease_age_alarm`](crate::config::Config::lease_age_alarm). Told once for each use.
    #[non_exhaustive]
    LeaseOverdue {
        /// The connection.
        id: ConnectionId,
        /// What it is for.
        host: Origin,
        /// Where it leads.
        address: SocketAddr,
        /// How long it has been held.
        age: Duration,
        /// Where it was asked for, in debug builds: a call of `get`, `try_get` or `send`.
        site: Option<&'static Location<'static>>,
    },
    /// The pool was changed, by [`reconfigure`](crate::Pool::reconfigure) or by its watched file.
    #[non_exhaustive]
    Reconfigured {
        /// The settings that are others now, by name, and `protocols`, `tls`, `profile`, `accept_language`.
        changed: Vec<&'static str>,
    },
    /// The watched file has changed to what cannot be used, or is gone. The configuration stays as it was.
    #[non_exhaustive]
    ConfigurationRefused {
        /// The file.
        path: Arc<Path>,
        /// What is wrong with it.
        error: Error,
    },
    /// Every connection was retired, by [`flush`](crate::Pool::flush).
    #[non_exhaustive]
    Flushed {
        /// How many there were.
        connections: usize,
    },
    /// An address failed often enough in a row to be [blacklisted](crate::Pool::blacklist), or failed when it was probed.
    #[non_exhaustive]
    AddressListed {
        /// The host for which it was dialed.
        host: Origin,
        /// What is listed.
        address: SocketAddr,
        /// Whether it is listed for all hosts, since it could not be connected to; else for this one.
        for_all_hosts: bool,
        /// How the last attempt failed.
        error: Error,
        /// How long it is listed.
        term: Duration,
    },
    /// An address that was blacklisted for its failures works again.
    #[non_exhaustive]
    AddressUnlisted {
        /// The host for which it was dialed.
        host: Origin,
        /// What is off the list.
        address: SocketAddr,
    },
    /// A host's circuit breaker opened or closed again.
    #[non_exhaustive]
    CircuitChanged {
        /// The host.
        host: Origin,
        /// What it lets through from now on.
        circuit: Circuit,
    },
    /// A host or the pool is doing better or worse; see [`Pool::health`](crate::Pool::health).
    #[non_exhaustive]
    HealthChanged {
        /// The host; `None` for the pool as a whole.
        host: Option<Origin>,
        /// The word before.
        from: Health,
        /// The word now.
        to: Health,
        /// What speaks against a better one; `None` when it is healthy.
        why: Option<HealthCause>,
    },
    /// The subscriber was too slow: so many events were dropped at this place. Hooks never see it.
    Lost(u64),
}

impl PoolEvent {
    /// Its stable name, as used in logs and metrics: lower case, words joined by hyphens.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DialStarted { .. } => "dial-started",
            Self::DialFailed { .. } => "dial-failed",
            Self::ConnectionAdded { .. } => "connection-added",
            Self::ConnectionRemoved { .. } => "connection-removed",
            Self::AcquireTimedOut { .. } => "acquire-timed-out",
            Self::RequestFailed { .. } => "request-failed",
            Self::LimitReached { .. } => "limit-reached",
            Self::IdleWindowLearned { .. } => "idle-window-learned",
            Self::NotKeptWarm { .. } => "not-kept-warm",
            Self::LeaseOverdue { .. } => "lease-overdue",
            Self::Reconfigured { .. } => "reconfigured",
            Self::ConfigurationRefused { .. } => "configuration-refused",
            Self::Flushed { .. } => "flushed",
            Self::AddressListed { .. } => "address-listed",
            Self::AddressUnlisted { .. } => "address-unlisted",
            Self::CircuitChanged { .. } => "circuit-changed",
            Self::HealthChanged { .. } => "health-changed",
            Self::Lost(_) => "lost",
        }
    }

    /// The host it is about, if it is about one.
    pub const fn host(&self) -> Option<&Origin> {
        match self {
            Self::DialStarted { host, .. }
            | Self::DialFailed { host, .. }
            | Self::ConnectionAdded { host, .. }
            | Self::ConnectionRemoved { host, .. }
            | Self::AcquireTimedOut { host, .. }
            | Self::LeaseOverdue { host, .. }
            | Self::RequestFailed { host, .. }
            | Self::IdleWindowLearned { host, .. }
            | Self::NotKeptWarm { host, .. }
            | Self::AddressListed { host, .. }
            | Self::AddressUnlisted { host, .. }
            | Self::CircuitChanged { host, .. } => Some(host),
            Self::LimitReached { host, .. } | Self::HealthChanged { host, .. } => host.as_ref(),
            Self::Reconfigured { .. }
            | Self::ConfigurationRefused { .. }
            | Self::Flushed { .. }
            | Self::Lost(_) => None,
        }
    }
}
