//! WebSockets with clients that ask for them, by HTTP/1.1's upgrade (RFC 6455) and over HTTP/2 (RFC 8441).
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use hotpool::registry::Entry;
//! use hotpool::server::websocket::{WebSocket, WebSocketUpgrade};
//! use hotpool::server::Listener;
//! use hyper::body::Incoming;
//!
//! /// Sends back what it is sent.
//! async fn echo(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         if message.is_text() && socket.send(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), hotpool::Error> {
//! let listener = Listener::builder().bind(([127, 0, 0, 1], 0).into()).await?;
//! let server = listener.serve(|mut request: Request<Incoming>, _: Arc<Entry>| {
//!     let response: Response<Full<Bytes>> = match WebSocketUpgrade::of(&mut request) {
//!         Ok(upgrade) => upgrade.serve(echo),
//!         Err(refusal) => refusal.into_response(),
//!     };
//!     async move { response }
//! });
//! # drop(server);
//! # Ok(())
//! # }
//! ```
//!
//! A WebSocket stands in the registry as its connection, from then on as one that speaks [`WebSocket`](crate::registry::Protocol::WebSocket); over
//! HTTP/2 it has an entry of its own. When the server drains, or somebody asks the entry to close, the client is sent a Close frame that says
//! so. Clients that fall silent are pinged, and given up if they do not answer, as long as the WebSocket is read.

mod opening;
mod refusal;
mod upgrade;

pub use refusal::Refusal;
pub use upgrade::{WebSocket, WebSocketUpgrade};
