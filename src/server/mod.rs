//! HTTP over TCP and TLS, with every connection in the [registry](crate::registry).
//!
//! hyper serves a connection but owns none: who is connected, how busy they are, and how to make
//! them leave is the application's business. Here it is one place. A [`Listener`] accepts, a
//! [`Handler`] answers, and each connection stands in a [`Registry`](crate::registry::Registry)
//! from the accept to the close, where it can be found, counted and
//! [asked to leave](crate::registry::Entry::request_close).
//!
//! * No peer can hold a connection for nothing: the TLS handshake, the header block and idleness
//!   have deadlines by default, and the number of connections and streams is limited.
//! * Every task belongs to the [`Server`]. After [`shutdown`](Server::shutdown) none is left, and
//!   none of its connections is in the registry.
//! * Who the client is does not depend on what it says: a PROXY header, `Forwarded` and
//!   `X-Forwarded-For` count when a [trusted proxy](ListenerBuilder::trusted_proxies) sends them, and
//!   then each request says [whose it is](ClientAddress).
//! * What the client looks like on the wire is known by its [fingerprints](ClientFingerprint), and it
//!   can be [turned away](ListenerBuilder::accept_hook) before its TLS handshake costs anything.
//!
//! It does not route, limit by address or by rate, or upgrade connections of HTTP/1.1, and within
//! an exchange it sets no deadline: a body that trickles, either way, keeps its connection.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::Response;
//! use http_body_util::Full;
//! use hotpool::registry::Entry;
//! use hotpool::server::Listener;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), hotpool::Error> {
//! let listener = Listener::builder().bind(([127, 0, 0, 1], 0).into()).await?;
//! let server = listener.serve(|_request, connection: Arc<Entry>| {
//!     let greeting = format!("hello, {}", connection.id());
//!     async move { Response::new(Full::new(Bytes::from(greeting))) }
//! });
//! println!("listening at {}", server.local_addr());
//!
//! let report = server.shutdown(Duration::from_secs(5)).await;
//! assert_eq!((report.cut, server.tasks()), (0, 0));
//! # Ok(())
//! # }
//! ```

mod accept;
mod arrival;
mod body;
mod builder;
mod census;
mod client_address;
mod connection;
mod dispatch;
mod drive;
mod ending;
mod executor;
mod fingerprint;
mod forwarded;
mod handle;
mod handler;
mod handshake;
mod http;
mod introduction;
mod leash;
mod limits;
mod listener;
mod observer;
mod orders;
mod proxy_protocol;
mod recording;
mod tls;
mod trusted;
mod upgrade;
mod version;
mod watchdog;
mod witness;

#[cfg(feature = "websocket")]
pub mod websocket;

#[cfg(test)]
mod tests;

pub use arrival::{ClientHelloInfo, Verdict};
pub use builder::ListenerBuilder;
pub use client_address::{AddressHeader, AddressSource, ClientAddress};
pub use fingerprint::{ClientFingerprint, Fingerprints};
pub use handle::{Server, ShutdownReport};
pub use handler::{BoxError, Handler};
pub use leash::ConversationStream;
pub use limits::{
    DEFAULT_CLOSE_GRACE, DEFAULT_HANDSHAKE_TIMEOUT, DEFAULT_HEADER_TIMEOUT, DEFAULT_IDLE_TIMEOUT,
    DEFAULT_MAX_CONCURRENT_STREAMS, DEFAULT_MAX_CONNECTIONS, DEFAULT_PROXY_HEADER_TIMEOUT,
};
pub use listener::Listener;
pub use observer::{Layer, Observer};
pub use proxy_protocol::{ProxyHeader, ProxyProtocol};
pub use tls::ServerTls;
pub use upgrade::{Conversation, Upgrade};
