//! A socket that counts.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Entry;

pin_project! {
    /// A socket whose bytes are counted in the [stats](Entry::stats) of its connection, and dated.
    ///
    /// Costs one clock read and two atomic additions for each read or write that moved bytes, no
    /// copy and no allocation. Bytes are counted where the wrapper stands: around the TCP socket
    /// they are what went over the wire, around TLS they are the plaintext.
    #[derive(Debug)]
    pub struct Metered<IO> {
        #[pin]
        io: IO,
        entry: Arc<Entry>,
    }
}

impl<IO> Metered<IO> {
    /// Counts what goes through `io` as `entry`'s.
    pub fn new(io: IO, entry: Arc<Entry>) -> Self {
        Self { io, entry }
    }

    /// The connection that is counted for.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The socket.
    pub fn inner(&self) -> &IO {
        &self.io
    }

    /// The socket. What is read or written through it is not counted.
    pub fn inner_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// The socket, uncounted from here on.
    pub fn into_inner(self) -> IO {
        self.io
    }
}

impl<IO: AsyncRead> AsyncRead for Metered<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        ready!(this.io.poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            this.entry.stats().record_received(read as u64);
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite> AsyncWrite for Metered<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.io.poll_write(context, bytes))?;
        Poll::Ready(Ok(count(this.entry, written)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = ready!(this.io.poll_write_vectored(context, slices))?;
        Poll::Ready(Ok(count(this.entry, written)))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(context)
    }
}

fn count(entry: &Entry, written: usize) -> usize {
    if written > 0 {
        entry.stats().record_sent(written as u64);
    }
    written
}
