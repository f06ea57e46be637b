//! WebSockets (RFC 6455), whichever side opens them.
//!
//! Messages and frames are [tungstenite](tokio_tungstenite::tungstenite)'s, as published. What it has not is put around it: compression
//! (RFC 7692).

pub(crate) mod deflate;
mod extension;
mod frame;
mod handshake;
mod heartbeat;
mod mask;
mod socket;
mod transport;

pub(crate) use deflate::DeflateParameters;
pub(crate) use extension::{Extension, Malformed};
#[cfg(feature = "server")]
pub(crate) use handshake::accepted;
pub(crate) use handshake::{Key, has_token};
pub use socket::WebSocket;
pub(crate) use socket::{Agreed, Limits, Parties};
pub use tokio_tungstenite::tungstenite::protocol::CloseFrame;
pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
pub use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
pub use transport::Transport;
