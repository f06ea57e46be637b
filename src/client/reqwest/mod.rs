//! reqwest's requests and responses over the pool, by changing a line.
//!
//! reqwest's own connector type is sealed, so this works one level up and keeps reqwest's types:
//!
//! - [`HotClient`] executes [`reqwest::Request`] and returns [`reqwest::Response`]; it is a
//!   `tower` service of the same, as [`reqwest::Client`] is.
//! - [`SendHot`] sends a [`reqwest::RequestBuilder`]: `client.get(url).send_hot(&pool).await?`.
#![cfg_attr(
    feature = "reqwest-middleware",
    doc = "- [`HotMiddleware`] does the same for the users of reqwest-middleware."
)]
//! - [`PoolResolver`] gives a plain `reqwest::Client` the pool's resolver, with its cache and access lists.
//!
//! Redirects (followed by the same library as reqwest's), cookies, default headers, decompression, timeouts and [retries](retry) are set on
//! [`HotClientBuilder`], by reqwest's names and with its defaults. On connections whose profile has headers of its own those take the
//! place of reqwest's: `accept`, `accept-encoding`, `user-agent`.
//!
//! # What is not as in reqwest
//!
//! - A `reqwest::Client` does not show its settings: `send_hot` cannot follow them. A request carries its headers, body, version and
//!   timeout.
//! - Errors before the response's head are [`Error`](crate::Error)s, which say more than reqwest's (nobody but reqwest can make one of
//!   its own); errors of a body are `reqwest::Error`s, whose source is the pool's.
//! - [`Response::remote_addr`](::reqwest::Response::remote_addr) is `None`: the address is in the
//!   [`ConnectionInfo`](crate::ConnectionInfo) in the response's extensions.
//! - A request's version is not looked at: the protocols are the [pool's](crate::pool::PoolBuilder::protocols), and what the server offers of them.
//! - Without a [`retry`] policy the pool sends again what was provably not processed: with a pause before a refusing server is asked again, three
//!   times at most, where reqwest asks twice and at once; also a stream of which nothing was taken, and what is above the last stream of a
//!   server that goes away for an error.
//! - A retry policy's scope holds from the first retry on: reqwest 0.13.5 sends what is out of scope again once, if the classifier says so.
//!   [`Builder::scoped`](retry::Builder::scoped) takes a closure (reqwest's takes a type that nobody can make), a classifier sees the pool's
//!   error, and a [`max_extra_load`](retry::Builder::max_extra_load) out of bounds fails the building instead of panicking.
//! - Proxies of the environment are used when [asked for](HotClientBuilder::proxy) only.
//! - A connection is not upgraded ([`Response::upgrade`](::reqwest::Response::upgrade)).
//! - A request with a `range` and without an `accept-encoding` asks for no codings: a part of a coded body cannot be decoded.
//! - A POST, PUT or PATCH without a body says `content-length: 0` over HTTP/1.1 too (RFC 9110 §8.6).
//! - [`Response::content_length`](::reqwest::Response::content_length) is zero for a response to HEAD, over HTTP/2 too.

mod client;
mod content;
mod cookies;
mod deadline;
mod hop;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod resolver;
mod send_hot;
mod sender;
mod settings;

pub mod redirect;
pub mod retry;

pub use client::{HotClient, Pending};
#[cfg(feature = "reqwest-middleware")]
pub use middleware::HotMiddleware;
pub use resolver::PoolResolver;
pub use send_hot::{Hot, SendHot};
pub use settings::HotClientBuilder;
