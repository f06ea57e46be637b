//! HTTP/2 frames and the header block that some of them carry.

use crate::profile::http2::StreamPriority;
use crate::profile::read::Reader;

/// A frame (RFC 9113 section 4.1).
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Reader<'a>,
}

/// A HEADERS frame with the CONTINUATION frames behind it.
pub(super) struct HeadersFrame {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    pub(super) priority: Option<StreamPriority>,
    pub(super) block: Vec<u8>,
}

impl<'a> Frame<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let length = reader.u24()?;
        Some(Self {
            kind: reader.u8()?,
            flags: reader.u8()?,
            stream: reader.u32()? & STREAM_MASK,
            payload: Reader::new(reader.take(length.try_into().ok()?)?),
        })
    }
}

impl HeadersFrame {
    /// The header block that `headers` begins and the CONTINUATION frames behind it end.
    pub(super) fn read(headers: Frame<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let mut payload = headers.payload;
        let padding = if headers.flags & PADDED == 0 {
            0
        } else {
            payload.u8()?
        };
        let priority = if headers.flags & HAS_PRIORITY == 0 {
            None
        } else {
            Some(StreamPriority::from_bytes(payload.array()?))
        };
        let length = payload.rest().len().checked_sub(padding.into())?;
        let mut block = payload.take(length)?.to_vec();
        let mut flags = headers.flags;
        while flags & END_HEADERS == 0 {
            let next = Frame::read(reader)?;
            if next.kind != CONTINUATION || next.stream != headers.stream {
                return None;
            }
            block.extend_from_slice(next.payload.rest());
            flags = next.flags;
        }
        Some(Self {
            stream: headers.stream,
            ends_stream: headers.flags & END_STREAM != 0,
            priority,
            block,
        })
    }
}

// Frame types (RFC 9113 section 6).
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(in crate::profile) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(in crate::profile) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(in crate::profile) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

// Flags (RFC 9113 sections 6.2 and 6.5).
pub(super) const ACK: u8 = 0x01;
pub(super) const END_STREAM: u8 = 0x01;
pub(super) const END_HEADERS: u8 = 0x04;
pub(super) const PADDED: u8 = 0x08;
pub(super) const HAS_PRIORITY: u8 = 0x20;

/// A stream identifier has 31 bits, and so has a window; the highest bit is reserved or says "exclusive".
pub(super) const STREAM_MASK: u32 = 0x7fff_ffff;
