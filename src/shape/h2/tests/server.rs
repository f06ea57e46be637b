//! A server by hand, frame by frame.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::profile::hpack::{Decoder, HeaderBlock, MAX_HEADER_LIST_SIZE};
use crate::shape::h2::head::{
    ACK, CONTINUATION, END_HEADERS, HAS_PRIORITY, HEADERS, Head, PREFACE, SETTINGS,
};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self {
            kind,
            flags,
            stream,
            payload: payload.to_vec(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let head = Head::new(
            self.payload.len() as u32,
            self.kind,
            self.flags,
            self.stream,
        );
        [&head.to_bytes()[..], &self.payload].concat()
    }

    /// All frames in `bytes`, which must end with one.
    pub(super) fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut frames = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk() {
            let head = Head::from_bytes(*head);
            let (payload, rest) = rest.split_at(head.length as usize);
            frames.push(Self::new(head.kind, head.flags, head.stream, payload));
            bytes = rest;
        }
        assert_eq!(bytes, [0; 0]);
        frames
    }

    pub(super) fn is(&self, kind: u8, flags: u8) -> bool {
        self.kind == kind && self.flags == flags
    }
}

pub(super) type Fields = Vec<(String, Vec<u8>)>;

pub(super) struct Server<IO> {
    pub(super) io: IO,
    decoder: Decoder,
    /// Announced and not yet acknowledged.
    announced: Vec<Option<u32>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Server<IO> {
    /// Reads the preface.
    pub(super) async fn accept(mut io: IO) -> Self {
        let mut preface = [0; PREFACE.len()];
        io.read_exact(&mut preface).await.unwrap();
        assert_eq!(preface, PREFACE);
        Self {
            io,
            decoder: Decoder::new(MAX_HEADER_LIST_SIZE),
            announced: Vec::new(),
        }
    }

    /// The next frame; `None` at the end.
    pub(super) async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.io.read_exact(&mut head).await.ok()?;
        let head = Head::from_bytes(head);
        let mut payload = vec![0; head.length as usize];
        self.io.read_exact(&mut payload).await.ok()?;
        let frame = Frame::new(head.kind, head.flags, head.stream, &payload);
        if frame.is(SETTINGS, ACK)
            && let Some(size) = self.announced.remove(0)
        {
            self.decoder.set_table_limit(size);
        }
        Some(frame)
    }

    /// The next frame of this kind that has these flags; others are passed over.
    pub(super) async fn find(&mut self, kind: u8, flags: u8) -> Frame {
        loop {
            let frame = self.read().await.expect("the client has left");
            if frame.kind == kind && frame.flags & flags == flags {
                return frame;
            }
        }
    }

    pub(super) async fn write(&mut self, frame: &Frame) {
        self.io.write_all(&frame.to_bytes()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    pub(super) async fn settings(&mut self, settings: &[(u16, u32)]) {
        let entry =
            |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
        let payload: Vec<u8> = settings.iter().flat_map(entry).collect();
        let table = settings.iter().rev().find(|(id, _)| *id == 1);
        self.announced.push(table.map(|(_, size)| *size));
        self.write(&Frame::new(SETTINGS, 0, 0, &payload)).await;
    }

    pub(super) async fn acknowledge(&mut self) {
        self.write(&Frame::new(SETTINGS, ACK, 0, &[])).await;
    }

    /// The next header block: the frames that it took and what was in it.
    pub(super) async fn headers(&mut self) -> (Vec<Frame>, Fields) {
        let first = self.find(HEADERS, 0).await;
        let start = if first.flags & HAS_PRIORITY == 0 {
            0
        } else {
            5
        };
        let mut block = first.payload[start..].to_vec();
        let mut frames = vec![first];
        while frames.last().unwrap().flags & END_HEADERS == 0 {
            let next = self.read().await.unwrap();
            assert_eq!((next.kind, next.stream), (CONTINUATION, frames[0].stream));
            block.extend(&next.payload);
            frames.push(next);
        }
        (frames, self.decode(&block))
    }

    pub(super) fn decode(&mut self, block: &[u8]) -> Fields {
        let mut fields = HeaderBlock::default();
        self.decoder.decode(block, &mut fields).unwrap();
        let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
        let fields = fields.fields();
        fields
            .map(|field| (text(field.name), field.value.to_vec()))
            .collect()
    }
}
