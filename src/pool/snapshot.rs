//! A pool with every host and connection, as plain data.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::acquire::Usage;
use super::handle::Pool;
use super::host::HostPool;
use super::live::Live;
use super::shared::Shared;
use super::stats::PoolStats;
use crate::config::Protocols;
use crate::dial::Kind;
use crate::registry::{CloseReason, ConnectionId, Health, Protocol, State};

/// A pool at one moment, for people and programs that want to see what is going on in it. Serializes with `serde`: names for what has
/// one, durations in seconds.
///
/// A host's queue, dials and list of connections are of one moment. Each connection is read after the other, and so is each host: under
/// load two of them may be some operations apart, as may a connection's own counters.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PoolSnapshot {
    /// In numbers; read first.
    pub stats: PoolStats,
    /// How it is doing; [`Pool::health`] says more.
    pub health: super::Health,
    /// The hosts that the pool knows, by origin.
    pub hosts: Vec<HostSnapshot>,
}

/// One host of a [`PoolSnapshot`]: what a caller can ask for and gets the same connections.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HostSnapshot {
    /// Scheme, name and port.
    pub origin: String,
    /// The name of its profile, or of all that its connections may have drawn.
    pub profile: String,
    /// Whether its connections are [streams](super::HotStream), for one user each, and not for requests.
    pub streams: bool,
    /// What is offered to it.
    #[serde(serialize_with = "offered")]
    pub protocols: Protocols,
    /// Whom its connections are kept apart for.
    pub partition: Option<String>,
    /// The proxy that its connections lead through, without credentials.
    pub proxy: Option<String>,
    /// What its last connection spoke; `None` before the first.
    pub protocol: Option<Protocol>,
    /// Callers that wait for a connection.
    pub waiting: usize,
    /// Dials under way.
    pub dialing: usize,
    /// Dials that failed since one succeeded.
    pub failed_dials: u32,
    /// Connections kept warm.
    pub keep_warm: usize,
    /// How it is doing; [`Pool::health`] says more.
    pub health: super::Health,
    /// Why it is not healthy.
    pub why: Option<super::HealthCause>,
    /// The part of the last ten seconds' dials and requests that failed; `None` without any.
    pub error_rate: Option<f64>,
    /// Its connections, draining ones included, the oldest first.
    pub connections: Vec<ConnectionSnapshot>,
}

/// One connection of a [`HostSnapshot`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ConnectionSnapshot {
    /// Its name in the registry.
    #[serde(serialize_with = "number")]
    pub id: ConnectionId,
    /// Where it leads.
    pub address: SocketAddr,
    /// Our address.
    pub local_address: Option<SocketAddr>,
    /// The name of its profile.
    pub profile: String,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Where in its life it is.
    pub state: State,
    /// What is thought of it.
    pub health: Health,
    /// Uses handed out: streams for HTTP/2.
    pub in_use: u32,
    /// The most uses at the same time: the lesser of our limit and the server's.
    pub limit: u32,
    /// Nobody new gets it.
    pub draining: bool,
    /// Nobody gets it until it has proven that it works.
    pub held: bool,
    /// Requests and responses under way.
    pub in_flight: usize,
    /// Requests sent.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Bytes written, TLS included.
    pub bytes_sent: u64,
    /// Bytes read, TLS included.
    pub bytes_received: u64,
    /// Since its dial began.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// Since a use was last given back, or since it was opened; to a quarter of a second.
    #[serde(serialize_with = "seconds")]
    pub unused: Duration,
    /// Until its lifetime ends; to a quarter of a second.
    #[serde(serialize_with = "seconds")]
    pub expires_in: Duration,
    /// How often the pool had been flushed when its dial began.
    pub generation: u64,
    /// What TLS agreed on.
    pub tls: Option<TlsSnapshot>,
    /// The first cause of its end, from when it is known.
    pub close_reason: Option<CloseReason>,
}

/// What TLS agreed on for a connection.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TlsSnapshot {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// Such as `X25519MLKEM768`.
    pub group: Option<Box<str>>,
    /// The protocol that the server chose by ALPN.
    pub alpn: Option<Box<str>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
}

impl Pool {
    /// The pool with every host and every connection. Costs a walk over all of them and a few allocations for each; callers are not held
    /// up, but for the moment in which their own host's queue is read.
    pub fn snapshot(&self) -> PoolSnapshot {
        let shared = self.shared();
        let stats = shared.stats();
        let mut hosts: Vec<_> = shared
            .hosts
            .all()
            .iter()
            .map(|host| HostSnapshot::of(host, shared))
            .collect();
        hosts.sort_by(|one, other| {
            (&one.origin, &one.profile, &one.partition, &one.proxy).cmp(&(
                &other.origin,
                &other.profile,
                &other.partition,
                &other.proxy,
            ))
        });
        let health = self.health().health;
        PoolSnapshot {
            stats,
            health,
            hosts,
        }
    }
}

impl HostSnapshot {
    fn of(host: &Arc<HostPool>, shared: &Shared) -> Self {
        let now = shared.clock.now();
        let (members, mut snapshot) = {
            let queue = host.queue().lock();
            let snapshot = Self {
                origin: String::new(),
                profile: String::new(),
                streams: host.key().kind == Kind::Stream,
                protocols: host.key().protocols,
                partition: None,
                proxy: None,
                protocol: queue.protocol,
                waiting: queue.len(),
                dialing: queue.dialing,
                failed_dials: queue.failures,
                keep_warm: 0,
                health: super::Health::Healthy,
                why: None,
                error_rate: None,
                connections: Vec::new(),
            };
            (queue.members.clone(), snapshot)
        };
        // The rest does not need the lock.
        let key = host.key();
        snapshot.origin = key.origin.to_string();
        snapshot.profile = key.look.name();
        snapshot.partition = key.partition.as_deref().map(str::to_owned);
        snapshot.proxy = key.proxy.as_ref().map(ToString::to_string);
        snapshot.keep_warm = host.keep_warm();
        (snapshot.health, snapshot.why) = host.present_health(&shared.config(), now);
        snapshot.error_rate = host
            .performance()
            .and_then(|performance| performance.outcomes(now).error_rate());
        snapshot.connections = members
            .iter()
            .map(|live| ConnectionSnapshot::of(live, now))
            .collect();
        snapshot.connections.sort_by_key(|connection| connection.id);
        snapshot
    }
}

impl ConnectionSnapshot {
    fn of(live: &Arc<Live>, now: u64) -> Self {
        let entry = live.entry().snapshot();
        let Usage {
            in_use,
            draining,
            held,
        } = live.slot().usage();
        Self {
            id: entry.id,
            address: live.address(),
            local_address: entry.local_addr,
            profile: live.profile().name().to_string(),
            protocol: entry.protocol,
            state: entry.state,
            health: entry.health,
            in_use,
            limit: live.slot().limit(),
            draining,
            held,
            in_flight: entry.in_flight,
            requests: entry.stats.requests,
            errors: entry.stats.errors,
            bytes_sent: entry.stats.bytes_sent,
            bytes_received: entry.stats.bytes_received,
            age: entry.age,
            unused: Duration::from_millis(match in_use {
                0 => now.saturating_sub(live.slot().last_used()),
                _ => 0,
            }),
            expires_in: Duration::from_millis(live.expires().saturating_sub(now)),
            generation: live.generation(),
            tls: live.tls().map(|tls| TlsSnapshot {
                version: tls.version,
                cipher: tls.cipher,
                group: tls.group.clone(),
                alpn: tls.alpn.clone(),
                resumed: tls.resumed,
            }),
            close_reason: entry.close_reason,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn number<S: Serializer>(id: &ConnectionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(id.as_u64())
}

fn offered<S: Serializer>(protocols: &Protocols, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match protocols {
        Protocols::Any => "any",
        Protocols::Http1 => "http1",
        Protocols::Http2 => "http2",
    })
}
