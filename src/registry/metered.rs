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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio_test::io::Builder;

    use super::*;
    use crate::registry::{Direction, Draft, Protocol, StatsSnapshot};

    fn metered<IO>(io: IO) -> Metered<IO> {
        let draft = Draft::new(Direction::Outbound, Protocol::Tcp);
        Metered::new(io, Arc::new(Entry::new(draft)))
    }

    fn bytes(entry: &Entry) -> (u64, u64) {
        (entry.stats().bytes_sent(), entry.stats().bytes_received())
    }

    #[tokio::test]
    async fn each_byte_counts_once() {
        let (near, mut far) = duplex(8);
        let mut near = metered(near);
        let entry = Arc::clone(near.entry());

        // Eight fit: a partial write counts what was taken.
        let slices = [
            IoSlice::new(b"one"),
            IoSlice::new(b"two"),
            IoSlice::new(b"three"),
        ];
        assert!(near.is_write_vectored());
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 8);
        assert_eq!(bytes(&entry), (8, 0));
        assert!(entry.stats().last_sent().is_some());
        assert_eq!(entry.stats().last_received(), None);

        far.read_exact(&mut [0; 8]).await.unwrap();
        far.write_all(b"four").await.unwrap();
        let mut buffer = Vec::with_capacity(16);
        buffer.extend_from_slice(b"before");
        assert_eq!(near.read_buf(&mut buffer).await.unwrap(), 4);
        assert_eq!(bytes(&entry), (8, 4));

        near.inner_mut()
            .write_all(b"uncounted"[..4].as_ref())
            .await
            .unwrap();
        near.shutdown().await.unwrap();
        drop(near.into_inner());
        assert_eq!(bytes(&entry), (8, 4));
    }

    #[tokio::test]
    async fn ends_and_failures_count_nothing() {
        let io = Builder::new()
            .read_error(io::ErrorKind::ConnectionReset.into())
            .write_error(io::ErrorKind::BrokenPipe.into())
            .build();
        let mut metered = metered(io);
        assert!(metered.read(&mut [0; 4]).await.is_err());
        assert!(metered.write(b"lost").await.is_err());
        assert_eq!(metered.read(&mut [0; 4]).await.unwrap(), 0);
        assert_eq!(metered.entry().stats().snapshot(), StatsSnapshot::default());
        assert_eq!(
            metered.is_write_vectored(),
            metered.inner().is_write_vectored()
        );
    }
}
