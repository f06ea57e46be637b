//! The stream, driven by arbitrary bytes in both directions. For `fuzz/`, which sees only what is public.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{DeflateParameters, DeflateStream};

/// More than any reader's buffer and what a chunk needs: there is no other reason to keep memory.
const MOST_MEMORY: usize = 64 * 1024;

/// What the peer sends is put in, what this side sends is thrown away.
struct Wire(Cursor<Vec<u8>>);

/// The first byte chooses the role and what was agreed upon. What follows are pieces: which way, how long, and the bytes.
#[allow(unreachable_pub, reason = "it is public where it is fuzzed")]
pub fn deflate_stream(bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else {
        return;
    };
    let role = match first & 1 {
        0 => Role::Client,
        _ => Role::Server,
    };
    let parameters = DeflateParameters {
        server_no_context_takeover: first & 2 != 0,
        client_no_context_takeover: first & 4 != 0,
        server_max_window_bits: 8 + (first >> 3 & 7),
        client_max_window_bits: 15 - (first >> 3 & 7),
    };
    let wire = Wire(Cursor::default());
    let mut stream = DeflateStream::new(wire, role, parameters, usize::from(first >> 6) * 20);
    let mut alive = true;
    while let (true, [way, length, more @ ..]) = (alive, rest) {
        let length = usize::from(*length) * (1 + usize::from(way >> 4));
        let (piece, behind) = more.split_at(length.min(more.len()));
        alive = match way % 2 {
            0 => write(&mut stream, piece),
            _ => {
                stream.get_mut().0.get_mut().extend_from_slice(piece);
                read(&mut stream)
            }
        };
        rest = behind;
    }
}

fn write(stream: &mut DeflateStream<Wire>, mut bytes: &[u8]) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    while !bytes.is_empty() {
        match Pin::new(&mut *stream).poll_write(&mut cx, bytes) {
            Poll::Ready(Ok(written)) if written > 0 => {
                bytes = bytes.get(written..).unwrap_or_default();
            }
            // The wire takes everything at once, and there is nothing that cannot be written.
            stuck => unreachable!("{stuck:?}"),
        }
    }
    let flushed = Pin::new(stream).poll_flush(&mut cx);
    matches!(flushed, Poll::Ready(Ok(())))
}

fn read(stream: &mut DeflateStream<Wire>) -> bool {
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
        assert!(
            stream.inbound_memory() < MOST_MEMORY,
            "it keeps what passed"
        );
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

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..60);
        let frame = |first: u8| {
            bytes().prop_map(move |bytes| [&[first, bytes.len() as u8], &bytes[..]].concat())
        };
        let masked = bytes()
            .prop_map(|bytes| [&[0xc2, 0x80 | bytes.len() as u8, 1, 2, 3, 4], &bytes[..]].concat());
        let framed = prop_oneof![
            bytes(),
            frame(0xc1),
            frame(0x41),
            frame(0x80),
            frame(0x81),
            masked
        ];
        (any::<u8>(), framed)
            .prop_map(|(way, bytes)| [&[way % 2, bytes.len() as u8], &bytes[..]].concat())
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            super::deflate_stream(&bytes);
        }

        #[test]
        fn frames_are_taken(first: u8, pieces in prop::collection::vec(piece(), 0..30)) {
            super::deflate_stream(&[&[first], &pieces.concat()[..]].concat());
        }
    }
}
