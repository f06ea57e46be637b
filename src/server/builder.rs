//! What a listener is to be like.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::arrival::{AcceptHook, ClientHelloInfo, Verdict};
use super::client_address::AddressHeader;
use super::fingerprint::Fingerprints;
use super::limits::LONGEST_TIMEOUT;
use super::listener::Listener;
use super::observer::Observer;
use super::proxy_protocol::ProxyProtocol;
use super::tls::ServerTls;
use super::trusted::TrustedProxies;
use super::{
    DEFAULT_CLOSE_GRACE, DEFAULT_HANDSHAKE_TIMEOUT, DEFAULT_HEADER_TIMEOUT, DEFAULT_IDLE_TIMEOUT,
    DEFAULT_MAX_CONCURRENT_STREAMS, DEFAULT_MAX_CONNECTIONS, DEFAULT_PROXY_HEADER_TIMEOUT,
};
use crate::config::Protocols;
use crate::error::{Error, ErrorKind};
use crate::registry::Registry;

/// Sets up a [`Listener`]; from [`Listener::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing listens until it is bound"]
pub struct ListenerBuilder {
    pub(super) registry: Registry,
    pub(super) tls: Option<ServerTls>,
    pub(super) protocols: Protocols,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) proxy_protocol: ProxyProtocol,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) proxy_header_timeout: Duration,
    pub(super) address_header: AddressHeader,
    pub(super) fingerprints: Fingerprints,
    pub(super) accept_hook: Option<AcceptHook>,
    pub(super) max_connections: usize,
    pub(super) max_concurrent_streams: u32,
    pub(super) extended_connect: bool,
    pub(super) handshake_timeout: Duration,
    pub(super) header_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) close_grace: Duration,
}

impl ListenerBuilder {
    /// Where the connections are registered. Default: a registry of its own.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Speaks TLS, and nothing else. Default: no TLS.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Which versions of HTTP are spoken. Default: [`Protocols::Any`].
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        self.protocols = protocols;
        self
    }

    /// Shows `observer` what clients send. Default: nobody sees it.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Who has to begin with a PROXY header, which says for whom they connect: before TLS, 4 KiB at most. It is found in the connection's
    /// [`client_addr`](crate::registry::Entry::client_addr) and [`ProxyHeader`](super::ProxyHeader). A connection without a valid one is
    /// cut, with the reason [`ProxyHeader`](crate::registry::CloseReason::ProxyHeader). Needs
    /// [`trusted_proxies`](Self::trusted_proxies). Default: [`ProxyProtocol::Off`].
    pub fn proxy_protocol(mut self, mode: ProxyProtocol) -> Self {
        self.proxy_protocol = mode;
        self
    }

    /// Whose word on the addresses of clients is taken, in place of those that were given before: their own addresses, as this listener
    /// sees them, and those of the proxies that they stand behind. Nobody else's is looked at. Default: none.
    pub fn trusted_proxies(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.trusted_proxies = networks.into_iter().collect();
        self
    }

    /// How long the PROXY header may take from the accept on; then the connection is cut. Default: [`DEFAULT_PROXY_HEADER_TIMEOUT`].
    pub fn proxy_header_timeout(mut self, timeout: Duration) -> Self {
        self.proxy_header_timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// In which header [trusted proxies](Self::trusted_proxies) say for whom they send a request. Handlers find the outcome in its
    /// [`ClientAddress`](super::ClientAddress). Default: [`AddressHeader::Either`].
    pub fn address_header(mut self, header: AddressHeader) -> Self {
        self.address_header = header;
        self
    }

    /// How much of what clients look like on the wire is kept with their connections and told handlers, as their
    /// [`ClientFingerprint`](super::ClientFingerprint). Default: [`Fingerprints::Hashes`].
    pub fn fingerprints(mut self, fingerprints: Fingerprints) -> Self {
        self.fingerprints = fingerprints;
        self
    }

    /// Asks `decide` about each client that has said hello, before anything is computed or sent for it. Who is refused gets the alert
    /// `access_denied`, and its connection ends for the reason [`Refused`](crate::registry::CloseReason::Refused); so does who sent a hello
    /// of more than 128 KiB in its records, or one that [`ClientHello`](crate::profile::ClientHello) cannot read. Needs
    /// [`tls`](Self::tls). Default: everybody is accepted.
    ///
    /// It is called on the task of the connection, which waits for it: it must not block. If it panics, the connection ends.
    pub fn accept_hook(
        mut self,
        decide: impl Fn(&ClientHelloInfo<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.accept_hook = Some(AcceptHook::new(decide));
        self
    }

    /// Connections at a time, handshaking ones included; at least one. At the limit no further one
    /// is accepted: it waits in the system's backlog. Default: [`DEFAULT_MAX_CONNECTIONS`].
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    /// Streams at a time on one HTTP/2 connection; at least one. It is announced in SETTINGS, and
    /// what exceeds it is refused unprocessed. Default: [`DEFAULT_MAX_CONCURRENT_STREAMS`].
    pub fn max_concurrent_streams(mut self, max: u32) -> Self {
        self.max_concurrent_streams = max;
        self
    }

    /// Announces over HTTP/2 that clients may ask for tunnels, as browsers do for WebSockets (RFC
    /// 8441): with the method CONNECT and [`hyper::ext::Protocol`], to which an
    /// [`Upgrade`](super::Upgrade) answers. Firefox uses a connection no more on which one was refused. Default: false.
    pub fn extended_connect(mut self, allowed: bool) -> Self {
        self.extended_connect = allowed;
        self
    }

    /// How long the TLS handshake may take from the accept, or the PROXY header, on; then the connection is cut.
    /// Default: [`DEFAULT_HANDSHAKE_TIMEOUT`].
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// How long the first request's header block may take from the handshake, or without TLS from
    /// the accept or the PROXY header, on; then the connection is told to end, as when somebody asks for it. For later
    /// requests [`idle_timeout`](Self::idle_timeout) holds. Default: [`DEFAULT_HEADER_TIMEOUT`].
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// How long a connection that made a request may be without one under way and without anything
    /// sent; then, at the latest after twice that, it is told to end, as when somebody asks for it.
    /// A request is under way once its header block is complete. Default:
    /// [`DEFAULT_IDLE_TIMEOUT`].
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// How long a connection that was told to end, because it was idle or because somebody
    /// [asked](crate::registry::Entry::request_close), may take to finish what is under way before
    /// it is cut. Default: [`DEFAULT_CLOSE_GRACE`].
    pub fn close_grace(mut self, grace: Duration) -> Self {
        self.close_grace = grace.min(LONGEST_TIMEOUT);
        self
    }

    /// Listens at `address`; port 0 takes a free one. Clients can connect from now on, and are
    /// accepted once the listener [serves](Listener::serve). The server's tasks run on the runtime
    /// that this is called on.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) when a limit is zero, PROXY headers are wanted and no proxy is trusted,
    /// there is an accept hook and no TLS, or the address cannot be listened at, [`OutOfResources`](ErrorKind::OutOfResources) when the
    /// system refuses a socket.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any point; then nothing listens.
    pub async fn bind(self, address: SocketAddr) -> Result<Listener, Error> {
        self.check()?;
        let socket = TcpListener::bind(address)
            .await
            .and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (local_addr, socket) = socket.map_err(|error| cannot_listen(address, error))?;
        Ok(Listener::new(self, socket, local_addr, Handle::current()))
    }

    fn check(&self) -> Result<(), Error> {
        let limits = [
            ("max_connections", self.max_connections == 0),
            ("max_concurrent_streams", self.max_concurrent_streams == 0),
            ("handshake_timeout", self.handshake_timeout.is_zero()),
            ("proxy_header_timeout", self.proxy_header_timeout.is_zero()),
            ("header_timeout", self.header_timeout.is_zero()),
            ("idle_timeout", self.idle_timeout.is_zero()),
        ];
        if self.proxy_protocol != ProxyProtocol::Off && self.trusted_proxies.is_empty() {
            return Err(Error::new(ErrorKind::InvalidConfiguration)
                .with_detail("proxy_protocol needs trusted_proxies"));
        }
        if self.accept_hook.is_some() && self.tls.is_none() {
            return Err(
                Error::new(ErrorKind::InvalidConfiguration).with_detail("accept_hook needs tls")
            );
        }
        match limits.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(Error::new(ErrorKind::InvalidConfiguration)
                .with_detail(format!("{name} must not be zero"))),
            None => Ok(()),
        }
    }
}

impl Default for ListenerBuilder {
    fn default() -> Self {
        Self {
            registry: Registry::new(),
            tls: None,
            protocols: Protocols::default(),
            observer: None,
            proxy_protocol: ProxyProtocol::Off,
            trusted_proxies: TrustedProxies::default(),
            proxy_header_timeout: DEFAULT_PROXY_HEADER_TIMEOUT,
            address_header: AddressHeader::default(),
            fingerprints: Fingerprints::default(),
            accept_hook: None,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            max_concurrent_streams: DEFAULT_MAX_CONCURRENT_STREAMS,
            extended_connect: false,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            header_timeout: DEFAULT_HEADER_TIMEOUT,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            close_grace: DEFAULT_CLOSE_GRACE,
        }
    }
}

fn cannot_listen(address: SocketAddr, error: io::Error) -> Error {
    let kind = match error.raw_os_error() {
        Some(ENOMEM | ENFILE | EMFILE | ENOBUFS) => ErrorKind::OutOfResources,
        _ => ErrorKind::InvalidConfiguration,
    };
    Error::new(kind)
        .with_detail(format!("cannot listen at {address}"))
        .with_source(error)
}

/// Linux's numbers; std has no portable kinds for most of them.
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = 105;
