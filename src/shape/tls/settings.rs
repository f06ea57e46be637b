//! Application settings (ALPS): the client's answer, in an EncryptedExtensions message of its own before its first other message
//! under the handshake keys, EndOfEarlyData aside (draft-vvv-tls-alps).

use std::sync::Arc;

use rustls::crypto::cipher::{
    MessageEncrypter, OutboundChunks, OutboundOpaqueMessage, OutboundPlainMessage,
};
use rustls::{ContentType, Error};

use super::handshake::Handshake;
use super::wire::{self, kind};

/// The client's EncryptedExtensions, if the server took up application settings. The client's own settings are empty.
pub(super) fn client_message(handshake: &Handshake) -> Option<Vec<u8>> {
    let codepoint = handshake.state.lock().answers.settings?;
    let mut body = Vec::new();
    wire::write_extensions(&mut body, &[(codepoint, &[])]);
    Some(wire::message(kind::ENCRYPTED_EXTENSIONS, &body))
}

/// Puts the client's message in front of its flight.
pub(super) struct SettingsEncrypter {
    encrypter: Box<dyn MessageEncrypter>,
    handshake: Arc<Handshake>,
    /// What did not fit into the record before: a flight that fills records to the brim is shifted by the length of the message.
    carry: Option<Vec<u8>>,
}

impl SettingsEncrypter {
    pub(super) fn new(encrypter: Box<dyn MessageEncrypter>, handshake: Arc<Handshake>) -> Self {
        Self {
            encrypter,
            handshake,
            carry: None,
        }
    }
}

impl MessageEncrypter for SettingsEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        if message.typ != ContentType::Handshake {
            return self.encrypter.encrypt(message, sequence);
        }
        let mut payload = message.payload.to_vec();
        if self.carry.is_none() {
            if payload.first() == Some(&kind::END_OF_EARLY_DATA) {
                return self.encrypter.encrypt(message, sequence);
            }
            self.handshake.state.lock().flight_sent = true;
            self.carry = Some(client_message(&self.handshake).unwrap_or_default());
        }
        let mut joined = self.carry.take().unwrap_or_default();
        joined.append(&mut payload);
        self.carry = Some(match joined.len() > MAXIMUM_FRAGMENT {
            true => joined.split_off(MAXIMUM_FRAGMENT),
            false => Vec::new(),
        });
        self.encrypter.encrypt(
            OutboundPlainMessage {
                typ: message.typ,
                version: message.version,
                payload: OutboundChunks::Single(&joined),
            },
            sequence,
        )
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.encrypter.encrypted_payload_len(length)
    }
}

const MAXIMUM_FRAGMENT: usize = 1 << 14;
