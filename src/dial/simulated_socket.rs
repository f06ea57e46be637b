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
pub(crate) struct Socket(Arc<Mutex<Shared>>);

/// What there is to see from outside.
#[derive(Clone, Debug)]
pub(crate) struct SocketView(Weak<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    stream: TcpStream,
    /// Who reads. The simulated stream keeps one waker, and whoever looks at it must not take the reader's place.
    reader: Waker,
}

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
        Self(Arc::new(Mutex::new(Shared {
            stream,
            reader: Waker::noop().clone(),
        })))
    }

    pub(crate) fn view(&self) -> SocketView {
        SocketView(Arc::downgrade(&self.0))
    }
}

impl SocketView {
    pub(crate) fn arrived(&self) -> Arrived {
        let Some(shared) = self.0.upgrade() else {
            return Arrived::End;
        };
        let Shared { stream, reader } = &mut *shared.lock();
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        match stream.poll_peek(&mut Context::from_waker(reader), &mut buffer) {
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
        let mut shared = self.0.lock();
        shared.reader.clone_from(context.waker());
        Pin::new(&mut shared.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.lock().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().stream).poll_shutdown(context)
    }
}
