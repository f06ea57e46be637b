//! Bytes that who wrote them believes written and that are still to be.

/// Above this the buffer is given back once it is empty.
const KEPT_CAPACITY: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Staged {
    bytes: Vec<u8>,
    written: usize,
}

impl Staged {
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Where more is appended.
    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        // A transport that never takes all would else have the buffer grow with all that it was ever given. Moving no more than was
        // written costs as much as writing it did.
        if self.written > 0 && self.written >= self.len() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        &mut self.bytes
    }

    /// So many have been written.
    pub(crate) fn advance(&mut self, written: usize) {
        self.written = self.bytes.len().min(self.written + written);
        if self.written == self.bytes.len() {
            self.written = 0;
            if self.bytes.capacity() > KEPT_CAPACITY {
                self.bytes = Vec::new();
            } else {
                self.bytes.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Staged;

    #[test]
    fn what_is_never_empty_does_not_grow() {
        let mut staged = Staged::default();
        staged.end().extend([7; 1000]);
        for _ in 0..10_000 {
            staged.end().extend([7; 1000]);
            staged.advance(1000);
            assert_eq!(staged.rest(), [7; 1000]);
        }
        assert!(staged.capacity() < 8000, "{}", staged.capacity());
    }
}
