//! An HTTP/2 stream as bytes in both directions.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::client::exchange::Exchange;

/// Both halves of a stream, and the use of its connection.
pub(super) struct Tunnel {
    inbound: RecvStream,
    /// Of a DATA frame, what is not read yet.
    unread: Bytes,
    outbound: SendStream<Bytes>,
    server_ended: bool,
    client_ended: bool,
    exchange: Option<Exchange>,
}

impl Tunnel {
    pub(super) fn new(
        inbound: RecvStream,
        outbound: SendStream<Bytes>,
        exchange: Exchange,
    ) -> Self {
        Self {
            inbound,
            unread: Bytes::new(),
            outbound,
            server_ended: false,
            client_ended: false,
            exchange: Some(exchange),
        }
    }

    /// What the pool did is not the server's doing.
    fn broken(&self, error: h2::Error) -> io::Error {
        let exchange = self.exchange.as_ref();
        match exchange.is_some_and(Exchange::was_ended_here) {
            true => io::Error::new(io::ErrorKind::ConnectionAborted, error),
            false => as_io(error),
        }
    }

    fn end(&mut self) -> Result<(), h2::Error> {
        match std::mem::replace(&mut self.client_ended, true) {
            true => Ok(()),
            false => self.outbound.send_data(Bytes::new(), true),
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.unread.is_empty() {
            match ready!(this.inbound.poll_data(context)) {
                Some(Ok(data)) => this.unread = data,
                Some(Err(error)) => return Poll::Ready(Err(this.broken(error))),
                None => {
                    this.server_ended = true;
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let part = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread.split_to(part));
        // Read by the caller, so the server may send as much again.
        let released = this.inbound.flow_control().release_capacity(part);
        Poll::Ready(released.map_err(as_io))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let this = &mut *self;
        let outbound = &mut this.outbound;
        outbound.reserve_capacity(bytes.len());
        let mut room = outbound.capacity();
        while room == 0 {
            room = match ready!(outbound.poll_capacity(context)) {
                Some(Ok(room)) => room,
                Some(Err(error)) => return Poll::Ready(Err(this.broken(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
        }
        let (piece, _) = bytes.split_at(room.min(bytes.len()));
        let sent = outbound.send_data(Bytes::copy_from_slice(piece), false);
        Poll::Ready(sent.map(|()| piece.len()).map_err(as_io))
    }

    /// The connection's task sends what it has been given.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.end().map_err(as_io))
    }
}

impl Drop for Tunnel {
    /// What the server has not ended is reset.
    fn drop(&mut self) {
        if self.server_ended
            && self.end().is_ok()
            && let Some(exchange) = self.exchange.take()
        {
            exchange.complete();
        }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

fn as_io(error: h2::Error) -> io::Error {
    match error.is_io() {
        true => error
            .into_io()
            .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()),
        false => io::Error::other(error),
    }
}
