//! WebSockets over the pool.
//!
//! ```no_run
//! use hotpool::Pool;
//! use hotpool::websocket::Message;
//!
//! # async fn run() -> hotpool::error::Result<()> {
//! let pool = Pool::builder().build()?;
//! let mut socket = pool.websocket("wss://example.com/chat").await?;
//! socket.send(Message::text("hello")).await?;
//! while let Some(message) = socket.recv().await {
//!     println!("{}", message?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A WebSocket is opened as browsers do it. If the pool has an HTTP/2 connection to the host whose server announced extended CONNECT
//! (RFC 8441), it becomes a stream of that. Otherwise it has a [stream of the pool](crate::pool::HotStream) to itself, on which HTTP/1.1 is
//! upgraded (RFC 6455): such streams may be kept warm ([`Pool::preheat_streams`](crate::Pool::preheat_streams) of a
//! [`Target`](crate::Target) whose [protocols](crate::Target::protocols) are [`Http1`](crate::Protocols::Http1)).
//!
//! On a connection with a [profile](crate::profile) the hello and the opening are those of the profile's client: ALPN offers `http/1.1`
//! alone, and the headers, their case and their order are those of its kind `websocket`. Compression (RFC 7692) is offered where that
//! client offers it, and messages are compressed if the server agrees.

mod http1;
mod http2;
mod opened;
mod opening;
mod request;
mod tunnel;

pub use opened::WebSocket;
pub use opening::Refusal;
pub use request::WebSocketRequest;
