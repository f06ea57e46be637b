//! The first bytes of a stream.

use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;

/// What a stream began with, up to a limit, until somebody takes it.
#[derive(Clone, Debug)]
pub(super) struct Recording(Arc<Mutex<Tape>>);

#[derive(Debug)]
struct Tape {
    bytes: Vec<u8>,
    /// How many more are wanted.
    room: usize,
}

impl Recording {
    pub(super) fn of_hello() -> Self {
        Self::new(MAX_HELLO)
    }

    pub(super) fn of_opening() -> Self {
        Self::new(MAX_OPENING)
    }

    fn new(room: usize) -> Self {
        let bytes = Vec::new();
        Self(Arc::new(Mutex::new(Tape { bytes, room })))
    }

    /// Keeps `bytes` as far as there is room; whether more are wanted.
    pub(super) fn add(&self, bytes: &[u8]) -> bool {
        let mut tape = self.0.lock();
        let kept = bytes.len().min(tape.room);
        tape.bytes.extend(bytes.iter().take(kept));
        tape.room -= kept;
        tape.room > 0
    }

    /// What was recorded. No more will be.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut tape = self.0.lock();
        tape.room = 0;
        mem::take(&mut tape.bytes)
    }
}

/// Bytes of a ClientHello and its records: rustls reads no hello above 64 KiB.
const MAX_HELLO: usize = 128 * 1024;

/// Bytes of HTTP/2 up to the first request's header block: settings take less than a hundred, and browsers' cookies for one site stay
/// below 8 KiB by far.
const MAX_OPENING: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_to_it() {
        let recording = Recording::new(5);
        assert!(recording.add(b"one"));
        assert!(!recording.add(b"two"));
        assert_eq!(recording.take(), b"onetw");

        let recording = Recording::new(5);
        assert!(recording.add(b"one"));
        assert_eq!(recording.take(), b"one");
        assert!(!recording.add(b"two"));
        assert!(recording.take().is_empty());
    }
}
