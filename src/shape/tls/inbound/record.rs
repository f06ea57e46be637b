//! TLS records, cut out of the stream and put into it.

use bytes::{Buf, BytesMut};

use crate::shape::tls::handshake::SEAL;

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// Type, version, length.
const HEADER: usize = 5;

/// A record carries at most this much plaintext (RFC 8446 section 5.1).
const MAXIMUM_FRAGMENT: usize = 1 << 14;

/// And an encrypted one so much more (RFC 5246 section 6.2.3, the larger of both).
const MAXIMUM_EXPANSION: usize = 2048;

/// One record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) kind: u8,
    whole: BytesMut,
}

impl Record {
    pub(super) fn payload(&self) -> &[u8] {
        self.whole.get(HEADER..).unwrap_or_default()
    }

    pub(super) fn payload_mut(&mut self) -> &mut [u8] {
        self.whole.get_mut(HEADER..).unwrap_or_default()
    }

    pub(super) fn whole(&self) -> &[u8] {
        &self.whole
    }
}

/// What is at the front of what arrived.
#[derive(Debug)]
pub(super) enum Front {
    Record(Record),
    /// More must arrive.
    Incomplete,
    /// No record: this is for rustls to complain about.
    NotARecord,
}

pub(super) fn take_record(arrived: &mut BytesMut) -> Front {
    let Some(&[kind, major, _, high, low]) = arrived.first_chunk::<HEADER>() else {
        return Front::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !(20..=24).contains(&kind) || major != 3 || length > MAXIMUM_FRAGMENT + MAXIMUM_EXPANSION {
        return Front::NotARecord;
    }
    if arrived.remaining() < HEADER + length {
        return Front::Incomplete;
    }
    Front::Record(Record {
        kind,
        whole: arrived.split_to(HEADER + length),
    })
}

/// Writes handshake messages into plaintext records.
pub(super) fn put_plain(out: &mut BytesMut, messages: &[u8]) {
    for fragment in messages.chunks(MAXIMUM_FRAGMENT) {
        put_header(out, HANDSHAKE, fragment.len());
        out.extend_from_slice(fragment);
    }
}

/// Writes what was decrypted into records that rustls takes for decrypted (`SealOpener`): content, its type, the seal.
pub(super) fn put_sealed(out: &mut BytesMut, kind: u8, content: &[u8], seal: &[u8; SEAL]) {
    let mut put = |fragment: &[u8]| {
        put_header(out, APPLICATION_DATA, fragment.len() + 1 + SEAL);
        out.extend_from_slice(fragment);
        out.extend_from_slice(&[kind]);
        out.extend_from_slice(seal);
    };
    match content {
        [] => put(&[]),
        _ => content.chunks(MAXIMUM_FRAGMENT).for_each(put),
    }
}

fn put_header(out: &mut BytesMut, kind: u8, length: usize) {
    const TLS_1_2: [u8; 2] = [3, 3];
    out.extend_from_slice(&[kind]);
    out.extend_from_slice(&TLS_1_2);
    out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}
