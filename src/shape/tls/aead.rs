//! The keys of TLS 1.3's epochs: the stream below decrypts the server's part of the handshake, and rustls believes the stream.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{ConnectionTrafficSecrets, Error};

use super::flight::FlightEncrypter;
use super::handshake::{Handshake, SEAL};
use super::scope;

/// An AEAD whose first decrypter in a handshake goes to the stream.
pub(super) struct HandshakeAead(pub(super) &'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for HandshakeAead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        let encrypter = self.0.encrypter(key, iv);
        match scope::current() {
            Some(handshake) if handshake.awaits_flight() => {
                Box::new(FlightEncrypter::new(encrypter, handshake))
            }
            _ => encrypter,
        }
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        let decrypter = self.0.decrypter(key, iv);
        match scope::current() {
            Some(handshake) => match handshake.keep_server_key(decrypter) {
                Ok(()) => Box::new(SealOpener(handshake)),
                Err(decrypter) => decrypter,
            },
            None => decrypter,
        }
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

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

impl Handshake {
    fn awaits_flight(&self) -> bool {
        !self.state.lock().flight_sent
    }
}

/// Takes the records that the stream has decrypted and sealed, and no others.
struct SealOpener(Arc<Handshake>);

impl MessageDecrypter for SealOpener {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        _sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let length = message.payload.len().saturating_sub(SEAL);
        let seal = message.payload.get(length..).unwrap_or_default();
        if verify_slices_are_equal(seal, &self.0.seal).is_err() {
            let refusal = self.0.state.lock().refusal.take();
            return Err(refusal.unwrap_or(Error::DecryptError));
        }
        message.payload.truncate(length);
        message.into_tls13_unpadded_message()
    }
}
