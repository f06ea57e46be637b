//! Whole connections, of stock h2 through the stream.

mod client;
mod replay;
mod server;
pub(super) mod templates;
