//! What a caller holds.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use super::lease::Lease;
use super::queue::Granted;
use crate::dial::{DialTiming, Origin, TlsInfo};
use crate::error::Result;
use crate::registry::{ConnectionId, Entry, Protocol};

/// A connection, ready for a request; dropping it returns it to the pool.
///
/// An HTTP/2 connection is shared: this is the right to one of its streams. An HTTP/1.1 connection is lent to one caller at a time.
/// A response's body keeps that right until it has been read or dropped, also after the `Connection` itself is gone.
pub struct Connection {
    lease: Lease,
    /// The same use, once exchanges share it with this handle.
    shared: OnceLock<Arc<Lease>>,
    reused: bool,
}

impl Connection {
    pub(super) fn new(granted: Granted) -> Self {
        Self {
            lease: granted.lease,
            shared: OnceLock::new(),
            reused: granted.reused,
        }
    }

    pub(super) fn reused(lease: Lease) -> Self {
        Self::new(Granted {
            lease,
            reused: true,
        })
    }

    /// Its number in the registry; never reused.
    pub fn id(&self) -> ConnectionId {
        self.entry().id()
    }

    /// What it is for.
    pub fn origin(&self) -> &Origin {
        &self.lease.live().key().host.origin
    }

    /// Where it leads.
    pub fn remote_addr(&self) -> SocketAddr {
        self.lease.live().key().address
    }

    /// [`Protocol::Http1`] or [`Protocol::Http2`].
    pub fn protocol(&self) -> Protocol {
        self.lease.live().protocol()
    }

    /// The name of its profile.
    pub fn profile(&self) -> &str {
        self.lease.live().key().host.profile.name()
    }

    /// What TLS agreed on; `None` without TLS.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.lease.live().tls()
    }

    /// The Akamai fingerprint of the HTTP/2 opening that was really sent; `None` for HTTP/1.1 and before the connection's first
    /// request has left.
    pub fn akamai(&self) -> Option<String> {
        let (_, peer) = self.lease.live().http2()?;
        peer.opening().map(crate::profile::Http2Opening::akamai)
    }

    /// Whether the connection was there when it was asked for; else this call's caller waited for its dial.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// How long its dial took, step by step, whoever waited for it.
    pub fn dial_timing(&self) -> DialTiming {
        self.lease.live().timing()
    }

    /// Its record in the registry: statistics, health, attributes.
    pub fn entry(&self) -> &Arc<Entry> {
        self.lease.live().entry()
    }

    /// The use, for an exchange that may outlive this handle.
    pub(crate) fn share(&self) -> Arc<Lease> {
        Arc::clone(self.shared.get_or_init(|| Arc::new(self.lease.hand_over())))
    }

    /// Another connection to the same host, by the pool's acquire deadline.
    ///
    /// Cancel-safe: nothing is held until it returns.
    pub(crate) async fn another(&self) -> Result<Self> {
        self.lease.live().host().connection().await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id())
            .field("origin", &self.origin().to_string())
            .field("remote_addr", &self.remote_addr())
            .field("protocol", &self.protocol())
            .field("reused", &self.reused)
            .finish_non_exhaustive()
    }
}
