//! permessage-deflate (RFC 7692), around a WebSocket that knows nothing of it.
//!
//! [`negotiation`] says whether it is spoken; without it nothing here is in the way. [`DeflateStream`] then edits the frames that pass:
//! [`inbound`] inflates, [`outbound`] deflates.

mod chunk;
mod deflater;
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
