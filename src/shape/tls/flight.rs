//! The client's last flight of the handshake: with what application settings (ALPS) add to it, and in records as small as the server
//! wants them.
//!
//! The client's settings are in an EncryptedExtensions message of its own before its first other message under the handshake keys,
//! EndOfEarlyData aside (draft-vvv-tls-alps).

use std::sync::Arc;

use rustls::crypto::cipher::{
    MessageEncrypter, OutboundChunks, OutboundOpaqueMessage, OutboundPlainMessage,
};
use rustls::{ContentType, Error};

use super::answers::record_size_limit;
use super::handshake::{Handshake, Inserted};
use super::wire::{self, extension, kind};

/// The client's EncryptedExtensions, if the server took up application settings. The client's own settings are empty.
pub(super) fn client_message(handshake: &Handshake) -> Option<Vec<u8>> {
    let codepoint = handshake.state.lock().answers.settings?;
    let mut body = Vec::new();
    wire::write_extensions(&mut body, &[(codepoint, &[])]);
    Some(wire::message(kind::ENCRYPTED_EXTENSIONS, &body))
}

/// Encrypts the flight. rustls has one record for each that it gives; what does not fit into that goes into records before it, which
/// the stream inserts.
pub(super) struct FlightEncrypter {
    encrypter: Box<dyn MessageEncrypter>,
    handshake: Arc<Handshake>,
    has_begun: bool,
    /// How many records were inserted.
    inserted: u64,
}

impl FlightEncrypter {
    pub(super) fn new(encrypter: Box<dyn MessageEncrypter>, handshake: Arc<Handshake>) -> Self {
        Self {
            encrypter,
            handshake,
            has_begun: false,
            inserted: 0,
        }
    }

    fn flight(&mut self, payload: &[u8], sequence: u64) -> Result<OutboundOpaqueMessage, Error> {
        let mut flight = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            self.handshake.state.lock().flight_sent = true;
            flight = client_message(&self.handshake).unwrap_or_default();
        }
        flight.extend_from_slice(payload);
        let mut rest = &*flight;
        let mut records = Vec::new();
        let limit = self.limit();
        while let Some((first, others)) = rest.split_at_checked(limit)
            && !others.is_empty()
        {
            let record = self.encrypt(first, sequence)?;
            records.extend(record.encode());
            self.inserted += 1;
            rest = others;
        }
        let last = self.encrypt(rest, sequence)?;
        if !records.is_empty() {
            self.handshake.insert(Inserted {
                records,
                before: last.payload.as_ref().into(),
            });
        }
        Ok(last)
    }

    fn encrypt(&mut self, content: &[u8], sequence: u64) -> Result<OutboundOpaqueMessage, Error> {
        let plain = OutboundPlainMessage {
            typ: ContentType::Handshake,
            version: rustls::ProtocolVersion::TLSv1_3,
            payload: OutboundChunks::Single(content),
        };
        self.encrypter.encrypt(plain, sequence + self.inserted)
    }

    /// How much a record may carry: the type of the content counts against the server's limit (RFC 8449 section 4).
    fn limit(&self) -> usize {
        let state = self.handshake.state.lock();
        let wanted = state.answers.extension(extension::RECORD_SIZE_LIMIT);
        let wanted = wanted.and_then(record_size_limit).map(usize::from);
        wanted.map_or(MAXIMUM_FRAGMENT, |limit| (limit - 1).min(MAXIMUM_FRAGMENT))
    }
}

impl MessageEncrypter for FlightEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let payload = message.payload.to_vec();
        let is_flight = message.typ == ContentType::Handshake
            && (self.has_begun || payload.first() != Some(&kind::END_OF_EARLY_DATA));
        match is_flight {
            true => self.flight(&payload, sequence),
            false => self.encrypter.encrypt(message, sequence + self.inserted),
        }
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.encrypter.encrypted_payload_len(length)
    }
}

/// RFC 8446 section 5.1.
const MAXIMUM_FRAGMENT: usize = 1 << 14;
