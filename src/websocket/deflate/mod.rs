//! permessage-deflate (RFC 7692), around a WebSocket that knows nothing of it.
//!
//! [`negotiation`] says whether it is spoken; without it nothing here is in the way. [`DeflateStream`] then edits the frames that pass:
//! [`inbound`] inflates, [`outbound`] deflates.
//!
//! What it costs was measured with zlib-rs 0.6.8. Where messages refer to those before, a connection keeps 380 KB for what it sends and
//! 48 KB for what it receives, each from the first compressed message on. Where they do not (`no_context_takeover`), it has them only
//! within a message, and between messages some KB of buffers at most.

mod chunk;
mod deflater;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod inbound;
mod inflater;
mod negotiation;
mod offer;
mod outbound;
mod parameters;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use chunk::INFLATED_CHUNK;
pub(crate) use parameters::DeflateParameters;
pub(crate) use stream::DeflateStream;

/// Buffers larger than this are given back when they are empty: most connections are idle most of the time.
const KEPT_CAPACITY: usize = 4 * 1024;
