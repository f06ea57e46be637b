//! Delegated credentials (RFC 9345): a key that the server's certificate vouches for during a few days.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::{DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};

use super::der::Certificate;
use super::wire::extension;
use crate::profile::read::Reader;
use crate::profile::template::HelloTemplate;

/// What the server sent beside its certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct DelegatedCredential<'a> {
    /// Valid so many seconds after the certificate's beginning.
    valid_time: u32,
    /// By which the CertificateVerify is signed.
    verify_algorithm: u16,
    public_key: &'a [u8],
    /// By which the certificate's key signed this.
    algorithm: u16,
    signature: &'a [u8],
    /// All that is signed: the credential and `algorithm`.
    signed: &'a [u8],
}

impl<'a> DelegatedCredential<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let valid_time = reader.u32()?;
        let verify_algorithm = reader.u16()?;
        let length = usize::try_from(reader.u24()?).ok()?;
        let public_key = reader.take(length)?;
        let algorithm = reader.u16()?;
        let signed = body.get(..body.len() - reader.rest().len())?;
        let signature = reader.vector16()?.rest();
        reader.is_empty().then_some(Self {
            valid_time,
            verify_algorithm,
            public_key,
            algorithm,
            signature,
            signed,
        })
    }

    /// By which it is signed, and signs.
    pub(super) fn algorithms(&self) -> [SignatureScheme; 2] {
        [self.algorithm, self.verify_algorithm].map(SignatureScheme::from)
    }

    /// Whether the certificate vouches for this now, and the profile takes it (RFC 9345 section 4.1.3); else what is wrong.
    pub(super) fn check(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
        template: &HelloTemplate,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), &'static str> {
        let read =
            Certificate::read(certificate).ok_or("stands beside an unreadable certificate")?;
        if !read.delegates || read.may_sign != Some(true) {
            return Err("stands beside a certificate that may not delegate");
        }
        let end = read.not_before.saturating_add(self.valid_time.into());
        let left = end.checked_sub(now.as_secs()).filter(|left| *left > 0);
        match left {
            None => return Err("has expired"),
            Some(left) if left > LONGEST => return Err("is valid for more than seven days"),
            Some(_) => {}
        }
        let lists = |id, wanted| template.numbers(id).any(|number| number == wanted);
        if !lists(extension::DELEGATED_CREDENTIAL, self.verify_algorithm) {
            return Err("is for an algorithm that was not offered");
        }
        if !lists(extension::SIGNATURE_ALGORITHMS, self.algorithm) {
            return Err("is signed by an algorithm that was not offered");
        }
        let message = [CONTEXT, &[0], certificate, self.signed].concat();
        let is_signed = algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| u16::from(*scheme) == self.algorithm)
            .and_then(|(_, algorithms)| algorithms.first())
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == read.key.0)
            .is_some_and(|algorithm| {
                algorithm
                    .verify_signature(read.key.1, &message, self.signature)
                    .is_ok()
            });
        match is_signed {
            true => Ok(()),
            false => Err("is not signed by the certificate's key"),
        }
    }

    /// The server's CertificateVerify, by the credential's key.
    pub(super) fn verify(
        &self,
        message: &[u8],
        signature: &DigitallySignedStruct,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signature.scheme != SignatureScheme::from(self.verify_algorithm) {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        let key = SubjectPublicKeyInfoDer::from(self.public_key);
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }
}

/// Seven days.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// What is signed begins with this (RFC 9345 section 4).
const CONTEXT: &[u8] =
    b"                                                                TLS, server delegated credentials";
