//! What the stream costs: `cargo test --release --lib shape::h2::tests::speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::client::shaping;
use super::outward::{REQUEST, block, h2_encoder};
use super::server::Frame;
use super::templates::{chromium, firefox};
use crate::shape::h2::head::{DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS};
use crate::shape::h2::{Http2Peer, Http2Stream};

const ROUNDS: u32 = 20_000;

/// Takes everything, and gives the same over and over.
struct Endless(Vec<u8>);

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(&self.0);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(bytes).len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(slices.iter().map(|slice| black_box(slice).len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The least of several runs: others use this machine.
fn nanoseconds(mut round: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        (0..ROUNDS / 20).for_each(|_| round());
        least = least.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS / 20));
    }
    least
}

fn write(stream: &mut Http2Stream<Endless>, slices: &[IoSlice<'_>]) {
    let mut cx = Context::from_waker(Waker::noop());
    let length: usize = slices.iter().map(|slice| slice.len()).sum();
    let written = Pin::new(&mut *stream).poll_write_vectored(&mut cx, slices);
    assert!(matches!(written, Poll::Ready(Ok(written)) if written == length));
    assert!(Pin::new(stream).poll_flush(&mut cx).is_ready());
}

/// `stream` is what h2's stream 1 is on the wire.
fn measure(name: &str, stream: u32, make: impl Fn(Endless) -> Http2Stream<Endless>) {
    let answer = [
        Frame::new(HEADERS, END_HEADERS, stream, &[0x88]).to_bytes(),
        Frame::new(DATA, END_STREAM, stream, &[1; 200]).to_bytes(),
    ]
    .concat();
    let mut stream = make(Endless(answer));
    let mut encoder = h2_encoder();
    let mut request = || {
        let block = block(&mut encoder, &REQUEST);
        Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, &block).to_bytes()
    };
    let opening = [
        PREFACE,
        &Frame::new(SETTINGS, 0, 0, &[]).to_bytes(),
        &request(),
    ]
    .concat();
    write(&mut stream, &[IoSlice::new(&opening)]);
    let (later, data) = (request(), Frame::new(DATA, 0, 1, &[3; 16_384]).to_bytes());
    let (head, payload) = data.split_at(256);
    let mut room = [0; 4096];
    // Together, since a stream that is not answered stays open.
    let exchange = nanoseconds(|| {
        write(&mut stream, &[IoSlice::new(&later)]);
        let mut buffer = ReadBuf::new(&mut room);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(
            Pin::new(&mut stream)
                .poll_read(&mut cx, &mut buffer)
                .is_ready()
        );
        black_box(buffer.filled());
    });
    let upload = nanoseconds(|| write(&mut stream, &[IoSlice::new(head), IoSlice::new(payload)]));
    println!(
        "{name}: a later request and its answer {exchange:.0} ns, 16 KiB of DATA out {upload:.0} ns"
    );
}

#[test]
#[ignore = "a measurement"]
fn a_request() {
    let peer = || Arc::new(Http2Peer::new());
    measure("unshaped", 1, |io| Http2Stream::watching(io, peer()));
    measure("chromium", 1, |io| shaping(chromium(), io, &peer()));
    measure("firefox", 3, |io| shaping(firefox(), io, &peer()));
}
