//! Between h2 and TLS: reads the frames' headers as they pass, and never changes a byte.

mod frame;
mod peer;
mod stream;

pub(crate) use peer::{Http2Observer, Http2Peer};
pub(crate) use stream::Http2Stream;
