//! Requests over the pool.
//!
//! [`Connection::send`](crate::Connection::send) sends on a connection that the caller holds; [`Pool::send`](crate::Pool::send) takes
//! the host from the request's URI. A request that meets a dead connection goes to another one unseen, when that is safe.
//!
//! A pool is a `tower` service, so that retries, timeouts and authentication are layers around it.
#![cfg_attr(
    feature = "hyper-util",
    doc = "For programs that use hyper-util's client there is [`hyper_util`], over the pool's streams."
)]
#![cfg_attr(
    feature = "reqwest",
    doc = "For programs that use reqwest there is [`reqwest`]."
)]
//!
//! On a connection with a [profile](crate::profile) a request is what the profile's client would have sent: of which kind it is, and what it
//! is to leave out, is in its [`RequestOptions`]. Without a profile it is sent as it was given.

mod appearance;
mod body;
mod content;
mod decode;
mod exchange;
mod http1;
mod http2;
mod options;
mod outgoing;
mod probe;
mod raw_body;
mod retry;
mod send;
mod service;
mod tracked;
mod upload;

#[cfg(feature = "hyper-util")]
pub mod hyper_util;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use body::Body;
pub use options::RequestOptions;
pub use probe::{Probe, Probing};
pub use service::ResponseFuture;
