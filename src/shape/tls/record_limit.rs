//! RFC 8449: no record larger than the server wants. rustls's own limit is fixed before the server has said a word, so it is the
//! writes that are kept short; rustls makes one record of each.

use std::io::{self, IoSlice};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TLS stream that writes no more than so much at a time.
#[derive(Debug)]
pub(crate) struct RecordLimited<S> {
    stream: S,
    limit: Option<NonZeroUsize>,
}

impl<S> RecordLimited<S> {
    pub(crate) const fn unlimited(stream: S) -> Self {
        Self {
            stream,
            limit: None,
        }
    }

    pub(super) const fn new(stream: S, limit: Option<NonZeroUsize>) -> Self {
        Self { stream, limit }
    }

    /// The stream itself.
    pub(crate) const fn get_ref(&self) -> &S {
        &self.stream
    }

    pub(crate) const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordLimited<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordLimited<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let bytes = bytes.get(..length).unwrap_or(bytes);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(limit) = self.limit else {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        };
        let mut room = limit.get();
        let mut within = 0;
        for slice in slices {
            match room.checked_sub(slice.len()) {
                Some(left) => room = left,
                None => break,
            }
            within += 1;
        }
        // What fits, or else as much of the first as does.
        let fits = slices.get(..within).unwrap_or_default();
        if fits.iter().any(|slice| !slice.is_empty()) {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, fits);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
