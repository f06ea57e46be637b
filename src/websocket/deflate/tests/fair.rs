//! A large message does not keep a thread from its other tasks.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::wire::{Held, sent};
use crate::websocket::deflate::{DeflateParameters, DeflateStream};
use crate::websocket::frame::{BINARY, FirstByte, FrameHead};

const LARGE: usize = 16 * 1024 * 1024;

/// tokio lets a task do 128 things before it is to give way; here one is some 16 KiB.
const AT_ONCE: usize = 4 * 1024 * 1024;

fn stream(given: Vec<u8>) -> DeflateStream<Held> {
    let held = Held {
        given,
        ..Held::default()
    };
    DeflateStream::new(held, Role::Client, DeflateParameters::default(), 0)
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future);
}

#[test]
fn reading() {
    let message = Message::binary(vec![0; LARGE]);
    let bytes = sent(Role::Server, DeflateParameters::default(), 0, [message]);
    let mut stream = stream(bytes);
    let mut room = vec![0; 128 * 1024];
    let (mut total, mut turns) = (0, 0);
    block_on(poll_fn(|cx| {
        let before = total;
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut stream).poll_read(cx, &mut buffer) {
                Poll::Ready(read) => read.unwrap(),
                Poll::Pending => break,
            }
            if buffer.filled().is_empty() {
                return Poll::Ready(());
            }
            total += buffer.filled().len();
        }
        turns += 1;
        assert!(total - before <= AT_ONCE, "{}", total - before);
        Poll::Pending
    }));
    assert!(
        total >= LARGE && turns >= LARGE / AT_ONCE - 1,
        "{total} {turns}"
    );
}

#[test]
fn writing() {
    let mut bytes = Vec::new();
    let head = FrameHead {
        first: FirstByte::new(BINARY, true),
        mask: Some([1, 2, 3, 4]),
        length: LARGE as u64,
    };
    head.write(&mut bytes);
    bytes.resize(bytes.len() + LARGE, 7);
    let mut stream = stream(Vec::new());
    let (mut taken, mut turns) = (0, 0);
    block_on(poll_fn(|cx| {
        let before = taken;
        while taken < bytes.len() {
            match Pin::new(&mut stream).poll_write(cx, &bytes[taken..]) {
                Poll::Ready(more) => taken += more.unwrap(),
                Poll::Pending => {
                    turns += 1;
                    assert!(taken - before <= AT_ONCE, "{}", taken - before);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }));
    assert!(turns >= LARGE / AT_ONCE - 1, "{turns}");
    assert!(stream.get_ref().written.len() < LARGE / 100);
}
