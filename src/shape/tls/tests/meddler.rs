//! rustls as a server that answers what it was not asked: its messages are exchanged before they are hashed and encrypted.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    OutboundChunks, OutboundOpaqueMessage, OutboundPlainMessage, Tls13AeadAlgorithm,
    UnsupportedOperationError,
};
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, aws_lc_rs};
use rustls::{
    ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite, Tls12CipherSuite,
    Tls13CipherSuite,
};

use crate::profile::read::Reader;
use crate::shape::tls::wire::{
    self, HEADER, kind, message, pieces, read_extensions, write_extensions,
};

const COMPRESSED_CERTIFICATE: u8 = 25;

/// What the server adds.
#[derive(Debug, Default)]
pub(super) struct Meddling {
    /// To its EncryptedExtensions, or to its ServerHello in TLS 1.2.
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
    pub(super) server_hello: Vec<(u16, Vec<u8>)>,
    /// To its certificate's entry.
    pub(super) leaf: Vec<(u16, Vec<u8>)>,
    /// Behind its Finished, in the same record.
    pub(super) trailer: Vec<u8>,
    /// Whether its first encrypted record is spoilt.
    pub(super) spoils: bool,
    /// Of the certificate that was compressed.
    pub(super) certificate_length: Mutex<Option<usize>>,
    /// The client's EncryptedExtensions.
    pub(super) received: Mutex<Option<Vec<u8>>>,
}

impl Meddling {
    pub(super) fn provider(self: &Arc<Self>) -> CryptoProvider {
        let mut provider = aws_lc_rs::default_provider();
        for suite in &mut provider.cipher_suites {
            *suite = self.wrap(*suite);
        }
        provider
    }

    fn wrap(self: &Arc<Self>, suite: SupportedCipherSuite) -> SupportedCipherSuite {
        let common = |common: &CipherSuiteCommon| CipherSuiteCommon {
            suite: common.suite,
            hash_provider: Box::leak(Box::new(MeddledHash(
                common.hash_provider,
                Arc::clone(self),
            ))),
            confidentiality_limit: common.confidentiality_limit,
        };
        match suite {
            SupportedCipherSuite::Tls12(suite) => {
                SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                    common: common(&suite.common),
                    prf_provider: suite.prf_provider,
                    kx: suite.kx,
                    sign: suite.sign,
                    aead_alg: suite.aead_alg,
                })))
            }
            SupportedCipherSuite::Tls13(suite) => {
                SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                    common: common(&suite.common),
                    hkdf_provider: suite.hkdf_provider,
                    aead_alg: Box::leak(Box::new(MeddledAead(suite.aead_alg, Arc::clone(self)))),
                    quic: None,
                })))
            }
        }
    }

    /// The message that goes out, and into the transcript.
    pub(super) fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        match bytes.first() {
            Some(&kind::ENCRYPTED_EXTENSIONS) => {
                let mut reader = Reader::new(&bytes[HEADER..]);
                let mut list = read_extensions(&mut reader).unwrap();
                list.extend(self.extensions.iter().map(|(id, body)| (*id, &body[..])));
                let mut body = Vec::new();
                write_extensions(&mut body, &list);
                message(kind::ENCRYPTED_EXTENSIONS, &body)
            }
            Some(&kind::SERVER_HELLO) => {
                let head = HEADER + 2 + 32 + 1 + usize::from(bytes[HEADER + 34]) + 3;
                let mut reader = Reader::new(&bytes[head..]);
                let mut list = match reader.is_empty() {
                    true => Vec::new(),
                    false => read_extensions(&mut reader).unwrap(),
                };
                list.extend(self.server_hello.iter().map(|(id, body)| (*id, &body[..])));
                let mut body = bytes[HEADER..head].to_vec();
                if !list.is_empty() {
                    write_extensions(&mut body, &list);
                }
                message(kind::SERVER_HELLO, &body)
            }
            Some(&kind::CERTIFICATE) if !self.leaf.is_empty() => {
                // An empty context; then a list of entries, each with its length in three bytes.
                let length = |at: usize| {
                    usize::from(bytes[at]) << 16
                        | usize::from(bytes[at + 1]) << 8
                        | usize::from(bytes[at + 2])
                };
                let first = HEADER + 1 + 3;
                let end = first + 3 + length(first);
                let mut reader = Reader::new(&bytes[end..]);
                let mut list = read_extensions(&mut reader).unwrap();
                list.extend(self.leaf.iter().map(|(id, body)| (*id, &body[..])));
                let mut entries = bytes[first..end].to_vec();
                write_extensions(&mut entries, &list);
                entries.extend(reader.rest());
                let mut body = vec![0];
                wire::vector24(&mut body, &entries);
                message(kind::CERTIFICATE, &body)
            }
            Some(&COMPRESSED_CERTIFICATE) => {
                let mut out = bytes.to_vec();
                if let Some(length) = *self.certificate_length.lock() {
                    out[HEADER + 2..HEADER + 5].copy_from_slice(&length.to_be_bytes()[5..]);
                }
                out
            }
            _ => bytes.to_vec(),
        }
    }

    pub(super) fn exchange_all(&self, bytes: &[u8]) -> Vec<u8> {
        pieces(bytes)
            .flat_map(|piece| self.exchange(piece.bytes))
            .collect()
    }

    fn exchange_flight(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = self.exchange_all(bytes);
        if pieces(bytes).last().and_then(|last| last.kind) == Some(kind::FINISHED) {
            out.extend(&self.trailer);
        }
        out
    }
}

struct MeddledHash(&'static dyn Hash, Arc<Meddling>);

impl Hash for MeddledHash {
    fn start(&self) -> Box<dyn Context> {
        Box::new(MeddledContext(self.0.start(), Arc::clone(&self.1), false))
    }

    fn hash(&self, data: &[u8]) -> Output {
        self.0.hash(data)
    }

    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0.algorithm()
    }
}

/// With whether the client's EncryptedExtensions are in.
struct MeddledContext(Box<dyn Context>, Arc<Meddling>, bool);

impl MeddledContext {
    fn due(&self) -> Option<Vec<u8>> {
        if self.2 {
            None
        } else {
            self.1.received.lock().clone()
        }
    }
}

impl Context for MeddledContext {
    fn fork_finish(&self) -> Output {
        let mut fork = self.0.fork();
        if let Some(message) = self.due() {
            fork.update(&message);
        }
        fork.finish()
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self(self.0.fork(), Arc::clone(&self.1), self.2))
    }

    fn finish(self: Box<Self>) -> Output {
        self.0.finish()
    }

    fn update(&mut self, data: &[u8]) {
        for piece in pieces(data) {
            if let Some(message) = self.due() {
                self.0.update(&message);
                self.2 = true;
            }
            match piece.missing {
                0 => self.0.update(&self.1.exchange(piece.bytes)),
                _ => self.0.update(piece.bytes),
            }
        }
    }
}

struct MeddledAead(&'static dyn Tls13AeadAlgorithm, Arc<Meddling>);

impl Tls13AeadAlgorithm for MeddledAead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(MeddledEncrypter(
            self.0.encrypter(key, iv),
            Arc::clone(&self.1),
        ))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(MeddledDecrypter(
            self.0.decrypter(key, iv),
            Arc::clone(&self.1),
        ))
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

struct MeddledEncrypter(Box<dyn MessageEncrypter>, Arc<Meddling>);

impl MessageEncrypter for MeddledEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let mut payload = message.payload.to_vec();
        if message.typ == ContentType::Handshake {
            payload = self.1.exchange_flight(&payload);
        }
        let mut record = self.0.encrypt(
            OutboundPlainMessage {
                typ: message.typ,
                version: message.version,
                payload: OutboundChunks::Single(&payload),
            },
            sequence,
        )?;
        if self.1.spoils && sequence == 0 {
            record.payload.as_mut()[3] ^= 1;
        }
        Ok(record)
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.0.encrypted_payload_len(length)
    }
}

struct MeddledDecrypter(Box<dyn MessageDecrypter>, Arc<Meddling>);

impl MessageDecrypter for MeddledDecrypter {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let mut plain = self.0.decrypt(message, sequence)?;
        let whole =
            wire::message_length(plain.payload).filter(|length| *length <= plain.payload.len());
        // The first record of the flight: any other may begin within a message.
        if sequence == 0
            && plain.typ == ContentType::Handshake
            && plain.payload[0] == kind::ENCRYPTED_EXTENSIONS
            && let Some(length) = whole
        {
            let (message, rest) = plain.payload.split_at(length);
            *self.1.received.lock() = Some(message.to_vec());
            plain.payload = rest;
        }
        Ok(plain)
    }
}
