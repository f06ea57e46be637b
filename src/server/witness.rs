//! A stream that remembers how the peer left.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ending::reason_of_io;
use crate::registry::{CloseReason, Registration};

pin_project! {
    /// A stream that notes the peer's close, or a failure, as the cause of the connection's end:
    /// hyper does not tell which side closed.
    #[derive(Debug)]
    pub(super) struct Witness<IO> {
        #[pin]
        stream: IO,
        registration: Arc<Registration>,
    }
}

impl<IO> Witness<IO> {
    pub(super) fn new(stream: IO, registration: Arc<Registration>) -> Self {
        Self {
            stream,
            registration,
        }
    }
}

impl<IO: AsyncRead> AsyncRead for Witness<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.remaining();
        let result = match ready!(this.stream.poll_read(context, buffer)) {
            // No close_notify. A request says how long it is, so none can be cut short unnoticed
            // (RFC 9112 §9.8).
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            result => result,
        };
        if result.is_ok() && before > 0 && buffer.remaining() == before {
            this.registration.note_close(CloseReason::PeerClosed);
        }
        Poll::Ready(note(this.registration, result))
    }
}

impl<IO: AsyncWrite> AsyncWrite for Witness<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = ready!(this.stream.poll_write(context, bytes));
        Poll::Ready(note(this.registration, result))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = ready!(this.stream.poll_write_vectored(context, slices));
        Poll::Ready(note(this.registration, result))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let result = ready!(this.stream.poll_flush(context));
        Poll::Ready(note(this.registration, result))
    }

    /// Not witnessed: by then the end has its cause.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(context)
    }
}

fn note<T>(registration: &Registration, result: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &result {
        registration.note_close(reason_of_io(error));
    }
    result
}
