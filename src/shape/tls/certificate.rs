//! TLS 1.3's Certificate, without the extensions that rustls does not know.

use super::answers::Place;
use super::handshake::Handshake;
use super::wire::{self, HEADER, kind, read_extensions, write_extensions};
use crate::profile::read::Reader;

/// The message that rustls gets. A malformed one it gets as it is.
pub(super) fn rewrite(handshake: &Handshake, message: &[u8]) -> Vec<u8> {
    let Some(body) = message.get(HEADER..).and_then(|body| sift(handshake, body)) else {
        return message.to_vec();
    };
    let rewritten = wire::message(kind::CERTIFICATE, &body);
    handshake.substitute(message, &rewritten);
    rewritten
}

/// The message's body without what is kept for the caller; `None` if it is malformed.
pub(super) fn sift(handshake: &Handshake, body: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(body);
    let context = reader.vector8()?.rest();
    let length = reader.u24()?;
    let mut entries = Reader::new(reader.take(usize::try_from(length).ok()?)?);
    if !reader.is_empty() {
        return None;
    }
    let mut list = Vec::with_capacity(body.len());
    let mut is_leaf = true;
    while !entries.is_empty() {
        let length = entries.u24()?;
        let certificate = entries.take(usize::try_from(length).ok()?)?;
        let extensions = read_extensions(&mut entries)?;
        wire::vector24(&mut list, certificate);
        let place = Place::Certificate { is_leaf };
        write_extensions(&mut list, &handshake.sift(place, &extensions));
        is_leaf = false;
    }
    let mut out = Vec::with_capacity(body.len());
    wire::vector8(&mut out, context);
    wire::vector24(&mut out, &list);
    Some(out)
}
