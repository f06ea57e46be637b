//! Whole connections, of stock h2 through the stream.

mod client;
mod connections;
mod cut;
mod extended_connect;
mod floods;
mod inward;
mod outward;
mod pieces;
mod replay;
mod semantics;
mod server;
mod speed;
mod table_sizes;
pub(super) mod templates;
