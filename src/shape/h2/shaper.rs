//! Edits frames in both directions.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rand::Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::announced::Announced;
use super::frame::{FrameScanner, FrameSink};
use super::head::Head;
use super::inbound::Renumbered;
use super::opening::opening;
use super::outbound::Outbound;
use super::peer::Http2Peer;
use super::stream_ids::StreamIds;
use super::wire::Wire;
use crate::error::{Error, Result};
use crate::profile::http2::{Http2Template, SettingTemplate};

/// So much may wait to be written before h2 has to wait too. As much as h2's own buffer; one header block may be on top.
const HIGH_WATER: usize = 16 * 1024;

/// A piece of DATA up to this size is copied to what waits, so that small frames leave together. h2 copies less than 256 bytes, or
/// 1 KiB where it cannot write several pieces at once.
const COPIED_DATA: usize = 1024;

/// Pieces of one write: what waits, what h2 has in its own buffer, and the caller's payload, which mostly is one.
const PIECES: usize = 8;

/// One connection's.
#[derive(Debug)]
pub(super) struct Shaper {
    outbound: Outbound,
    announced: Announced,
    /// `None`: the ids of h2 and of the wire are the same.
    inbound: Option<Renumbered>,
}

impl Shaper {
    pub(super) fn new(template: &Arc<Http2Template>, rng: &mut impl Rng) -> Self {
        let ids = StreamIds::new(template.first_stream);
        Self {
            outbound: Outbound::new(Arc::clone(template), opening(template, rng)),
            announced: Announced::default(),
            inbound: (!ids.are_equal()).then(|| Renumbered::new(ids)),
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn staged_capacity(&self) -> usize {
        self.outbound.staged.capacity()
    }

    pub(super) fn poll_read<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.inbound {
            None => Pin::new(io).poll_read(cx, buffer),
            Some(inbound) => inbound.poll_read(io, cx, buffer),
        }
    }

    /// What h2 will read next.
    pub(super) fn heard(
        &mut self,
        bytes: &[u8],
        scanner: &mut FrameScanner,
        peer: &Http2Peer,
    ) -> Result<()> {
        let mut sink = Heard {
            peer,
            announced: &mut self.announced,
            outbound: &mut self.outbound,
            outcome: Ok(()),
        };
        scanner.scan(bytes, &mut sink);
        sink.outcome
    }

    /// Takes what it can of what h2 writes. What is not DATA waits to be written with what follows, or for the next flush.
    pub(super) fn poll_write<IO: AsyncWrite + Unpin>(
        &mut self,
        wire: &mut Wire<IO>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.outbound.staged.len() >= HIGH_WATER {
            ready!(self.poll_drain(wire, cx))?;
        }
        let mut taken = 0;
        for (place, slice) in slices.iter().enumerate() {
            let mut rest: &[u8] = slice;
            while !rest.is_empty() {
                if self.outbound.staged.len() >= HIGH_WATER {
                    return Poll::Ready(Ok(taken));
                }
                let data = rest.len().min(self.outbound.data_left());
                let step = if data > COPIED_DATA {
                    let behind = slices.get(place + 1..).unwrap_or_default();
                    return self.poll_pass(wire, cx, taken, rest, behind);
                } else if data > 0 {
                    let (data, _) = rest.split_at(data);
                    self.outbound.staged.end().extend_from_slice(data);
                    self.outbound.data_passed(data.len());
                    data.len()
                } else {
                    let taken = self.outbound.take(rest, &mut self.announced);
                    taken.map_err(|fault| wire.fail(fault))?
                };
                taken += step;
                rest = rest.get(step..).unwrap_or_default();
            }
        }
        Poll::Ready(Ok(taken))
    }

    /// Writes what waits, and behind it the DATA that `first` begins with and `behind` goes on with. `taken` bytes of the same write
    /// were taken before.
    fn poll_pass<IO: AsyncWrite + Unpin>(
        &mut self,
        wire: &mut Wire<IO>,
        cx: &mut Context<'_>,
        taken: usize,
        first: &[u8],
        behind: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let staged = self.outbound.staged.rest();
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let mut left = self.outbound.data_left();
            let mut data = std::iter::once(first).chain(behind.iter().map(|slice| &**slice));
            let (waiting, rest) = pieces.split_at_mut(usize::from(!staged.is_empty()));
            for piece in waiting {
                *piece = IoSlice::new(staged);
            }
            let mut count = usize::from(!staged.is_empty());
            for piece in rest {
                let Some(slice) = data.next().filter(|_| left > 0) else {
                    break;
                };
                let part = slice.get(..left.min(slice.len())).unwrap_or_default();
                left -= part.len();
                *piece = IoSlice::new(part);
                count += 1;
            }
            let pieces = pieces.get(..count).unwrap_or_default();
            let written = match wire.poll_write_vectored(cx, pieces) {
                Poll::Pending if taken > 0 => return Poll::Ready(Ok(taken)),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(written) => written?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let passed = written.saturating_sub(staged.len());
            self.outbound.staged.advance(written - passed);
            self.outbound.data_passed(passed);
            if taken + passed > 0 {
                return Poll::Ready(Ok(taken + passed));
            }
        }
    }

    /// Writes what waits.
    pub(super) fn poll_drain<IO: AsyncWrite + Unpin>(
        &mut self,
        wire: &mut Wire<IO>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.outbound.staged.len() > 0 {
            let written = ready!(wire.poll_write(cx, self.outbound.staged.rest()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbound.staged.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// Everything that the server says of itself, for the pool, the header compression and the streams' dependencies.
struct Heard<'a> {
    peer: &'a Http2Peer,
    announced: &'a mut Announced,
    outbound: &'a mut Outbound,
    outcome: Result<(), Error>,
}

impl FrameSink for Heard<'_> {
    fn frame(&mut self, head: Head) {
        self.peer.frame(head);
        self.outbound.received(head);
    }

    fn setting(&mut self, id: u16, value: u32) {
        if id == SettingTemplate::HEADER_TABLE_SIZE {
            self.announced.table_size(value);
        }
        self.peer.setting(id, value);
    }

    fn settings_end(&mut self) {
        if self.outcome.is_ok() {
            self.outcome = self.announced.arrived();
        }
        self.peer.settings_end();
    }

    fn go_away(&mut self, last_stream_id: u32, code: u32) {
        self.peer.go_away(last_stream_id, code);
    }
}
