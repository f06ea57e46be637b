//! Transports that take little, late or nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::wire::received;
use crate::websocket::deflate::{DeflateParameters, DeflateStream};
use crate::websocket::frame::{BINARY, FirstByte, FrameHead};

/// Takes as much as it has room for.
#[derive(Default)]
struct Tight {
    room: usize,
    taken: Vec<u8>,
    is_flushed: bool,
    is_shut: bool,
    /// Takes nothing more, and says so.
    is_closed: bool,
}

impl AsyncWrite for Tight {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_closed {
            return Poll::Ready(Ok(0));
        }
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            return Poll::Pending;
        }
        self.room -= taken;
        self.taken.extend(&bytes[..taken]);
        self.is_flushed = false;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut = true;
        Poll::Ready(Ok(()))
    }
}

const PARAMETERS: DeflateParameters = DeflateParameters {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

fn stream(least: usize) -> DeflateStream<Tight> {
    DeflateStream::new(Tight::default(), Role::Server, PARAMETERS, least)
}

/// A server's frame, as its WebSocket writes it.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = FrameHead {
        first: FirstByte::new(BINARY, true),
        mask: None,
        length: payload.len() as u64,
    };
    head.write(&mut bytes);
    bytes.extend(payload);
    bytes
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn a_transport_that_takes_nothing_is_not_written_to_for_ever() {
    for (least, payload) in [
        (0, noise(1000)),
        (usize::MAX, noise(1000)),
        (0, noise(100_000)),
    ] {
        let frame = frame(&payload);
        let mut stream = stream(least);
        let mut cx = Context::from_waker(Waker::noop());
        let mut taken = 0;
        for _ in 0..1000 {
            match Pin::new(&mut stream).poll_write(&mut cx, &frame[taken % frame.len()..]) {
                Poll::Ready(more) => taken += more.unwrap(),
                Poll::Pending => break,
            }
        }
        assert!(taken < 16 * 1024 + 2 * frame.len(), "{taken}");
        let most = 16 * 1024 + 2 * frame.len();
        assert!(
            stream.outbound_length() < most,
            "{}",
            stream.outbound_length()
        );
        assert!(stream.get_ref().taken.is_empty());
    }
}

#[test]
fn nothing_is_lost_or_doubled_however_little_is_taken_at_once() {
    let small = Message::binary(noise(50));
    let large = Message::binary(noise(40_000));
    let repeated = Message::binary(b"repeated ".repeat(3000));
    let messages = [small.clone(), large, small, repeated];
    for least in [0, 100, usize::MAX] {
        let plain: Vec<_> = messages
            .iter()
            .flat_map(|message| frame(&message.clone().into_data()))
            .collect();
        for room in [1, 7, 100, 5000, 20_000] {
            let mut stream = stream(least);
            let mut cx = Context::from_waker(Waker::noop());
            let mut taken = 0;
            while taken < plain.len() {
                let end = plain.len().min(taken + 3 * room);
                match Pin::new(&mut stream).poll_write(&mut cx, &plain[taken..end]) {
                    Poll::Ready(more) => taken += more.unwrap(),
                    Poll::Pending => stream.get_mut().room = room,
                }
            }
            while Pin::new(&mut stream).poll_flush(&mut cx).is_pending() {
                stream.get_mut().room = room;
            }
            assert!(stream.get_ref().is_flushed);
            let (got, _) = received(Role::Client, PARAMETERS, &stream.get_ref().taken);
            assert!(got == messages, "{least} {room}");
        }
    }
}

#[test]
fn shutting_down_waits_for_what_was_taken() {
    let mut stream = stream(0);
    let mut cx = Context::from_waker(Waker::noop());
    let frame = frame(b"Hello");
    let written = Pin::new(&mut stream).poll_write(&mut cx, &frame);
    assert!(matches!(written, Poll::Ready(Ok(7))));
    assert!(Pin::new(&mut stream).poll_shutdown(&mut cx).is_pending());
    assert!(!stream.get_ref().is_shut);
    stream.get_mut().room = 100;
    assert!(Pin::new(&mut stream).poll_shutdown(&mut cx).is_ready());
    assert!(stream.get_ref().is_shut);
    assert_eq!(
        stream.get_ref().taken,
        [0xc2, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
    );
}

#[test]
fn a_transport_that_has_closed_is_found_out() {
    let mut cx = Context::from_waker(Waker::noop());
    // One that is written past what is staged, one that is not.
    for length in [100, 100_000] {
        let mut stream = stream(usize::MAX);
        stream.get_mut().is_closed = true;
        let bytes = frame(&noise(length));
        let mut taken = 0;
        let error = loop {
            match Pin::new(&mut stream).poll_write(&mut cx, &bytes[taken..]) {
                Poll::Ready(Ok(0)) => break None,
                Poll::Ready(Ok(more)) => taken += more,
                Poll::Ready(Err(error)) => break Some(error.kind()),
                Poll::Pending => panic!("nothing will wake it"),
            }
        };
        assert_eq!(error, Some(io::ErrorKind::WriteZero));
    }
    let mut stream = stream(usize::MAX);
    stream.get_mut().room = 14;
    let bytes = frame(&noise(100_000));
    assert!(matches!(
        Pin::new(&mut stream).poll_write(&mut cx, &bytes[..10]),
        Poll::Ready(Ok(10))
    ));
    stream.get_mut().is_closed = true;
    assert!(matches!(
        Pin::new(&mut stream).poll_write(&mut cx, &bytes[10..]),
        Poll::Ready(Ok(0))
    ));
}
