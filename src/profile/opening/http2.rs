//! The opening of an HTTP/2 client.

use super::Priority;
use super::frame::{
    ACK, DATA, Frame, GOAWAY, HEADERS, HeadersFrame, PING, PRIORITY, RST_STREAM, SETTINGS,
    STREAM_MASK, WINDOW_UPDATE,
};
use super::request::Http2Request;
use crate::profile::hpack::{Decoder, HeaderBlock};
use crate::profile::read::Reader;

/// What an HTTP/2 client sends up to and including its first request's header block, and the requests that follow.
///
/// ```
/// use hotpool::profile::Http2Opening;
///
/// let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
/// sent.extend(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00"); // SETTINGS
/// sent.extend(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x4f\x00\x01"); // WINDOW_UPDATE
/// assert!(!Http2Opening::parse(&sent).is_complete());
/// sent.extend(b"\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x87\x41\x01a\x84"); // HEADERS
///
/// let opening = Http2Opening::parse(&sent);
/// assert!(opening.is_complete());
/// assert_eq!(opening.akamai(), "2:0|5177345|0|m,s,a,p");
/// assert_eq!(opening.length(), sent.len());
/// let [request] = opening.requests() else { panic!() };
/// assert_eq!(request.header(":authority"), Some(&b"a"[..]));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Http2Opening {
    frames: Vec<u8>,
    settings: Vec<(u16, u32)>,
    window_update: Option<u32>,
    priorities: Vec<Priority>,
    requests: Vec<Http2Request>,
    length: usize,
}

impl Http2Opening {
    /// Reads decrypted bytes from the connection preface on, as far as they go. They may end anywhere; without a preface, or from
    /// the first frame on that breaks RFC 9113, nothing is read. Header lists of more than 256 KiB, and all above 1 MiB together,
    /// are not read either: a few bytes can stand for many.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut reader = Reader::new(bytes.strip_prefix(PREFACE).unwrap_or_default());
        let mut reading = Reading::new();
        while Frame::read(&mut reader)
            .and_then(|frame| reading.add(frame, &mut reader))
            .is_some()
        {
            if reading.opening.is_complete() {
                reading.opening.length = bytes.len().saturating_sub(reader.rest().len());
            }
        }
        reading.opening
    }

    /// Whether the first request's header block was there to its end. Until then more bytes can change what is not a request.
    pub const fn is_complete(&self) -> bool {
        !self.requests.is_empty()
    }

    /// How many of the bytes were read: the preface and all whole frames. Zero until [`is_complete`](Self::is_complete).
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The settings as identifier and value, in the order of the wire, unknown ones included.
    pub fn settings(&self) -> &[(u16, u32)] {
        &self.settings
    }

    /// By how many bytes the first WINDOW_UPDATE of stream 0 before any request enlarges the connection's window.
    pub const fn window_update(&self) -> Option<u32> {
        self.window_update
    }

    /// The PRIORITY frames before the first request. The priority inside a HEADERS frame is its
    /// [request's](Http2Request::priority).
    pub fn priorities(&self) -> &[Priority] {
        &self.priorities
    }

    /// The requests, in their order. Trailers are not among them.
    pub fn requests(&self) -> &[Http2Request] {
        &self.requests
    }

    /// The order of the first request's pseudo-headers by their initials: `m`, `a`, `s`, `p`. None until
    /// [`is_complete`](Self::is_complete).
    pub fn pseudo_headers(&self) -> impl Iterator<Item = char> {
        let headers = self.requests.iter().take(1).flat_map(Http2Request::headers);
        headers.filter_map(|header| match header.name {
            b":method" => Some('m'),
            b":authority" => Some('a'),
            b":scheme" => Some('s'),
            b":path" => Some('p'),
            _ => None,
        })
    }

    /// The types of the frames before the first request, but for those that answer or end something.
    pub(in crate::profile) fn frames(&self) -> &[u8] {
        &self.frames
    }
}

/// What reading needs beside what is read.
struct Reading {
    opening: Http2Opening,
    decoder: Decoder,
    list: HeaderBlock,
    /// Of all header lists so far.
    list_size: usize,
    is_acknowledged: bool,
    /// The frame before was a request's.
    is_behind_request: bool,
}

impl Reading {
    fn new() -> Self {
        let mut decoder = Decoder::new(MAXIMUM_LIST);
        // What the server allows is not in what the client sends. What goes into the table has been in a header list before.
        decoder.set_table_limit(u32::MAX);
        Self {
            opening: Http2Opening::default(),
            decoder,
            list: HeaderBlock::default(),
            list_size: 0,
            is_acknowledged: false,
            is_behind_request: false,
        }
    }

    /// `None` ends the reading: the frame is an error, or a header block that is not wholly there.
    fn add(&mut self, frame: Frame<'_>, reader: &mut Reader<'_>) -> Option<()> {
        let is_behind_request = std::mem::take(&mut self.is_behind_request);
        let is_first = !self.opening.is_complete();
        let kind = frame.kind;
        match kind {
            SETTINGS if frame.flags & ACK != 0 => {
                self.is_acknowledged = true;
                return Some(());
            }
            SETTINGS => {
                let setting = |payload: &mut Reader<'_>| Some((payload.u16()?, payload.u32()?));
                let settings = frame.payload.all(setting)?;
                if is_first {
                    self.opening.settings.extend(settings);
                }
            }
            WINDOW_UPDATE => {
                let mut payload = frame.payload;
                let increment = payload.u32()? & STREAM_MASK;
                match self.opening.requests.last_mut() {
                    Some(last) if is_behind_request && frame.stream == last.stream() => {
                        last.enlarge(increment);
                    }
                    None if frame.stream == 0 => {
                        self.opening.window_update.get_or_insert(increment);
                    }
                    _ => {}
                }
            }
            PRIORITY => {
                let priority = Priority::read(frame)?;
                if is_first {
                    self.opening.priorities.push(priority);
                }
            }
            HEADERS => return self.headers(HeadersFrame::read(frame, reader)?),
            DATA | RST_STREAM | PING | GOAWAY => return Some(()),
            _ => {}
        }
        if is_first {
            self.opening.frames.push(kind);
        }
        Some(())
    }

    fn headers(&mut self, frame: HeadersFrame) -> Option<()> {
        self.decoder.decode(&frame.block, &mut self.list).ok()?;
        self.list_size += self.list.list_size();
        if self.list_size > MAXIMUM_LISTS {
            return None;
        }
        let last = self.opening.requests.last();
        // Others are trailers (RFC 9113 section 8.1).
        if last.is_none_or(|last| last.stream() < frame.stream) {
            let request = Http2Request::new(frame, &self.list, self.is_acknowledged);
            self.opening.requests.push(request);
            self.is_behind_request = true;
        }
        Some(())
    }
}

/// The client connection preface (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Four times what Chromium accepts from a server, and far more than any server takes.
const MAXIMUM_LIST: usize = 256 << 10;

/// A thousand browsers' requests.
const MAXIMUM_LISTS: usize = 1 << 20;
