//! Between h2 and TLS: reads the frames as they pass, and edits them where the profile's client would write others.
//!
//! Only frames are edited, never what they mean. Windows, sizes, ids and header tables are the same on both sides or are translated, so
//! that what h2 enforces is what the wire announced:
//!
//! | outward | |
//! |---|---|
//! | preface, SETTINGS | held back until whole, then the profile's [`opening`] leaves in one write |
//! | WINDOW_UPDATE of the connection | less what the opening announced ([`credit`]) |
//! | HEADERS, CONTINUATION | decoded, put in order, encoded again ([`headers`]); the mark becomes the priority ([`mark`], [`dependencies`]); behind a request the stream's WINDOW_UPDATE |
//! | SETTINGS ACK | the header table size that it acknowledges takes effect ([`announced`]) |
//! | DATA | is not copied; only its head is |
//! | stream ids | by a constant higher ([`stream_ids`]), inward lower ([`inbound`]) |

mod announced;
mod credit;
mod dependencies;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod head;
mod headers;
mod inbound;
mod limits;
mod mark;
mod opening;
mod outbound;
mod peer;
mod shaper;
pub(crate) mod staged;
mod stream;
mod stream_ids;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use limits::{client, head_limit};
pub(crate) use mark::PRIORITY_MARK;
pub(crate) use peer::{Http2Observer, Http2Peer};
pub(crate) use stream::Http2Stream;
