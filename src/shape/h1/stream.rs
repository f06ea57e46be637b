//! The stream that hyper writes to.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::Spelling;
use super::outbound::Outbound;

/// Respells the heads of requests. What is read passes unseen.
#[derive(Debug)]
pub(crate) struct Http1Stream<IO> {
    io: IO,
    outbound: Outbound,
}

impl<IO> Http1Stream<IO> {
    pub(crate) fn new(io: IO, spelling: Spelling) -> Self {
        let outbound = Outbound::new(spelling);
        Self { io, outbound }
    }

    /// For what is not HTTP.
    #[cfg(any(test, feature = "websocket"))]
    pub(crate) fn into_inner(self) -> IO {
        self.io
    }
}

impl<IO: AsyncWrite + Unpin> Http1Stream<IO> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbound.staged().is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, self.outbound.staged()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbound.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// One write of what is staged and the body behind it; tells how many bytes of the body were written.
    fn poll_write_on(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        skipped: usize,
    ) -> Poll<io::Result<usize>> {
        let staged = self.outbound.staged().len();
        let mut parts = self.outbound.body(slices, skipped);
        if staged > 0 {
            parts.insert(0, IoSlice::new(self.outbound.staged()));
        }
        let written = match parts.as_slice() {
            [] => return Poll::Ready(Ok(0)),
            [only] => ready!(Pin::new(&mut self.io).poll_write(cx, only))?,
            several => ready!(Pin::new(&mut self.io).poll_write_vectored(cx, several))?,
        };
        drop(parts);
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.outbound.advance(written.min(staged));
        let of_body = written.saturating_sub(staged);
        self.outbound.advance_body(slices, skipped, of_body);
        Poll::Ready(Ok(of_body))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Http1Stream<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Http1Stream<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // A head is staged once what was staged before it is gone: so no more than one waits.
        if !self.outbound.is_in_body() {
            ready!(self.poll_drain(cx))?;
        }
        let taken = self.outbound.take_head(slices)?;
        loop {
            return match self.poll_write_on(cx, slices, taken) {
                // So far only something that was staged before.
                Poll::Ready(Ok(0)) if taken == 0 => continue,
                Poll::Ready(Ok(of_body)) => Poll::Ready(Ok(taken + of_body)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                // What was taken is kept, and leaves with the next write or flush.
                Poll::Pending if taken > 0 => Poll::Ready(Ok(taken)),
                Poll::Pending => Poll::Pending,
            };
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
