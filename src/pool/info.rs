//! What there is to know about a connection.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::host::HostPool;
use super::live::Live;
use crate::dial::{DialTiming, Origin, Proxy, TlsFingerprint, TlsInfo};
use crate::profile::Http2Opening;
use crate::registry::{ConnectionId, Entry, Protocol};

/// Which connection it is and what was agreed on it. Cloning is cheap.
///
/// A [`Connection`](super::Connection) dereferences to its own. Every response carries, in its
/// [extensions](http::Response::extensions), that of the connection which answered: another one, if the first turned out to be dead.
#[derive(Clone)]
pub struct ConnectionInfo {
    live: Arc<Live>,
    /// The host that it is for, where that is not the one that it was made for.
    guest: Option<Arc<HostPool>>,
    reuse: Reuse,
}

/// A word, since it is moved with every lease, right after it was stored.
#[derive(Clone, Copy, Eq, PartialEq)]
#[repr(u64)]
enum Reuse {
    AwaitedDial,
    WasThere,
}

impl Reuse {
    fn of(reused: bool) -> Self {
        match reused {
            true => Self::WasThere,
            false => Self::AwaitedDial,
        }
    }
}

/// The fingerprints of one connection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fingerprint {
    /// Of the ClientHello; `None` without TLS.
    pub tls: Option<Arc<TlsFingerprint>>,
    /// Akamai's, of the HTTP/2 opening; `None` for HTTP/1.1 and before the connection's first request has left.
    pub akamai: Option<String>,
}

impl ConnectionInfo {
    pub(super) fn new(live: &Arc<Live>, reused: bool) -> Self {
        Self {
            live: Arc::clone(live),
            guest: None,
            reuse: Reuse::of(reused),
        }
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(super) fn set_reused(&mut self, reused: bool) {
        self.reuse = Reuse::of(reused);
    }

    /// For a host that has the connection on loan.
    pub(super) fn set_guest(&mut self, guest: &Arc<HostPool>) {
        self.guest = Some(Arc::clone(guest));
    }

    pub(super) fn guest(&self) -> Option<&Arc<HostPool>> {
        self.guest.as_ref()
    }

    /// Its number in the registry; never reused.
    pub fn id(&self) -> ConnectionId {
        self.entry().id()
    }

    /// What it is for; where hosts share it ([`coalescing`](crate::config::Config::coalescing)), the one that was asked for.
    pub fn origin(&self) -> &Origin {
        match &self.guest {
            Some(guest) => &guest.key().origin,
            None => &self.live.key().host.origin,
        }
    }

    /// The proxy that it leads through, if any.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.live.key().host.proxy.as_ref()
    }

    /// Where it leads; to the [`proxy`](Self::proxy), if it leads through one.
    pub fn remote_addr(&self) -> SocketAddr {
        self.live.key().address
    }

    /// [`Protocol::Http1`] or [`Protocol::Http2`].
    pub fn protocol(&self) -> Protocol {
        self.live.protocol()
    }

    /// The name of its profile.
    pub fn profile(&self) -> &str {
        self.live.profile().name()
    }

    /// What TLS agreed on; `None` without TLS.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.live.tls()
    }

    /// What the server can tell the client by: of the bytes that were really sent, not of the profile.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            tls: self.tls().and_then(|tls| tls.fingerprint.clone()),
            akamai: self.opening().map(Http2Opening::akamai),
        }
    }

    /// What was really sent first over HTTP/2, the first request included; `None` for HTTP/1.1 and before that has left.
    pub fn opening(&self) -> Option<&Http2Opening> {
        self.live.peer()?.opening()
    }

    /// Whether the connection was there when it was asked for; else its caller waited for its dial.
    pub fn is_reused(&self) -> bool {
        self.reuse == Reuse::WasThere
    }

    /// How long its dial took, step by step, whoever waited for it.
    pub fn dial_timing(&self) -> DialTiming {
        self.live.timing()
    }

    /// Its record in the registry: statistics, health, attributes.
    pub fn entry(&self) -> &Arc<Entry> {
        self.live.entry()
    }
}

impl fmt::Debug for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionInfo")
            .field("id", &self.id())
            .field("origin", &self.origin().to_string())
            .field("remote_addr", &self.remote_addr())
            .field("protocol", &self.protocol())
            .field("reused", &self.is_reused())
            .finish_non_exhaustive()
    }
}
