//! What is known of the other side of an HTTP/2 connection.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use super::frame::FrameSink;
use super::head::{CONTINUATION, END_HEADERS, HEADERS, Head};
use crate::error::Error;
use crate::profile::Http2Opening;

const MAX_CONCURRENT_STREAMS: u16 = 0x3;

/// RFC 9113 §6.5.2: without the setting there is no limit.
const UNLIMITED: u32 = u32::MAX;

/// A header block that is whole and smaller is not remembered: under five eighths of the least that a head may weigh.
const SMALL_HEAD: u32 = 8 << 10;

/// Set in the GOAWAY word when a frame has arrived; the stream id has 31 bits, the code 32.
const GOING_AWAY: u64 = 1 << 63;

const ENHANCE_YOUR_CALM: u64 = 0xb;

/// Told the moment the frame arrives, from within the read: must be quick and must not block.
pub(crate) trait Http2Observer: Send + Sync {
    /// The server's SETTINGS changed.
    fn settings(&self, peer: &Http2Peer);
    /// The server is going away: no new stream will be processed.
    fn going_away(&self, peer: &Http2Peer);
    /// A PING of this side's was answered.
    fn answered(&self, peer: &Http2Peer);
}

/// Shared by the stream, which writes it, and the pool, which reads it.
pub(crate) struct Http2Peer {
    settled: AtomicBool,
    settled_notify: Notify,
    max_concurrent_streams: AtomicU32,
    go_away: AtomicU64,
    /// The stream of the last large header block in the upper half, and how long it was in the lower.
    large_head: AtomicU64,
    opening: OnceLock<Http2Opening>,
    /// h2 keeps only the text of an I/O error, so what TLS or the stream said is kept here.
    fault: OnceLock<Error>,
    observer: OnceLock<Arc<dyn Http2Observer>>,
}

impl Http2Peer {
    pub(crate) fn new() -> Self {
        Self {
            settled: AtomicBool::new(false),
            settled_notify: Notify::new(),
            max_concurrent_streams: AtomicU32::new(UNLIMITED),
            go_away: AtomicU64::new(0),
            large_head: AtomicU64::new(0),
            opening: OnceLock::new(),
            fault: OnceLock::new(),
            observer: OnceLock::new(),
        }
    }

    /// Resolves once the server's first SETTINGS have arrived whole. Cancel-safe.
    pub(crate) async fn settled(&self) {
        let notified = self.settled_notify.notified();
        if !self.settled.load(Ordering::Acquire) {
            notified.await;
        }
    }

    /// The server's SETTINGS_MAX_CONCURRENT_STREAMS; `u32::MAX` when it set none.
    pub(crate) fn max_concurrent_streams(&self) -> u32 {
        self.max_concurrent_streams.load(Ordering::Acquire)
    }

    /// The last stream that the server processed or may process, once it said that it is going away.
    pub(crate) fn last_stream_id(&self) -> Option<u32> {
        let word = self.go_away.load(Ordering::Acquire);
        (word & GOING_AWAY != 0).then_some(((word >> 32) & 0x7fff_ffff) as u32)
    }

    /// Whether the server went away because this side asked too much of it (ENHANCE_YOUR_CALM, RFC 9113 §7).
    pub(crate) fn wants_calm(&self) -> bool {
        let word = self.go_away.load(Ordering::Acquire);
        word & GOING_AWAY != 0 && word & u64::from(u32::MAX) == ENHANCE_YOUR_CALM
    }

    /// What this side sent first, once its first request has left.
    pub(crate) fn opening(&self) -> Option<&Http2Opening> {
        self.opening.get()
    }

    /// What an error of h2's means on this connection.
    pub(crate) fn explain(&self, error: h2::Error) -> Error {
        match self.fault.get() {
            Some(fault) if error.is_io() => fault.clone(),
            _ => Error::from_http2(error),
        }
    }

    /// Whether this error of a stream's is about the size of its response's head.
    ///
    /// h2 does not say: it resets the stream as for any malformed response, and ends the connection where the head goes on and on. So the
    /// length of the block that came tells. HPACK makes of a text five eighths at best, unless it repeats what it sent before: such a head
    /// is taken for malformed.
    pub(crate) fn is_head_too_large(&self, error: &h2::Error, stream: u32, limit: u32) -> bool {
        let word = self.large_head.load(Ordering::Acquire);
        let (of, length) = ((word >> 32) as u32, word as u32);
        error.is_library() && of == stream && length >= limit / 8 * 5
    }

    /// Names the one observer, which is told at once of what has already happened.
    pub(crate) fn observe(&self, observer: Arc<dyn Http2Observer>) {
        let observer = self.observer.get_or_init(|| observer);
        observer.settings(self);
        if self.last_stream_id().is_some() {
            observer.going_away(self);
        }
    }

    /// A PING was answered.
    pub(crate) fn answered(&self) {
        if let Some(observer) = self.observer.get() {
            observer.answered(self);
        }
    }

    pub(super) fn set_opening(&self, opening: Http2Opening) {
        self.opening.get_or_init(|| opening);
    }

    pub(super) fn set_fault(&self, fault: Error) {
        self.fault.get_or_init(|| fault);
    }
}

impl FrameSink for &Http2Peer {
    fn frame(&mut self, head: Head) {
        let before = match head.kind {
            HEADERS if head.length < SMALL_HEAD && head.has(END_HEADERS) => return,
            HEADERS => 0,
            CONTINUATION => self.large_head.load(Ordering::Relaxed) as u32,
            _ => return,
        };
        let word = u64::from(head.stream) << 32 | u64::from(before.saturating_add(head.length));
        self.large_head.store(word, Ordering::Release);
    }

    fn setting(&mut self, id: u16, value: u32) {
        if id == MAX_CONCURRENT_STREAMS {
            self.max_concurrent_streams.store(value, Ordering::Release);
        }
    }

    fn settings_end(&mut self) {
        self.settled.store(true, Ordering::Release);
        self.settled_notify.notify_waiters();
        if let Some(observer) = self.observer.get() {
            observer.settings(self);
        }
    }

    fn go_away(&mut self, last_stream_id: u32, code: u32) {
        let word = GOING_AWAY | u64::from(last_stream_id) << 32 | u64::from(code);
        self.go_away.store(word, Ordering::Release);
        if let Some(observer) = self.observer.get() {
            observer.going_away(self);
        }
    }
}

impl fmt::Debug for Http2Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Peer")
            .field("settled", &self.settled)
            .field("max_concurrent_streams", &self.max_concurrent_streams)
            .field("last_stream_id", &self.last_stream_id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count {
        settings: AtomicUsize,
        going_away: AtomicUsize,
    }

    impl Http2Observer for Count {
        fn settings(&self, _: &Http2Peer) {
            self.settings.fetch_add(1, Ordering::Relaxed);
        }
        fn going_away(&self, _: &Http2Peer) {
            self.going_away.fetch_add(1, Ordering::Relaxed);
        }
        fn answered(&self, _: &Http2Peer) {}
    }

    #[tokio::test]
    async fn a_late_observer_is_told_what_has_happened() {
        let peer = Http2Peer::new();
        assert_eq!(peer.max_concurrent_streams(), u32::MAX);
        (&peer).setting(3, 7);
        (&peer).settings_end();
        (&peer).go_away(9, 0);
        peer.settled().await;
        let count = Arc::new(Count::default());
        peer.observe(count.clone());
        assert_eq!(count.settings.load(Ordering::Relaxed), 1);
        assert_eq!(count.going_away.load(Ordering::Relaxed), 1);
        assert_eq!(peer.max_concurrent_streams(), 7);
        assert_eq!(peer.last_stream_id(), Some(9));
    }
}
