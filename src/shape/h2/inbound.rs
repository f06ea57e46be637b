//! Stream ids of what the server sends, changed where it lies.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::head::{GOAWAY, HAS_PRIORITY, HEAD_LENGTH, HEADERS, Head, MAX_31_BIT, PADDED, PRIORITY};
use super::stream_ids::StreamIds;

/// A head, the length of padding, and a stream id.
const LONGEST_ITEM: usize = HEAD_LENGTH + 1 + ID_LENGTH;
const ID_LENGTH: usize = 4;

/// Changes ids in the caller's own buffer. A head that a read cut is held back until the rest of it is there.
#[derive(Debug)]
pub(super) struct Renumbered {
    ids: StreamIds,
    /// Bytes of the present frame's payload still to come that have no id in them.
    payload: u32,
    /// The beginning of an item.
    held: Item,
    /// An item that is whole, or whose rest never came.
    ready: Item,
}

#[derive(Clone, Copy, Debug, Default)]
struct Item {
    bytes: [u8; LONGEST_ITEM],
    length: u8,
}

impl Renumbered {
    pub(super) fn new(ids: StreamIds) -> Self {
        Self {
            ids,
            payload: 0,
            held: Item::default(),
            ready: Item::default(),
        }
    }

    /// Reads from `io`.
    pub(super) fn poll_read<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while self.ready.is_empty() {
            if !self.held.is_empty() {
                ready!(self.complete(io, cx))?;
                continue;
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut *io).poll_read(cx, buffer))?;
            let chunk = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            if chunk.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let done = self.renumber(chunk);
            self.held = Item::new(chunk.get(done..).unwrap_or_default());
            if done > 0 {
                buffer.set_filled(before + done);
                return Poll::Ready(Ok(()));
            }
            buffer.set_filled(before);
        }
        self.ready.pour(buffer);
        Poll::Ready(Ok(()))
    }

    /// Reads more of the item that is held. At the end of the stream it is what it is.
    fn complete<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut item = self.held;
        let wanted = item_length(item.get());
        let mut room = [0; LONGEST_ITEM];
        let missing = room
            .get_mut(..wanted - item.get().len())
            .unwrap_or_default();
        let mut more = ReadBuf::new(missing);
        ready!(Pin::new(io).poll_read(cx, &mut more))?;
        if more.filled().is_empty() {
            self.ready = std::mem::take(&mut self.held);
            return Poll::Ready(Ok(()));
        }
        item.extend(more.filled());
        if item_length(item.get()) > item.get().len() {
            self.held = item;
            return Poll::Ready(Ok(()));
        }
        self.held = Item::default();
        self.renumber(item.get_mut());
        self.ready = item;
        Poll::Ready(Ok(()))
    }

    /// Changes what is there whole, and says how much that is; the rest is the beginning of an item.
    fn renumber(&mut self, bytes: &mut [u8]) -> usize {
        let mut done = 0;
        loop {
            let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) else {
                return done;
            };
            if self.payload > 0 {
                let skipped = rest.len().min(self.payload as usize);
                self.payload -= skipped as u32;
                done += skipped;
                continue;
            }
            let length = item_length(rest);
            let Some(item) = rest.get_mut(..length) else {
                return done;
            };
            self.item(item);
            done += length;
        }
    }

    fn item(&mut self, item: &mut [u8]) {
        let Some((head, payload)) = item.split_first_chunk_mut() else {
            return;
        };
        let frame = Head::from_bytes(*head);
        self.payload = frame.length - payload.len() as u32;
        *head = Head {
            stream: self.ids.inward(frame.stream),
            ..frame
        }
        .to_bytes();
        if let Some(id) = payload.last_chunk_mut::<ID_LENGTH>() {
            let word = u32::from_be_bytes(*id);
            let (bit, stream) = (word & !MAX_31_BIT, word & MAX_31_BIT);
            let stream = match frame.kind {
                GOAWAY => self.ids.last_inward(stream),
                _ => self.ids.inward(stream),
            };
            *id = (bit | stream).to_be_bytes();
        }
    }
}

/// How long the item is that begins with these bytes, as far as they tell: a frame's head, and what of its payload ends with a stream
/// id: the last stream of a GOAWAY, the one that a priority depends on.
fn item_length(bytes: &[u8]) -> usize {
    let Some(head) = bytes.first_chunk() else {
        return HEAD_LENGTH;
    };
    let head = Head::from_bytes(*head);
    let before = usize::from(head.kind == HEADERS && head.has(PADDED));
    let has_id = match head.kind {
        GOAWAY | PRIORITY => true,
        HEADERS => head.has(HAS_PRIORITY),
        _ => false,
    };
    if has_id && head.length as usize >= before + ID_LENGTH {
        HEAD_LENGTH + before + ID_LENGTH
    } else {
        HEAD_LENGTH
    }
}

impl Item {
    fn new(bytes: &[u8]) -> Self {
        let mut item = Self::default();
        item.extend(bytes);
        item
    }

    fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn get(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    fn get_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.length.into()).unwrap_or_default()
    }

    fn extend(&mut self, bytes: &[u8]) {
        let length = usize::from(self.length);
        if let Some(room) = self.bytes.get_mut(length..length + bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len() as u8;
        }
    }

    /// Moves as much as fits.
    fn pour(&mut self, buffer: &mut ReadBuf<'_>) {
        let poured = self.get().len().min(buffer.remaining());
        let (front, rest) = self.get().split_at(poured);
        buffer.put_slice(front);
        *self = Self::new(rest);
    }
}
