//! What this side sends: messages become compressed ones, unless they are small or compressed already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::task::coop;

use super::KEPT_CAPACITY;
use super::deflater::Deflater;
use super::parameters;
use crate::shape::h2::staged::Staged;
use crate::websocket::frame::{CONTINUATION, FrameHead, HeadParser};
use crate::websocket::mask::Mask;

/// With so much waiting for the transport nothing more is taken, but for the rest of a frame that is being compressed. As much as a TLS
/// record holds.
const STAGED: usize = 16 * 1024;

/// So much is compressed between two looks at whether other tasks want the thread, well below a millisecond's worth.
const DEFLATED_AT_ONCE: usize = 16 * 1024;

/// So much is unmasked at once, on the stack.
const UNMASKED_AT_ONCE: usize = 2 * 1024;

#[derive(Debug)]
pub(super) struct Outbound {
    /// Data messages below this pass as they are.
    least: usize,
    place: Place,
    parser: HeadParser,
    /// A message that is being compressed is not over.
    is_deflating: bool,
    deflater: Deflater,
    /// The compressed payload of a frame whose end has not been written yet: its head comes first, and tells its length.
    payload: Vec<u8>,
    /// To be written to the transport.
    staged: Staged,
}

/// What the next byte is.
#[derive(Debug)]
enum Place {
    Head,
    /// Of a payload that passes, of which so much is left.
    Passing(u64),
    Deflating {
        head: FrameHead,
        left: u64,
        mask: Option<Mask>,
    },
}

impl Outbound {
    pub(super) fn new(context: parameters::Context, least: usize) -> Self {
        Self {
            least,
            place: Place::Head,
            parser: HeadParser::default(),
            is_deflating: false,
            deflater: Deflater::new(context),
            payload: Vec::new(),
            staged: Staged::default(),
        }
    }

    /// Takes bytes of frames. They are on their way with [`Self::poll_drain`].
    pub(super) fn poll_write<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.poll_take(io, cx, rest) {
                Poll::Ready(more) => match more? {
                    // The transport takes no more.
                    0 => break,
                    more => taken += more,
                },
                Poll::Pending if taken > 0 => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        // Who closes does not always flush; and what was taken is taken, whether it gets on its way now or later.
        if let Poll::Ready(Err(error)) = self.poll_drain(io, cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }

    /// Ready once the transport has everything but unfinished frames.
    pub(super) fn poll_drain<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.staged.len() > 0 {
            let written = ready!(Pin::new(&mut *io).poll_write(cx, self.staged.rest()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.staged.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    #[cfg(test)]
    pub(super) fn length(&self) -> usize {
        self.payload.len() + self.staged.len()
    }

    fn poll_take<IO: AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.staged.len() >= STAGED {
            ready!(self.poll_drain(io, cx))?;
        }
        match &mut self.place {
            Place::Head => Poll::Ready(self.take_head(bytes)),
            Place::Passing(left) => {
                let piece = first(bytes, *left);
                // What fills the stage by itself need not be copied there.
                let passed = if self.staged.len() == 0 && piece.len() >= STAGED {
                    ready!(Pin::new(io).poll_write(cx, piece))?
                } else {
                    let room = STAGED.saturating_sub(self.staged.len());
                    let piece = first(piece, room as u64);
                    self.staged.end().extend_from_slice(piece);
                    piece.len()
                };
                *left -= passed as u64;
                if *left == 0 {
                    self.place = Place::Head;
                }
                Poll::Ready(Ok(passed))
            }
            Place::Deflating { .. } => {
                ready!(coop::poll_proceed(cx)).made_progress();
                Poll::Ready(self.deflate(first(bytes, DEFLATED_AT_ONCE as u64)))
            }
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, head) = self.parser.take(bytes);
        let Some(head) = head else {
            return Ok(taken);
        };
        if self.is_to_be_deflated(head) {
            self.place = Place::Deflating {
                head,
                left: head.length,
                mask: head.mask.map(Mask::new),
            };
            if head.length == 0 {
                self.end_frame(head)?;
            }
        } else {
            head.write(self.staged.end());
            if head.length > 0 {
                self.place = Place::Passing(head.length);
            }
        }
        Ok(taken)
    }

    fn is_to_be_deflated(&mut self, head: FrameHead) -> bool {
        let FrameHead { first, length, .. } = head;
        if first.is_control() || first.rsv2_or_rsv3() {
            return false;
        }
        if first.rsv1() {
            // Somebody else compressed it, and the peer's window has what this one's has not.
            self.deflater.forget();
            return false;
        }
        if first.opcode() == CONTINUATION {
            return self.is_deflating;
        }
        let is_large = !first.fin() || length >= self.least as u64;
        self.is_deflating = first.begins_message() && is_large && self.deflater.is_able();
        self.is_deflating
    }

    fn deflate(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Place::Deflating { head, left, mask } = &mut self.place else {
            return Ok(0);
        };
        let bytes = first(bytes, *left);
        match mask {
            None => self.deflater.deflate(bytes, &mut self.payload)?,
            Some(mask) => {
                let mut unmasked = [0; UNMASKED_AT_ONCE];
                for piece in bytes.chunks(UNMASKED_AT_ONCE) {
                    let Some(unmasked) = unmasked.get_mut(..piece.len()) else {
                        continue;
                    };
                    unmasked.copy_from_slice(piece);
                    mask.apply(unmasked);
                    self.deflater.deflate(unmasked, &mut self.payload)?;
                }
            }
        }
        *left -= bytes.len() as u64;
        if *left == 0 {
            let head = *head;
            self.end_frame(head)?;
        }
        Ok(bytes.len())
    }

    fn end_frame(&mut self, head: FrameHead) -> io::Result<()> {
        self.deflater
            .end_frame(head.first.fin(), &mut self.payload)?;
        let begins = head.first.begins_message();
        // The key was drawn for this frame and was not on the wire: it is as good for the payload that goes in the other's place.
        let head = FrameHead {
            first: head.first.with_rsv1(begins),
            length: self.payload.len() as u64,
            ..head
        };
        let staged = self.staged.end();
        head.write(staged);
        let at = staged.len();
        staged.extend_from_slice(&self.payload);
        if let (Some(key), Some(payload)) = (head.mask, staged.get_mut(at..)) {
            Mask::new(key).apply(payload);
        }
        self.payload.clear();
        self.payload.shrink_to(KEPT_CAPACITY);
        self.place = Place::Head;
        Ok(())
    }
}

/// Not more than so many.
fn first(bytes: &[u8], limit: u64) -> &[u8] {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    bytes.get(..limit.min(bytes.len())).unwrap_or_default()
}
