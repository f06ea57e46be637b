//! WebSockets (RFC 6455), whichever side opens them.
//!
//! Messages and frames are [tungstenite](tokio_tungstenite::tungstenite)'s, as published. What it has not is put around it: compression
//! (RFC 7692).

mod deflate;
mod extension;
mod frame;
mod handshake;
mod mask;

pub(crate) use deflate::{DeflateParameters, DeflateStream, INFLATED_CHUNK};
pub(crate) use extension::{Extension, Malformed};
pub(crate) use handshake::{Key, has_token};
pub use tokio_tungstenite::tungstenite::protocol::CloseFrame;
pub use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
pub use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
