//! A connection at one moment, as plain data.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::serialize::{seconds, text, texts};
use super::{
    Activity, CloseReason, ConnectionId, Direction, Health, Identity, Protocol, State,
    StatsSnapshot,
};

/// What an [`Entry`](super::Entry) said at one moment.
///
/// Serializes with `serde`: names for what has one, durations in seconds.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name.
    pub id: ConnectionId,
    /// Who opened it.
    pub direction: Direction,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// The host it is for, once known.
    #[serde(serialize_with = "text")]
    pub host: Option<Arc<str>>,
    /// The peer's address, once known.
    pub remote_addr: Option<SocketAddr>,
    /// The client's address: the peer's, unless a trusted proxy said otherwise.
    pub client_addr: Option<SocketAddr>,
    /// Our address, once known.
    pub local_addr: Option<SocketAddr>,
    /// Where in its life it is.
    pub state: State,
    /// Whether anything is under way.
    pub activity: Activity,
    /// The number of requests or exchanges under way.
    pub in_flight: usize,
    /// What its owner thinks of it.
    pub health: Health,
    /// Who the peer has proven to be.
    pub identity: Identity,
    /// Its labels, sorted.
    #[serde(serialize_with = "texts")]
    pub labels: Vec<Arc<str>>,
    /// How long it has been, or was, in the registry.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// How long nothing has been received on it; when it is closed, at its end.
    #[serde(serialize_with = "seconds")]
    pub idle_for: Duration,
    /// What went over it.
    pub stats: StatsSnapshot,
    /// The first cause of its end, from when it is known.
    pub close_reason: Option<CloseReason>,
}
