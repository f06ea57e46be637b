//! A stream that lets somebody watch what passes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Sees what passes, after it has passed.
pub(crate) trait Watch {
    /// These bytes were read.
    fn read(&mut self, bytes: &[u8]);
    /// These bytes were written.
    fn written(&mut self, bytes: &[u8]);
    /// Reading failed.
    fn failed(&mut self, _: &io::Error) {}
    /// Whether [`written`](Self::written) is still of use.
    fn watches_writes(&self) -> bool;
}

/// Passes everything through unchanged.
#[derive(Debug)]
pub(crate) struct Tap<IO, W> {
    io: IO,
    watch: W,
}

impl<IO, W> Tap<IO, W> {
    pub(crate) fn new(io: IO, watch: W) -> Self {
        Self { io, watch }
    }
}

impl<IO: AsyncRead + Unpin, W: Watch + Unpin> AsyncRead for Tap<IO, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Err(error) = ready!(Pin::new(&mut self.io).poll_read(cx, buffer)) {
            self.watch.failed(&error);
            return Poll::Ready(Err(error));
        }
        self.watch
            .read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin, W: Watch + Unpin> AsyncWrite for Tap<IO, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        if self.watch.watches_writes() {
            self.watch.written(bytes.get(..written).unwrap_or_default());
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        if self.watch.watches_writes() {
            let mut left = written;
            for slice in slices {
                let part = slice.get(..left.min(slice.len())).unwrap_or_default();
                self.watch.written(part);
                left -= part.len();
            }
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
