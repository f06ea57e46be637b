//! Handshake messages and extensions, read and written.

use std::collections::HashSet;

use crate::profile::read::Reader;

/// HandshakeType (RFC 8446 section 4).
pub(super) mod kind {
    pub(in crate::shape::tls) const CLIENT_HELLO: u8 = 1;
    pub(in crate::shape::tls) const SERVER_HELLO: u8 = 2;
    pub(in crate::shape::tls) const END_OF_EARLY_DATA: u8 = 5;
    pub(in crate::shape::tls) const ENCRYPTED_EXTENSIONS: u8 = 8;
    pub(in crate::shape::tls) const CERTIFICATE: u8 = 11;
    pub(in crate::shape::tls) const FINISHED: u8 = 20;
}

/// ExtensionType.
pub(super) mod extension {
    pub(in crate::shape::tls) const SUPPORTED_GROUPS: u16 = 10;
    pub(in crate::shape::tls) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in crate::shape::tls) const STATUS_REQUEST: u16 = 5;
    pub(in crate::shape::tls) const ALPN: u16 = 16;
    pub(in crate::shape::tls) const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
    pub(in crate::shape::tls) const COMPRESS_CERTIFICATE: u16 = 27;
    pub(in crate::shape::tls) const RECORD_SIZE_LIMIT: u16 = 28;
    pub(in crate::shape::tls) const DELEGATED_CREDENTIAL: u16 = 34;
    pub(in crate::shape::tls) const SESSION_TICKET: u16 = 35;
    pub(in crate::shape::tls) const PRE_SHARED_KEY: u16 = 41;
    pub(in crate::shape::tls) const EARLY_DATA: u16 = 42;
    pub(in crate::shape::tls) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in crate::shape::tls) const COOKIE: u16 = 44;
    pub(in crate::shape::tls) const KEY_SHARE: u16 = 51;
    pub(in crate::shape::tls) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    pub(in crate::shape::tls) const RENEGOTIATION_INFO: u16 = 0xff01;
}

/// Type and length of a handshake message.
pub(super) const HEADER: usize = 4;

/// The length of the handshake message at the front of `bytes`, header included; `None` if not even the header is there.
pub(super) fn message_length(bytes: &[u8]) -> Option<usize> {
    let (_, rest) = bytes.split_first()?;
    let &[high, middle, low] = rest.first_chunk::<3>()?;
    let [a, b, c, d] = [0, high, middle, low];
    usize::try_from(u32::from_be_bytes([a, b, c, d]))
        .ok()
        .map(|body| HEADER + body)
}

/// One message out of several in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// `None` for what is too short to be a message.
    pub(super) kind: Option<u8>,
    pub(super) bytes: &'a [u8],
    /// How many bytes of the message are not there, because the last one is cut short.
    pub(super) missing: usize,
}

/// Splits what may be several messages, of which the last may be cut short.
pub(super) fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let kind = bytes.first().copied()?;
        let (piece, rest, missing, kind) = match message_length(bytes) {
            None => (bytes, &[][..], 0, None),
            Some(length) => match bytes.split_at_checked(length) {
                Some((piece, rest)) => (piece, rest, 0, Some(kind)),
                None => (bytes, &[][..], length - bytes.len(), Some(kind)),
            },
        };
        bytes = rest;
        Some(Piece {
            kind,
            bytes: piece,
            missing,
        })
    })
}

/// A whole message.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    vector24(&mut out, body);
    out
}

pub(super) fn vector8(out: &mut Vec<u8>, body: &[u8]) {
    out.push(u8::try_from(body.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(body);
}

pub(super) fn vector16(out: &mut Vec<u8>, body: &[u8]) {
    out.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(body);
}

pub(super) fn vector24(out: &mut Vec<u8>, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend(length.into_iter().skip(1));
    out.extend_from_slice(body);
}

/// An extension: its number and body.
pub(super) type Extension<'a> = (u16, &'a [u8]);

/// The extensions of a list whose length in two bytes precedes it; `None` if one is cut short or there twice.
pub(super) fn read_extensions<'a>(reader: &mut Reader<'a>) -> Option<Vec<Extension<'a>>> {
    let list = reader
        .vector16()?
        .all(|reader| Some((reader.u16()?, reader.vector16()?.rest())))?;
    let mut seen = HashSet::with_capacity(list.len());
    if !list.iter().all(|(id, _)| seen.insert(*id)) {
        return None;
    }
    Some(list)
}

/// The list, its length before it.
pub(super) fn write_extensions(out: &mut Vec<u8>, extensions: &[Extension<'_>]) {
    let mut list = Vec::new();
    for (id, body) in extensions {
        list.extend(id.to_be_bytes());
        vector16(&mut list, body);
    }
    vector16(out, &list);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_messages_are_split_and_the_last_may_be_short() {
        let both = [message(254, &[1, 2]), message(1, &[3, 4, 5])].concat();
        let found: Vec<_> = pieces(both.get(..both.len() - 2).unwrap())
            .map(|piece| (piece.kind, piece.bytes.len(), piece.missing))
            .collect();
        assert_eq!(found, [(Some(254), 6, 0), (Some(1), 5, 2)]);
        assert_eq!(pieces(&[1, 0]).next().unwrap().kind, None);
        assert!(pieces(&[]).next().is_none());
    }

    #[test]
    fn a_list_as_long_as_can_be_takes_no_time() {
        let all: Vec<Extension<'_>> = (0..16_383).map(|id| (id, &[][..])).collect();
        let mut list = Vec::new();
        write_extensions(&mut list, &all);
        let begin = tokio::time::Instant::now();
        assert_eq!(read_extensions(&mut Reader::new(&list)), Some(all));
        assert!(begin.elapsed() < std::time::Duration::from_millis(500));
    }

    #[test]
    fn an_extension_twice_is_no_list() {
        let mut list = Vec::new();
        write_extensions(&mut list, &[(1, &[7]), (2, &[])]);
        assert_eq!(
            read_extensions(&mut Reader::new(&list)),
            Some(vec![(1, &[7][..]), (2, &[][..])])
        );
        let mut list = Vec::new();
        write_extensions(&mut list, &[(1, &[7]), (1, &[])]);
        assert_eq!(read_extensions(&mut Reader::new(&list)), None);
    }
}
