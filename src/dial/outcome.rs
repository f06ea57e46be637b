//! What a dial yields.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::address_policy::AddressPermit;
use super::http1::Http1Sender;
use super::http2::Http2Sender;
use super::ping::Pinger;
use super::socket::SocketView;
use super::stream::RestingStream;
use super::tls_info::TlsInfo;
use crate::error::Result;
use crate::registry::Registration;
use crate::shape::h2::Http2Peer;

/// Moves a connection's bytes; ends when the connection does. Dropping it cuts the connection.
pub(crate) type Driver = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A connection that is ready for requests, and registered as open.
pub(crate) struct Dialed {
    pub(crate) registration: Registration,
    pub(crate) address: SocketAddr,
    pub(crate) sender: Sender,
    pub(crate) driver: Driver,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) timing: DialTiming,
    pub(crate) socket: SocketView,
    /// To be dropped when the connection has ended.
    pub(crate) permit: AddressPermit,
    /// What a response's head may weigh, in bytes.
    pub(crate) head_limit: u32,
    /// What a proxy was asked to connect to, where this side knew an address.
    pub(crate) beyond: Option<SocketAddr>,
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The sending half of a connection.
pub(crate) enum Sender {
    Http1(Http1Sender),
    Http2(Http2Sender, Arc<Http2Peer>, Arc<Pinger>),
    /// The connection itself, on which nothing was sent.
    Stream(RestingStream),
}

/// How long each step of a dial took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DialTiming {
    /// Name resolution; next to nothing when the answer was cached.
    pub resolve: Duration,
    /// The TCP handshake.
    pub connect: Duration,
    /// Until the proxy had opened the tunnel, its own TLS handshake included; zero without a proxy.
    pub proxy: Duration,
    /// The TLS handshake; zero without TLS.
    pub tls: Duration,
    /// Until the server's HTTP/2 SETTINGS had arrived; zero for HTTP/1.1.
    pub settings: Duration,
}
