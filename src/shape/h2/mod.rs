//! Between h2 and TLS: reads the frames' headers as they pass, and never changes a byte.

mod frame;
mod mark;
mod peer;
mod stream;

pub(crate) use mark::{PRIORITY_MARK, mark};
pub(crate) use peer::{Http2Observer, Http2Peer};
pub(crate) use stream::Http2Stream;
