//! PRIORITY frames.

use super::frame::{Frame, STREAM_MASK};

/// A PRIORITY frame (RFC 7540 section 6.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Priority {
    /// The stream that is given a priority.
    pub stream: u32,
    /// Whether it becomes the only child of the stream it depends on.
    pub exclusive: bool,
    /// The stream it depends on; 0 is the root.
    pub dependency: u32,
    /// Its weight, 1 to 256: one more than the byte on the wire.
    pub weight: u16,
}

impl Priority {
    pub(super) fn read(frame: Frame<'_>) -> Option<Self> {
        let mut payload = frame.payload;
        let dependency = payload.u32()?;
        let weight = u16::from(payload.u8()?) + 1;
        payload.is_empty().then_some(Self {
            stream: frame.stream,
            exclusive: dependency & !STREAM_MASK != 0,
            dependency: dependency & STREAM_MASK,
            weight,
        })
    }
}
