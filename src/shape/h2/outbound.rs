//! What h2 writes, made what the profile's client would.

use std::sync::Arc;

use super::announced::Announced;
use super::credit::Credit;
use super::dependencies::Dependencies;
use super::head::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEAD_LENGTH, HEADERS, Head, PREFACE,
    SETTINGS, WINDOW_UPDATE,
};
use super::headers::Transcoder;
use super::staged::Staged;
use super::stream_ids::StreamIds;
use crate::error::{Error, ErrorKind};
use crate::profile::hpack::{HpackError, MAX_HEADER_LIST_SIZE};
use crate::profile::http2::{Http2Template, SettingTemplate, StreamDependencies};

/// A header block of h2's. h2 has it in memory too; the list that it stands for has the same limit.
const MAX_BLOCK: usize = MAX_HEADER_LIST_SIZE;

/// A buffer above this is given back after use.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Reads h2's frames, however the stream is cut, and stages what is to be sent instead; all but the payload of DATA frames.
#[derive(Debug)]
pub(super) struct Outbound {
    template: Arc<Http2Template>,
    ids: StreamIds,
    credit: Credit,
    transcoder: Transcoder,
    /// Where a new stream's place among the open ones is told.
    dependencies: Option<Dependencies>,
    /// What is sent in place of h2's preface and first SETTINGS; gone once it was.
    opening: Option<Vec<u8>>,
    next: Next,
    /// What there is of a head or a payload that was cut.
    cut: Vec<u8>,
    /// The header block whose CONTINUATION frames are still to come, and the head of its HEADERS frame.
    block: Option<(Head, Vec<u8>)>,
    pub(super) staged: Staged,
}

/// What h2's next byte belongs to.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// So much of the preface is still to come.
    Preface(usize),
    Head,
    /// A frame that is needed whole.
    Whole(Head),
    /// So much of a DATA frame is still to come.
    Data(usize),
}

impl Outbound {
    pub(super) fn new(template: Arc<Http2Template>, opening: Vec<u8>) -> Self {
        Self {
            ids: StreamIds::new(template.first_stream),
            credit: Credit::new(&template),
            transcoder: Transcoder::new(Arc::clone(&template)),
            dependencies: (template.dependencies == StreamDependencies::Chained)
                .then(Dependencies::default),
            template,
            opening: Some(opening),
            next: Next::Preface(PREFACE.len()),
            cut: Vec::new(),
            block: None,
            staged: Staged::default(),
        }
    }

    /// A frame from the server, with h2's stream id.
    pub(super) fn received(&mut self, head: Head) {
        if let Some(open) = &mut self.dependencies
            && let Some(stream) = self.ids.outward(head.stream)
        {
            open.receives(&Head { stream, ..head });
        }
    }

    /// How much of the present DATA frame's payload is still to come: it has to be passed on before anything else is taken.
    pub(super) fn data_left(&self) -> usize {
        match self.next {
            Next::Data(left) => left,
            _ => 0,
        }
    }

    /// So much DATA was passed on.
    pub(super) fn data_passed(&mut self, passed: usize) {
        if let Next::Data(left) = self.next {
            self.next = match left.saturating_sub(passed) {
                0 => Next::Head,
                left => Next::Data(left),
            };
        }
    }

    /// Takes from the front of `bytes`, up to the end of one frame or to a DATA frame's payload, and says how much that was.
    ///
    /// # Errors
    ///
    /// The connection cannot go on.
    pub(super) fn take(&mut self, bytes: &[u8], announced: &mut Announced) -> Result<usize, Error> {
        match self.next {
            Next::Preface(left) => {
                let taken = left.min(bytes.len());
                self.next = match left - taken {
                    0 => Next::Head,
                    left => Next::Preface(left),
                };
                Ok(taken)
            }
            Next::Data(_) => Ok(0),
            Next::Head => self.whole(bytes, HEAD_LENGTH, |outbound, bytes| {
                match bytes.first_chunk() {
                    Some(head) => outbound.head(Head::from_bytes(*head), announced),
                    None => Ok(()),
                }
            }),
            Next::Whole(head) => self.whole(bytes, head.length as usize, |outbound, payload| {
                outbound.next = Next::Head;
                outbound.frame(head, payload, announced)
            }),
        }
    }

    /// Calls `act` with the `wanted` bytes once they are all there.
    fn whole(
        &mut self,
        bytes: &[u8],
        wanted: usize,
        act: impl FnOnce(&mut Self, &[u8]) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let taken = bytes.len().min(wanted.saturating_sub(self.cut.len()));
        let (front, _) = bytes.split_at(taken);
        if taken == wanted {
            act(self, front)?;
            return Ok(taken);
        }
        self.cut.extend_from_slice(front);
        if self.cut.len() == wanted {
            let mut cut = std::mem::take(&mut self.cut);
            act(self, &cut)?;
            if cut.capacity() <= KEPT_CAPACITY {
                cut.clear();
                self.cut = cut;
            }
        }
        Ok(taken)
    }

    fn head(&mut self, head: Head, announced: &mut Announced) -> Result<(), Error> {
        if head.kind == DATA {
            self.stage_head(head)?;
            self.next = match head.length {
                0 => Next::Head,
                length => Next::Data(length as usize),
            };
        } else if head.length == 0 {
            self.frame(head, &[], announced)?;
        } else {
            self.next = Next::Whole(head);
        }
        Ok(())
    }

    /// A frame other than DATA.
    fn frame(
        &mut self,
        head: Head,
        payload: &[u8],
        announced: &mut Announced,
    ) -> Result<(), Error> {
        match head.kind {
            HEADERS if head.has(END_HEADERS) => self.headers(head, payload),
            HEADERS => {
                self.block = Some((head, payload.to_vec()));
                Ok(())
            }
            CONTINUATION => self.continuation(head, payload),
            SETTINGS if head.has(ACK) => {
                if let Some(sizes) = announced.acknowledged() {
                    self.transcoder.acknowledged(sizes);
                }
                self.stage(head, payload)
            }
            SETTINGS => match self.opening.take() {
                Some(opening) => {
                    self.staged.end().extend(opening);
                    Ok(())
                }
                None => {
                    let settings = self.settings(payload);
                    self.stage(head, &settings)
                }
            },
            WINDOW_UPDATE if head.stream == 0 => {
                let increment = payload.first_chunk().copied().unwrap_or_default();
                match self.credit.reduce(u32::from_be_bytes(increment)) {
                    Some(left) => self.stage(head, &left.to_be_bytes()),
                    None => Ok(()),
                }
            }
            _ => self.stage(head, payload),
        }
    }

    fn continuation(&mut self, head: Head, payload: &[u8]) -> Result<(), Error> {
        let Some((first, mut block)) = self.block.take() else {
            return Err(broken("a CONTINUATION without HEADERS"));
        };
        if block.len() + payload.len() > MAX_BLOCK {
            return Err(too_large());
        }
        block.extend_from_slice(payload);
        if head.has(END_HEADERS) {
            return self.headers(first, &block);
        }
        self.block = Some((first, block));
        Ok(())
    }

    fn headers(&mut self, head: Head, block: &[u8]) -> Result<(), Error> {
        let stream = self.wire_id(head.stream)?;
        let is_request = self
            .transcoder
            .transcode(
                stream,
                head.has(END_STREAM),
                block,
                self.dependencies.as_mut(),
                self.staged.end(),
            )
            .map_err(|error| match error {
                HpackError::HeaderListTooLarge => too_large(),
                other => broken(&other.to_string()),
            })?;
        if let Some(open) = self.dependencies.as_mut().filter(|_| !is_request) {
            open.sends(&Head { stream, ..head });
        }
        if let Some(increment) = self.template.stream_window_update.filter(|_| is_request) {
            let update = Head::new(4, WINDOW_UPDATE, 0, stream).to_bytes();
            self.staged.end().extend(update);
            self.staged.end().extend(increment.get().to_be_bytes());
        }
        Ok(())
    }

    /// Later SETTINGS of h2's: its stream window is the wire's and what each request adds.
    fn settings(&self, payload: &[u8]) -> Vec<u8> {
        let added = self.template.stream_window_update;
        let added = added.map_or(0, std::num::NonZeroU32::get);
        let mut settings = payload.to_vec();
        for entry in settings.chunks_exact_mut(6) {
            if let [a, b, value @ ..] = entry
                && u16::from_be_bytes([*a, *b]) == SettingTemplate::INITIAL_WINDOW_SIZE
                && let Ok(value) = <&mut [u8; 4]>::try_from(value)
            {
                *value = u32::from_be_bytes(*value)
                    .saturating_sub(added)
                    .to_be_bytes();
            }
        }
        settings
    }

    fn stage(&mut self, head: Head, payload: &[u8]) -> Result<(), Error> {
        self.stage_head(head)?;
        self.staged.end().extend_from_slice(payload);
        Ok(())
    }

    fn stage_head(&mut self, head: Head) -> Result<(), Error> {
        let stream = self.wire_id(head.stream)?;
        let head = Head { stream, ..head };
        if let Some(open) = &mut self.dependencies {
            open.sends(&head);
        }
        self.staged.end().extend(head.to_bytes());
        Ok(())
    }

    fn wire_id(&self, stream: u32) -> Result<u32, Error> {
        self.ids.outward(stream).ok_or_else(|| {
            Error::new(ErrorKind::ClosedLocally)
                .with_detail("the connection has no stream ids left")
        })
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidRequest)
        .with_detail(format!("its headers are larger than {MAX_BLOCK} bytes"))
}

/// h2 does not do this.
fn broken(what: &str) -> Error {
    Error::new(ErrorKind::ClosedLocally).with_detail(format!("h2 wrote what it should not: {what}"))
}
