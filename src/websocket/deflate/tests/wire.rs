//! Stock WebSockets over a transport that holds bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::websocket::deflate::{DeflateParameters, DeflateStream};
use crate::websocket::frame::{FrameHead, HeadParser};
use crate::websocket::mask::Mask;

/// Gives the bytes that it has in pieces, then ends; keeps what is written.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) given: Vec<u8>,
    pub(super) at: usize,
    /// No read gives more.
    pub(super) piece: Option<usize>,
    pub(super) written: Vec<u8>,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining().min(self.piece.unwrap_or(usize::MAX));
        let end = self.given.len().min(self.at + room);
        buffer.put_slice(&self.given[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What goes on the wire for these messages.
pub(super) fn sent(
    role: Role,
    parameters: DeflateParameters,
    least: usize,
    messages: impl IntoIterator<Item = Message>,
) -> Vec<u8> {
    let stream = DeflateStream::new(Held::default(), role, parameters, least);
    let mut socket = WebSocketStream::from_raw_socket(stream, role, None)
        .now_or_never()
        .unwrap();
    for message in messages {
        socket.send(message).now_or_never().unwrap().unwrap();
    }
    socket.get_ref().get_ref().written.clone()
}

/// What a WebSocket of that role makes of these bytes, up to the error with which it ends.
pub(super) fn received(
    role: Role,
    parameters: DeflateParameters,
    bytes: &[u8],
) -> (Vec<Message>, Error) {
    received_in_pieces(role, parameters, bytes, None)
}

pub(super) fn received_in_pieces(
    role: Role,
    parameters: DeflateParameters,
    bytes: &[u8],
    piece: Option<usize>,
) -> (Vec<Message>, Error) {
    let held = Held {
        given: bytes.to_vec(),
        piece,
        ..Held::default()
    };
    read_all(DeflateStream::new(held, role, parameters, 0), role, None)
}

pub(super) fn read_all<IO: AsyncRead + AsyncWrite + Unpin>(
    io: IO,
    role: Role,
    config: Option<WebSocketConfig>,
) -> (Vec<Message>, Error) {
    let mut socket = WebSocketStream::from_raw_socket(io, role, config)
        .now_or_never()
        .unwrap();
    let mut messages = Vec::new();
    loop {
        match socket.next().now_or_never().unwrap() {
            Some(Ok(message)) => messages.push(message),
            Some(Err(error)) => return (messages, error),
            None => return (messages, Error::ConnectionClosed),
        }
    }
}

/// The frames of these bytes, unmasked.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<(FrameHead, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (taken, head) = HeadParser::default().take(bytes);
        let head = head.unwrap();
        let (payload, rest) = bytes[taken..].split_at(head.length as usize);
        let mut payload = payload.to_vec();
        if let Some(key) = head.mask {
            Mask::new(key).apply(&mut payload);
        }
        found.push((head, payload));
        bytes = rest;
    }
    found
}
