//! A wire that takes and gives a few bytes at a time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Each read and each write is of at most as many bytes as the next number says, over and over.
pub(super) struct Cut {
    io: DuplexStream,
    reads: std::iter::Cycle<std::vec::IntoIter<usize>>,
    writes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Cut {
    pub(super) fn new(io: DuplexStream, reads: Vec<usize>, writes: Vec<usize>) -> Self {
        Self {
            io,
            reads: reads.into_iter().cycle(),
            writes: writes.into_iter().cycle(),
        }
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.reads.next().unwrap();
        let mut part = vec![0; most.min(buffer.remaining())];
        let mut part = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        buffer.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.writes.next().unwrap();
        Pin::new(&mut self.io).poll_write(cx, &bytes[..most.min(bytes.len())])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
