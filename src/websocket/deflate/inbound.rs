//! What the peer sends: compressed messages become plain ones, everything else passes as it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::coop;
use tokio_util::io::poll_read_buf;

use super::chunk::Chunk;
use super::inflater::{Inflater, TAIL};
use super::parameters;
use crate::websocket::frame::{CONTINUATION, FirstByte, FrameHead, HeadParser, LONGEST_HEAD};
use crate::websocket::mask::Mask;

/// The most that is read of compressed payload at once.
const READ: usize = 16 * 1024;

/// The least, so that short messages that come together are read together.
const LEAST_READ: usize = 1024;

#[derive(Debug)]
pub(super) struct Inbound {
    place: Place,
    parser: HeadParser,
    /// Read and not yet passed or inflated; none as long as nothing compressed comes.
    input: BytesMut,
    /// So many of them are unmasked already.
    clear: usize,
    /// A fragmented message that passes is not over.
    is_passing: bool,
    message: Option<Message>,
    inflater: Inflater,
    chunk: Chunk,
    /// Found while something was read, and still to be told.
    fault: Option<io::Error>,
}

/// What the next byte is.
#[derive(Debug)]
enum Place {
    /// A frame's first.
    Between,
    /// Of a frame that passes.
    PassingHead,
    /// Of its payload, of which so much is left.
    Passing(u64),
    /// Of a frame whose payload is inflated.
    InflatingHead,
    Inflating {
        left: u64,
        mask: Option<Mask>,
        is_last: bool,
    },
    /// Not of the wire, but this one of [`TAIL`].
    Tail(usize),
}

/// One that is being inflated.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// Of its next frame inwards.
    first: FirstByte,
    /// Whether its frames are masked. A server must see that they are, a client must see if they are; a key of zeros leaves them as
    /// they are.
    is_masked: bool,
}

enum Step {
    Done,
    /// Nothing can be done without more from the transport.
    Wants,
}

impl Inbound {
    pub(super) fn new(context: parameters::Context) -> Self {
        Self {
            place: Place::Between,
            parser: HeadParser::default(),
            input: BytesMut::new(),
            clear: 0,
            is_passing: false,
            message: None,
            inflater: Inflater::new(context),
            chunk: Chunk::default(),
            fault: None,
        }
    }

    pub(super) fn poll_read<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(fault) = self.fault.take() {
            return Poll::Ready(Err(fault));
        }
        let before = buffer.filled().len();
        while buffer.remaining() > 0 {
            let is_read = buffer.filled().len() > before;
            if self.is_inflating() {
                // Few bytes can inflate to many, and reading those is not to keep a thread from its other tasks.
                match coop::poll_proceed(cx) {
                    Poll::Ready(budget) => budget.made_progress(),
                    Poll::Pending if is_read => break,
                    Poll::Pending => return Poll::Pending,
                }
            }
            match self.step(buffer) {
                Ok(Step::Done) => continue,
                Ok(Step::Wants) if !is_read => {}
                Err(fault) if !is_read => return Poll::Ready(Err(fault)),
                Ok(Step::Wants) => break,
                // What came before it is read first.
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
            let is_open = match self.place {
                Place::InflatingHead | Place::Inflating { .. } => ready!(self.poll_fill(io, cx))?,
                _ => ready!(self.poll_pass(io, cx, buffer))?,
            };
            if !is_open {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_inflating(&self) -> bool {
        matches!(self.place, Place::Inflating { left: 1.., .. })
            && !self.input.is_empty()
            && !self.chunk.is_sealed()
    }

    /// Reads what is to be inflated; false at the transport's end.
    fn poll_fill<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let wanted = match self.place {
            Place::Inflating { left, .. } => usize::try_from(left).unwrap_or(usize::MAX),
            _ => 0,
        };
        let wanted = wanted.saturating_add(LONGEST_HEAD).clamp(LEAST_READ, READ);
        self.input.reserve(wanted);
        let read = ready!(poll_read_buf(Pin::new(io), cx, &mut self.input))?;
        Poll::Ready(Ok(read > 0))
    }

    /// Reads straight into the reader's buffer, and takes back what may not pass; false at the transport's end.
    fn poll_pass<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        ready!(Pin::new(io).poll_read(cx, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if read.is_empty() {
            return Poll::Ready(Ok(false));
        }
        let passed = self.pass(read);
        self.input
            .extend_from_slice(read.get(passed..).unwrap_or_default());
        buffer.set_filled(before + passed);
        Poll::Ready(Ok(true))
    }

    fn step(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<Step> {
        if self.chunk.is_sealed() {
            self.chunk.read(buffer);
            self.rest();
            return Ok(Step::Done);
        }
        match self.place {
            Place::Inflating {
                left: 0, is_last, ..
            } => {
                self.place = if is_last {
                    Place::Tail(0)
                } else {
                    Place::Between
                };
            }
            Place::Tail(fed) => self.inflate_tail(fed)?,
            _ if self.input.is_empty() => return Ok(Step::Wants),
            Place::Between | Place::PassingHead | Place::Passing(_) => {
                let input = std::mem::take(&mut self.input);
                let room = input.len().min(buffer.remaining());
                let passed = self.pass(input.get(..room).unwrap_or_default());
                buffer.put_slice(input.get(..passed).unwrap_or_default());
                self.input = input;
                self.input.advance(passed);
                self.rest();
            }
            Place::InflatingHead => self.begin_inflating()?,
            Place::Inflating { .. } => self.inflate()?,
        }
        Ok(Step::Done)
    }

    /// How many of `bytes` pass as they are. The next is of a frame to be inflated, or must wait for a chunk.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            match &mut self.place {
                Place::Passing(0) => self.place = Place::Between,
                Place::Passing(left) => {
                    let more = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= more as u64;
                    passed += more;
                }
                Place::PassingHead => {
                    let (more, head) = self.parser.take(rest);
                    passed += more;
                    if let Some(head) = head {
                        self.place = Place::Passing(head.length);
                    }
                }
                Place::Between => {
                    let Some(first) = rest.first().copied().map(FirstByte) else {
                        return passed;
                    };
                    if !self.begins(first) {
                        return passed;
                    }
                }
                _ => return passed,
            }
            if passed == bytes.len() && !matches!(self.place, Place::Passing(0)) {
                return passed;
            }
        }
    }

    /// Decides what becomes of a frame; false if it does not pass, or not yet.
    fn begins(&mut self, first: FirstByte) -> bool {
        if self.is_compressed(first) {
            self.place = Place::InflatingHead;
            return false;
        }
        if !first.is_control() {
            if let Some(message) = self.message.take() {
                // The peer breaks off a message. Who reads refuses that if it knows of the message.
                self.seal(message, false);
                return false;
            }
            self.is_passing = !first.fin();
        }
        self.place = Place::PassingHead;
        true
    }

    /// Reserved bits that nothing was agreed about, or that stand where they may not, are left for the reader to refuse.
    fn is_compressed(&self, first: FirstByte) -> bool {
        if first.rsv2_or_rsv3() {
            return false;
        }
        match self.message {
            None => first.rsv1() && first.begins_message() && !self.is_passing,
            Some(_) => !first.rsv1() && first.opcode() == CONTINUATION,
        }
    }

    fn begin_inflating(&mut self) -> io::Result<()> {
        let (taken, head) = self.parser.take(&self.input);
        self.input.advance(taken);
        let Some(head) = head else {
            return Ok(());
        };
        if head.length > i64::MAX as u64 {
            // RFC 6455 §5.2.
            let text = "permessage-deflate: a frame's length has its highest bit set";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let is_masked = head.mask.is_some();
        let first = head.first.with_rsv1(false);
        let message = self.message.get_or_insert(Message { first, is_masked });
        message.is_masked = is_masked;
        self.clear = 0;
        self.place = Place::Inflating {
            left: head.length,
            mask: head.mask.map(Mask::new),
            is_last: head.first.fin(),
        };
        Ok(())
    }

    fn inflate(&mut self) -> io::Result<()> {
        let Place::Inflating { left, mask, .. } = &mut self.place else {
            return Ok(());
        };
        let there = usize::try_from(*left).unwrap_or(usize::MAX);
        let there = there.min(self.input.len());
        if let (Some(mask), Some(masked)) = (mask, self.input.get_mut(self.clear..there)) {
            mask.apply(masked);
        }
        let payload = self.input.get(..there).unwrap_or_default();
        let used = self.inflater.inflate(payload, self.chunk.room())?;
        *left -= used as u64;
        self.clear = there - used;
        self.input.advance(used);
        self.seal_if_full();
        Ok(())
    }

    fn inflate_tail(&mut self, fed: usize) -> io::Result<()> {
        let tail = TAIL.get(fed..).unwrap_or_default();
        // Behind a final block there is none to be completed.
        if !self.inflater.is_ended() {
            let used = self.inflater.inflate(tail, self.chunk.room())?;
            self.place = Place::Tail(fed + used);
        }
        self.seal_if_full();
        let is_all = self.inflater.is_ended() || !self.chunk.is_tight();
        if is_all && !self.chunk.is_sealed() {
            if let Some(message) = self.message.take() {
                self.seal(message, true);
            }
            self.inflater.end_message();
            self.place = Place::Between;
        }
        Ok(())
    }

    fn seal_if_full(&mut self) {
        if let (true, Some(message)) = (self.chunk.is_full(), self.message) {
            self.seal(message, false);
            self.message = Some(Message {
                first: FirstByte::new(CONTINUATION, false),
                ..message
            });
        }
    }

    fn seal(&mut self, message: Message, is_last: bool) {
        self.chunk.seal(FrameHead {
            first: message.first.with_fin(is_last),
            mask: message.is_masked.then_some([0; 4]),
            length: 0,
        });
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn memory(&self) -> usize {
        self.input.capacity() + self.chunk.capacity()
    }

    /// Between compressed messages no memory is kept for them.
    fn rest(&mut self) {
        if self.message.is_none() {
            self.chunk.rest();
            if self.input.is_empty() {
                self.input = BytesMut::new();
            }
        }
    }
}
