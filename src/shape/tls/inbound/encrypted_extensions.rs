//! TLS 1.3's EncryptedExtensions.

use super::super::answers::Place;
use super::super::handshake::Handshake;
use super::super::wire::{self, HEADER, kind, read_extensions, write_extensions};
use crate::profile::read::Reader;

/// The message that rustls gets. A malformed one it gets as it is.
pub(super) fn rewrite(handshake: &Handshake, message: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(message);
    let extensions = reader
        .take(HEADER)
        .and_then(|_| read_extensions(&mut reader))
        .filter(|_| reader.is_empty());
    let Some(extensions) = extensions else {
        return message.to_vec();
    };
    let mut body = Vec::with_capacity(message.len());
    write_extensions(
        &mut body,
        &handshake.sift(Place::EncryptedExtensions, &extensions),
    );
    let rewritten = wire::message(kind::ENCRYPTED_EXTENSIONS, &body);
    handshake.substitute(message, &rewritten);
    rewritten
}
