//! HTTP/2 frames and the header block that some of them carry.

use super::read::Reader;

/// A frame (RFC 9113 section 4.1).
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Reader<'a>,
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

/// The header block that `headers` begins and the CONTINUATION frames behind it end.
pub(super) fn header_block(headers: Frame<'_>, reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let mut payload = headers.payload;
    let padding = if headers.flags & PADDED == 0 {
        0
    } else {
        payload.u8()?
    };
    if headers.flags & HAS_PRIORITY != 0 {
        payload.take(PRIORITY_LENGTH)?;
    }
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
    Some(block)
}

// Frame types (RFC 9113 section 6).
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const SETTINGS: u8 = 4;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

// Flags (RFC 9113 sections 6.2 and 6.5).
pub(super) const ACK: u8 = 0x01;
pub(super) const END_HEADERS: u8 = 0x04;
pub(super) const PADDED: u8 = 0x08;
pub(super) const HAS_PRIORITY: u8 = 0x20;

/// Dependency and weight in a HEADERS frame.
pub(super) const PRIORITY_LENGTH: usize = 5;

/// A stream identifier has 31 bits, and so has a window; the highest bit is reserved or says "exclusive".
pub(super) const STREAM_MASK: u32 = 0x7fff_ffff;
