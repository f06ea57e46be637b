//! A client connection pool that is kept hot.
//!
//! [`Pool::get`] hands out a connection that is already resolved, connected, TLS-handshaken and HTTP/2-settled, in well under a
//! microsecond:
//!
//! ```no_run
//! use bytes::Bytes;
//! use hotpool::Pool;
//! use http_body_util::Empty;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::builder().build()?;
//! pool.preheat(["example.com", "api.example.org:8443"]).await;      // at start-up
//!
//! let connection = pool.get("example.com").await?;                   // later: no DNS, no TCP, no TLS
//! let response = connection.send(http::Request::get("/").body(Empty::<Bytes>::new())?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Where to look:
//!
//! | module | what lives there |
//! |---|---|
//! | [`error`] | one [`Error`]: what went wrong, whose fault, was the request sent, is a retry safe |
//! | [`config`] | limits and deadlines, with their defaults and reasons |
//! | [`registry`] | every connection, of clients and servers alike: find, count, watch, close |
//! | [`profile`] | what a client looks like on the wire: its hello's and opening's fingerprints |
//! | [`resolve`] | host to addresses: DNS, cache, overrides, your own |
//! | [`dial`] | address to ready connection: TCP, proxies, TLS, ALPN, SETTINGS |
//! | [`pool`] | the hot connections: acquire, preheat, evict, shut down |
//! | [`client`] | requests over the pool |
#![cfg_attr(
    feature = "server",
    doc = "| [`server`] | listeners on the same registry |"
)]
#![cfg_attr(
    feature = "websocket",
    doc = "| [`websocket`] | messages, for those who open WebSockets and those who are asked to |"
)]
#![cfg_attr(feature = "metrics", doc = "| [`telemetry`] | metrics |")]
//!
//! # Rules that hold everywhere
//!
//! No lock is held across an await, no queue is unbounded, no task is without an owner that joins it, no input panics, and there is
//! no `unsafe`. Every limit and deadline is a named value with its reason. Each async function says what dropping it does.
//!
//! # Features
//!
//! The pool needs none. Each adds something and changes nothing else:
//!
//! | feature | what it adds |
//! |---|---|
//! | `decompression` (default) | decodes bodies where a profile, or a `HotClient`, asked for content codings |
//! | `reqwest`, `cookies`, `reqwest-middleware` | sends reqwest's requests over the pool |
//! | `hyper-util` | connects hyper-util's client over the pool |
//! | `websocket` | WebSockets over the pool |
//! | `server` | listeners |
//! | `config-file` | settings from a TOML file |
//! | `metrics`, `prometheus` | what pools do, through the `metrics` facade; a recorder for it |
//! | `platform-verifier` | the operating system's certificate verifier |
//! | `cli` | the `hotpool` command |

pub mod client;
pub mod config;
pub mod dial;
pub mod error;
pub mod pool;
pub mod profile;
pub mod registry;
pub mod resolve;
#[cfg(feature = "server")]
pub mod server;
mod shape;
#[cfg(feature = "metrics")]
pub mod telemetry;
#[cfg(feature = "websocket")]
pub mod websocket;

/// What `fuzz/` drives that is not public. Not part of the API.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::shape::h2::fuzzing::http2_stream;
    #[cfg(feature = "websocket")]
    pub use crate::websocket::deflate::fuzzing::deflate_stream;
}

pub use client::Body;
pub use config::Protocols;
pub use dial::{ClientIdentity, Proxies, Proxy, TlsClient, Trust};
pub use error::{Error, ErrorKind};
pub use pool::{Connection, ConnectionInfo, Host, Pool, Target};
pub use registry::Registry;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
