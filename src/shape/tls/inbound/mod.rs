//! The server's part of the handshake on its way to rustls.
//!
//! Up to the ServerHello, records are plain. From then on they are decrypted here, with the key that rustls has derived, put
//! together to messages, edited, and handed on sealed (`SealOpener`). After TLS 1.2's ServerHello or TLS 1.3's Finished everything
//! passes untouched. Whatever is wrong is handed on as it is, or as something equally wrong, so that rustls raises the error and
//! the alert.

mod encrypted_extensions;
mod record;
mod server_hello;

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::ContentType;
use rustls::ProtocolVersion;
use rustls::crypto::cipher::{InboundOpaqueMessage, MessageDecrypter};

use self::record::{
    APPLICATION_DATA, Front, HANDSHAKE, Record, put_plain, put_sealed, take_record,
};
use self::server_hello::Hello;
use super::certificate;
use super::handshake::{Handshake, SEAL};
use super::wire::{kind, message_length};

/// Everything that has arrived and that rustls has not yet read.
pub(super) struct Inbound {
    handshake: Arc<Handshake>,
    phase: Phase,
    /// Not looked at so far.
    arrived: BytesMut,
    /// The front part of a message whose rest is in the next record.
    partial: BytesMut,
    /// For rustls.
    ready: BytesMut,
}

enum Phase {
    Plain,
    /// rustls has the ServerHello and derives the keys from it.
    Keying,
    Sealed {
        decrypter: Box<dyn MessageDecrypter>,
        sequence: u64,
    },
    Passing,
}

/// rustls's limit (`HandshakePayloadTooLarge`).
const LONGEST_MESSAGE: usize = 0xffff;

impl Inbound {
    pub(super) fn new(handshake: Arc<Handshake>) -> Self {
        Self {
            handshake,
            phase: Phase::Plain,
            arrived: BytesMut::new(),
            partial: BytesMut::new(),
            ready: BytesMut::new(),
        }
    }

    /// Whether nothing is left to do: what arrives from now on is rustls's as it is.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.phase, Phase::Passing)
    }

    /// What rustls shall read next.
    pub(super) fn ready(&mut self) -> &mut BytesMut {
        &mut self.ready
    }

    pub(super) fn arrived(&mut self, bytes: &[u8]) {
        self.arrived.extend_from_slice(bytes);
    }

    /// Works on one record; whether there was one. Called when rustls has read all that was ready.
    pub(super) fn advance(&mut self) -> bool {
        if let Phase::Keying = self.phase {
            match self.handshake.take_server_key() {
                Some(decrypter) => {
                    self.phase = Phase::Sealed {
                        decrypter,
                        sequence: 0,
                    };
                }
                None => self.pass(),
            }
        }
        if self.is_passing() {
            return !self.ready.is_empty();
        }
        match take_record(&mut self.arrived) {
            Front::Incomplete => return false,
            Front::NotARecord => self.pass(),
            Front::Record(record) => self.record(record),
        }
        true
    }

    fn record(&mut self, record: Record) {
        let payload = record.payload();
        match (&self.phase, record.kind) {
            (Phase::Plain, HANDSHAKE) if !payload.is_empty() => {
                self.partial.extend_from_slice(payload);
                self.messages();
            }
            (Phase::Sealed { .. }, APPLICATION_DATA) => self.open(record),
            _ => {
                self.flush_partial();
                self.ready.extend_from_slice(record.whole());
            }
        }
    }

    fn open(&mut self, mut record: Record) {
        let Phase::Sealed {
            decrypter,
            sequence,
        } = &mut self.phase
        else {
            return;
        };
        let message = InboundOpaqueMessage::new(
            ContentType::ApplicationData,
            ProtocolVersion::TLSv1_2,
            record.payload_mut(),
        );
        match decrypter.decrypt(message, *sequence) {
            Ok(plain) => {
                *sequence += 1;
                if plain.typ == ContentType::Handshake && !plain.payload.is_empty() {
                    self.partial.extend_from_slice(plain.payload);
                    self.messages();
                } else {
                    self.flush_partial();
                    let seal = &self.handshake.seal;
                    put_sealed(&mut self.ready, plain.typ.into(), plain.payload, seal);
                }
            }
            Err(refusal) => {
                self.handshake.state.lock().refusal = Some(refusal);
                self.flush_partial();
                // Of a length that rustls decrypts, and with no seal.
                put_sealed(&mut self.ready, 0, &[], &[0; SEAL]);
                self.pass();
            }
        }
    }

    /// Handles the messages that are whole.
    fn messages(&mut self) {
        while let Some(length) = message_length(&self.partial) {
            if length > LONGEST_MESSAGE {
                self.flush_partial();
                self.pass();
            }
            if self.partial.remaining() < length || self.is_passing() {
                return;
            }
            let message = self.partial.split_to(length);
            match &self.phase {
                Phase::Plain => self.plain_message(&message),
                _ => self.sealed_message(&message),
            }
        }
    }

    fn plain_message(&mut self, message: &[u8]) {
        if message.first() != Some(&kind::SERVER_HELLO) {
            put_plain(&mut self.ready, message);
            return;
        }
        let (which, mut hello) = server_hello::rewrite(&self.handshake, message);
        match which {
            Hello::Retry => put_plain(&mut self.ready, &hello),
            Hello::Tls12 | Hello::Tls13 => {
                // No message may be in two epochs (RFC 8446 section 5.1): what follows in this record rustls must see at once.
                hello.extend_from_slice(&self.partial.split());
                put_plain(&mut self.ready, &hello);
                match which {
                    Hello::Tls13 => self.phase = Phase::Keying,
                    _ => self.pass(),
                }
            }
        }
    }

    fn sealed_message(&mut self, message: &[u8]) {
        let handshake = &self.handshake;
        let rewritten = match message.first() {
            Some(&kind::ENCRYPTED_EXTENSIONS) => encrypted_extensions::rewrite(handshake, message),
            Some(&kind::CERTIFICATE) => certificate::rewrite(handshake, message),
            Some(&kind::FINISHED) => {
                let mut last = message.to_vec();
                last.extend_from_slice(&self.partial.split());
                put_sealed(&mut self.ready, HANDSHAKE, &last, &handshake.seal);
                return self.pass();
            }
            _ => message.to_vec(),
        };
        put_sealed(&mut self.ready, HANDSHAKE, &rewritten, &handshake.seal);
    }

    /// rustls refuses what comes between the parts of a message, if it knows of the first.
    fn flush_partial(&mut self) {
        let partial = self.partial.split();
        if partial.is_empty() {
            return;
        }
        match self.phase {
            Phase::Plain | Phase::Keying | Phase::Passing => put_plain(&mut self.ready, &partial),
            Phase::Sealed { .. } => {
                put_sealed(&mut self.ready, HANDSHAKE, &partial, &self.handshake.seal);
            }
        }
    }

    fn pass(&mut self) {
        self.phase = Phase::Passing;
        let rest = self.arrived.split();
        self.ready.extend_from_slice(&rest);
    }
}
