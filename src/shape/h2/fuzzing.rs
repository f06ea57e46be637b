//! The stream, driven by arbitrary bytes in both directions. For `fuzz/`, which sees only what is public.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::{PREFACE, SETTINGS};
use super::{Http2Peer, Http2Stream};
use crate::profile::Profile;

/// What the server sends is put in, what h2 sends is thrown away.
struct Wire(Cursor<Vec<u8>>);

/// The first byte chooses a client. What follows are pieces: which way, how long, and the bytes; h2's begin behind its opening.
#[allow(unreachable_pub, reason = "it is public where it is fuzzed")]
pub fn http2_stream(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else {
        return;
    };
    let names = ["chromium-156", "firefox-esr-153"];
    let name = names.get(usize::from(first % 2)).copied();
    let Some(profile) = name.and_then(|name| Profile::named(name).ok()) else {
        return;
    };
    let Some(template) = profile.http2_template() else {
        return;
    };
    let wire = Wire(Cursor::default());
    let peer = Arc::new(Http2Peer::new());
    let mut rng = StdRng::seed_from_u64(0);
    let mut stream = Http2Stream::shaping(wire, peer, template, &mut rng);
    let settings = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
    let mut alive = write(&mut stream, PREFACE) && write(&mut stream, &settings);
    while let (true, [way, length, more @ ..]) = (alive, rest) {
        let length = usize::from(*length) * (1 + usize::from(way >> 4));
        let (piece, behind) = more.split_at(length.min(more.len()));
        alive = match way % 2 {
            0 => write(&mut stream, piece),
            _ => {
                stream.io_mut().0.get_mut().extend_from_slice(piece);
                read(&mut stream)
            }
        };
        rest = behind;
    }
}

fn write(stream: &mut Http2Stream<Wire>, mut bytes: &[u8]) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    while !bytes.is_empty() {
        match Pin::new(&mut *stream).poll_write(&mut cx, bytes) {
            Poll::Ready(Ok(written)) if written > 0 => {
                bytes = bytes.get(written..).unwrap_or_default();
            }
            Poll::Ready(Err(_)) => return false,
            // The wire takes everything at once.
            stuck => unreachable!("{stuck:?}"),
        }
    }
    let flushed = Pin::new(stream).poll_flush(&mut cx);
    matches!(flushed, Poll::Ready(Ok(())))
}

fn read(stream: &mut Http2Stream<Wire>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let mut room = [0; 1000];
    loop {
        let mut buffer = ReadBuf::new(&mut room);
        match Pin::new(&mut *stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => unreachable!("no end was sent"),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return false,
            Poll::Pending => return true,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.position() as usize == self.0.get_ref().len() {
            return Poll::Pending;
        }
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            super::http2_stream(&bytes);
        }
    }
}
