//! Client certificates. In TLS 1.2 the client signs the whole transcript, not its hash (RFC 5246 section 7.4.8), and rustls's is of
//! what rustls knows.

use std::sync::Arc;

use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use super::scope;
use super::wire::pieces;

/// An identity whose signatures are over what went over the wire.
pub(super) fn identity(mut certified: CertifiedKey) -> SingleCertAndKey {
    certified.key = Arc::new(TranscriptKey(certified.key));
    certified.into()
}

#[derive(Debug)]
struct TranscriptKey(Arc<dyn SigningKey>);

impl SigningKey for TranscriptKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0
            .choose_scheme(offered)
            .map(|signer| Box::new(TranscriptSigner(signer)) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

#[derive(Debug)]
struct TranscriptSigner(Box<dyn Signer>);

impl Signer for TranscriptSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match scope::current() {
            // What TLS 1.3 signs begins with this and holds a hash that is right already.
            Some(handshake) if !message.starts_with(&TLS_1_3) => {
                let mut transcript = Vec::with_capacity(message.len());
                for piece in pieces(message) {
                    match handshake.on_the_wire(piece.bytes) {
                        Some(wire) => transcript.extend_from_slice(&wire),
                        None => transcript.extend_from_slice(piece.bytes),
                    }
                }
                self.0.sign(&transcript)
            }
            _ => self.0.sign(message),
        }
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

/// RFC 8446 section 4.4.3.
const TLS_1_3: [u8; 64] = [b' '; 64];
