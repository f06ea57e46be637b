//! The stream that h2 reads from and writes to.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rand::Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame::FrameScanner;
use super::peer::Http2Peer;
use super::shaper::Shaper;
use super::wire::Wire;
use crate::error::Error;
use crate::profile::http2::Http2Template;

/// Lets [`Http2Peer`] know what the server says, and keeps what this side says first. With a template, what h2 says becomes what the
/// template's client would say.
#[derive(Debug)]
pub(crate) struct Http2Stream<IO> {
    wire: Wire<IO>,
    inbound: FrameScanner,
    shaper: Option<Box<Shaper>>,
}

impl<IO> Http2Stream<IO> {
    /// Never changes a byte.
    pub(crate) fn watching(io: IO, peer: Arc<Http2Peer>) -> Self {
        Self {
            wire: Wire::new(io, peer),
            inbound: FrameScanner::new(),
            shaper: None,
        }
    }

    /// Says what `template`'s client would. h2 must have been built with the template's limits. What differs between connections is
    /// drawn from `rng`.
    pub(crate) fn shaping(
        io: IO,
        peer: Arc<Http2Peer>,
        template: &Arc<Http2Template>,
        rng: &mut impl Rng,
    ) -> Self {
        Self {
            shaper: Some(Box::new(Shaper::new(template, rng))),
            ..Self::watching(io, peer)
        }
    }
}

#[cfg(any(test, fuzzing))]
#[allow(dead_code, reason = "some are for one of the two")]
impl<IO> Http2Stream<IO> {
    pub(super) fn io(&self) -> &IO {
        &self.wire.io
    }

    pub(super) fn io_mut(&mut self) -> &mut IO {
        &mut self.wire.io
    }

    pub(super) fn into_io(self) -> IO {
        self.wire.io
    }

    /// How much memory it has for what waits.
    pub(super) fn staged_capacity(&self) -> usize {
        self.shaper
            .as_ref()
            .map_or(0, |shaper| shaper.staged_capacity())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Http2Stream<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            wire,
            inbound,
            shaper,
        } = self.get_mut();
        let before = buffer.filled().len();
        let read = match shaper {
            None => Pin::new(&mut wire.io).poll_read(cx, buffer),
            Some(shaper) => shaper.poll_read(&mut wire.io, cx, buffer),
        };
        if let Err(error) = ready!(read) {
            if let Some(fault) = Error::from_tls(&error) {
                wire.peer.set_fault(fault);
            }
            return Poll::Ready(Err(error));
        }
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        match shaper {
            None => inbound.scan(bytes, &mut &*wire.peer),
            Some(shaper) => {
                let heard = shaper.heard(bytes, inbound, &wire.peer);
                heard.map_err(|fault| wire.fail(fault))?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Http2Stream<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { wire, shaper, .. } = self.get_mut();
        match shaper {
            None => wire.poll_write(cx, bytes),
            Some(shaper) => shaper.poll_write(wire, cx, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { wire, shaper, .. } = self.get_mut();
        match shaper {
            None => wire.poll_write_vectored(cx, slices),
            Some(shaper) => shaper.poll_write(wire, cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { wire, shaper, .. } = self.get_mut();
        if let Some(shaper) = shaper {
            ready!(shaper.poll_drain(wire, cx))?;
        }
        Pin::new(&mut wire.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { wire, shaper, .. } = self.get_mut();
        if let Some(shaper) = shaper {
            ready!(shaper.poll_drain(wire, cx))?;
        }
        Pin::new(&mut wire.io).poll_shutdown(cx)
    }
}
