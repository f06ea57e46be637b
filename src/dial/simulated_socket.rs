//! As [`socket`](super::socket), of a network that a test simulates (`--cfg turmoil`).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::net::TcpStream;

/// The driver's side. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct Socket(Arc<Mutex<TcpStream>>);

/// What there is to see from outside.
#[derive(Clone, Debug)]
pub(crate) struct SocketView(Weak<Mutex<TcpStream>>);

/// What has arrived at a socket and was not read yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrived {
    Nothing,
    Bytes,
    /// The end of the connection, in order or not.
    End,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    pub(crate) fn view(&self) -> SocketView {
        SocketView(Arc::downgrade(&self.0))
    }
}

impl SocketView {
    pub(crate) fn arrived(&self) -> Arrived {
        let Some(stream) = self.0.upgrade() else {
            return Arrived::End;
        };
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        // Wakers are kept beside each other there, so this one takes nobody's place.
        let mut context = Context::from_waker(Waker::noop());
        match stream.lock().poll_peek(&mut context, &mut buffer) {
            Poll::Pending => Arrived::Nothing,
            Poll::Ready(Ok(1..)) => Arrived::Bytes,
            Poll::Ready(_) => Arrived::End,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock()).poll_shutdown(context)
    }
}
