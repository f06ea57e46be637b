//! Whole connections, of stock h2 through the stream.

mod client;
mod inward;
mod outward;
mod pieces;
mod replay;
mod server;
pub(super) mod templates;
