//! The way out to the server.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::peer::Http2Peer;
use crate::error::Error;
use crate::profile::Http2Opening;

/// The opening is kept until its first request is complete, but no longer than this: a request's headers seldom reach 8 KiB, and
/// servers refuse them at 16.
const OPENING_LIMIT: usize = 16 * 1024;

/// Writes, and keeps what was written first.
#[derive(Debug)]
pub(super) struct Wire<IO> {
    pub(super) io: IO,
    /// What was written so far; gone once the first request's headers are in it.
    opening: Option<Vec<u8>>,
    pub(super) peer: Arc<Http2Peer>,
}

impl<IO> Wire<IO> {
    pub(super) fn new(io: IO, peer: Arc<Http2Peer>) -> Self {
        Self {
            io,
            opening: Some(Vec::new()),
            peer,
        }
    }

    /// The fault as an I/O error, kept for when h2 reports it.
    pub(super) fn fail(&self, fault: Error) -> io::Error {
        self.peer.set_fault(fault.clone());
        io::Error::other(fault)
    }

    fn written<'a>(&mut self, written: usize, slices: impl IntoIterator<Item = &'a [u8]>) {
        let Some(opening) = &mut self.opening else {
            return;
        };
        let mut left = written;
        for slice in slices {
            let part = slice.get(..left.min(slice.len())).unwrap_or_default();
            opening.extend_from_slice(part);
            left -= part.len();
        }
        let parsed = Http2Opening::parse(opening);
        if parsed.is_complete() || opening.len() > OPENING_LIMIT {
            self.peer.set_opening(parsed);
            self.opening = None;
        }
    }
}

impl<IO: AsyncWrite + Unpin> Wire<IO> {
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.written(written, [bytes]);
        Poll::Ready(Ok(written))
    }

    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        self.written(written, slices.iter().map(|slice| &**slice));
        Poll::Ready(Ok(written))
    }
}
