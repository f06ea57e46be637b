//! Between h2 and TLS: reads the frames' headers as they pass, and never changes a byte.

mod frame;
#[allow(
    dead_code,
    unused_imports,
    reason = "the stream that uses it comes next"
)]
mod hpack;
mod peer;
mod stream;

pub(crate) use peer::{Http2Observer, Http2Peer};
pub(crate) use stream::Http2Stream;
