//! A transport that takes and gives bytes as a test says.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Each read and write is of as many bytes as the next number says, over and over; zero is "not yet".
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) incoming: Vec<u8>,
    given: usize,
    /// Each successful write.
    pub(super) written: Vec<Vec<u8>>,
    pub(super) flushed: usize,
    pub(super) shut_down: bool,
    plan: Vec<usize>,
    step: usize,
}

impl Pieces {
    pub(super) fn new(incoming: Vec<u8>, plan: Vec<usize>) -> Self {
        Self {
            incoming,
            plan,
            ..Self::default()
        }
    }

    fn next(&mut self) -> usize {
        let next = self.plan.get(self.step % self.plan.len().max(1));
        self.step += 1;
        next.copied().unwrap_or(usize::MAX)
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let next = self.next();
        let rest = &self.incoming[self.given..];
        let length = next.min(rest.len()).min(buffer.remaining());
        if length == 0 && !rest.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(&rest[..length]);
        self.given += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
        let bytes: Vec<u8> = bytes.take(self.next()).collect();
        if bytes.is_empty() {
            return Poll::Pending;
        }
        let length = bytes.len();
        self.written.push(bytes);
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut_down = true;
        Poll::Ready(Ok(()))
    }
}

/// Polls until it is ready.
pub(super) fn ready<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(done) = poll(&mut cx) {
            return done;
        }
    }
    panic!("it is never ready");
}

/// Writes all of `bytes`, in the pieces that `cuts` say.
pub(super) fn write<IO: AsyncWrite + Unpin>(
    io: &mut IO,
    bytes: &[u8],
    cuts: &[usize],
) -> io::Result<()> {
    let (mut done, mut cuts) = (0, cuts.iter().cycle());
    while done < bytes.len() {
        let piece = cuts.next().copied().unwrap_or(usize::MAX).max(1);
        let piece = &bytes[done..][..piece.min(bytes.len() - done)];
        // In two slices, as h2 writes.
        let (front, back) = piece.split_at(piece.len() / 3);
        let slices = [IoSlice::new(front), IoSlice::new(back)];
        done += ready(|cx| Pin::new(&mut *io).poll_write_vectored(cx, &slices))?;
    }
    ready(|cx| Pin::new(&mut *io).poll_flush(cx))
}

/// Reads to the end, into buffers of the sizes that `sizes` say.
pub(super) fn read<IO: AsyncRead + Unpin>(io: &mut IO, sizes: &[usize]) -> io::Result<Vec<u8>> {
    let (mut all, mut sizes) = (Vec::new(), sizes.iter().cycle());
    loop {
        let mut buffer = vec![0; sizes.next().copied().unwrap_or(4096).max(1)];
        let mut buffer = ReadBuf::new(&mut buffer);
        ready(|cx| Pin::new(&mut *io).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Ok(all);
        }
        all.extend(buffer.filled());
    }
}
