//! Inflated bytes on their way to become a frame.

use tokio::io::ReadBuf;

use super::KEPT_CAPACITY;
use crate::websocket::frame::{FrameHead, LONGEST_HEAD};

/// The largest payload: so much is in memory for each message that is being inflated, whatever a peer's few bytes inflate to.
pub(crate) const INFLATED_CHUNK: usize = 16 * 1024;

/// What a payload begins with; it doubles as long as there is more to come.
const FIRST_ROOM: usize = 1024;

/// A payload that grows, then a frame that is read.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The payload, behind room for the head.
    bytes: Vec<u8>,
    /// Where the frame is to be read from.
    unread: Option<usize>,
}

impl Chunk {
    /// Where to append to, with room; not while [`Self::is_sealed`], nor if [`Self::is_full`].
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        if self.bytes.is_empty() {
            self.bytes.reserve_exact(LONGEST_HEAD + FIRST_ROOM);
            self.bytes.resize(LONGEST_HEAD, 0);
        } else if self.bytes.len() == self.bytes.capacity() {
            let payload = self.payload_length();
            let more = payload.min(INFLATED_CHUNK.saturating_sub(payload));
            self.bytes.reserve_exact(more);
        }
        &mut self.bytes
    }

    pub(super) fn is_full(&self) -> bool {
        self.payload_length() >= INFLATED_CHUNK
    }

    /// No room is left, so that there may be more to come; there is more to be had unless it [`Self::is_full`].
    pub(super) fn is_tight(&self) -> bool {
        self.bytes.len() == self.bytes.capacity()
    }

    pub(super) fn payload_length(&self) -> usize {
        self.bytes.len().saturating_sub(LONGEST_HEAD)
    }

    /// Makes the payload a frame of that head, its length aside.
    pub(super) fn seal(&mut self, head: FrameHead) {
        if self.bytes.is_empty() {
            self.bytes.resize(LONGEST_HEAD, 0);
        }
        let head = FrameHead {
            length: self.payload_length() as u64,
            ..head
        };
        let mut written = [0; LONGEST_HEAD];
        let mut rest = &mut written[..];
        head.write(&mut rest);
        let start = rest.len();
        let length = LONGEST_HEAD - start;
        let place = self.bytes.iter_mut().skip(start).take(length);
        for (place, byte) in place.zip(written) {
            *place = byte;
        }
        self.unread = Some(start);
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.unread.is_some()
    }

    /// Hands out what there is room for.
    pub(super) fn read(&mut self, buffer: &mut ReadBuf<'_>) {
        let Some(unread) = &mut self.unread else {
            return;
        };
        let rest = self.bytes.get(*unread..).unwrap_or_default();
        let more = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..more).unwrap_or_default());
        *unread += more;
        if *unread >= self.bytes.len() {
            self.unread = None;
            self.bytes.clear();
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// No more is to come for a while.
    pub(super) fn rest(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}
