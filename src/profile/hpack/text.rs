//! A buffer that is written by the word and used again.

/// Enough for a browser's first request.
const FIRST_CAPACITY: usize = 1024;

/// Above this a buffer gives its memory back when it is cleared.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Bytes, and behind them room that was zeroed once, not once per string.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    length: usize,
}

impl Text {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) fn get(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()).get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.length += bytes.len();
    }

    /// At least `length` bytes behind the text; [`Self::advance`] makes text of what was written there.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        let end = self.length + length;
        if self.bytes.len() < end {
            self.bytes
                .resize(end.max(2 * self.bytes.len()).max(FIRST_CAPACITY), 0);
        }
        self.bytes.get_mut(self.length..).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, length: usize) {
        self.length = self.bytes.len().min(self.length + length);
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
        if self.bytes.len() > KEPT_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}
