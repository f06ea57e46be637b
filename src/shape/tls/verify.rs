//! The server's signatures: only by algorithms that the profile lists.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::delegated::DelegatedCredential;
use super::fault::Fault;
use super::scope;
use super::wire::extension;
use crate::profile::template::HelloTemplate;

/// A verifier for connections whose hello a profile made.
#[derive(Debug)]
pub(super) struct OfferedAlgorithms {
    verifier: Arc<dyn ServerCertVerifier>,
    template: Arc<HelloTemplate>,
}

impl OfferedAlgorithms {
    pub(super) fn new(verifier: Arc<dyn ServerCertVerifier>, template: Arc<HelloTemplate>) -> Self {
        Self { verifier, template }
    }

    /// The signature by a delegated credential's key, which the certificate's key has signed.
    fn verify_delegated(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
        credential: &[u8],
        now: UnixTime,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &aws_lc_rs::default_provider().signature_verification_algorithms;
        let refuse = |what| {
            if let Some(handshake) = scope::current() {
                handshake.set_fault(Fault::DelegatedCredential(what));
            }
            // RFC 9345 section 4.1.3 wants illegal_parameter, which rustls sends for no error of a verifier.
            Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
        };
        let credential =
            DelegatedCredential::read(credential).ok_or_else(|| refuse("is malformed"))?;
        // No laxer than without one.
        let supported = self.verifier.supported_verify_schemes();
        if !credential
            .algorithms()
            .iter()
            .all(|scheme| supported.contains(scheme))
        {
            return Err(refuse("is by an algorithm that the verifier does not take"));
        }
        credential
            .check(certificate, now, &self.template, algorithms)
            .map_err(refuse)?;
        credential
            .verify(message, signature, algorithms)
            .inspect_err(|_| {
                refuse("did not sign the handshake");
            })
    }

    fn check(&self, scheme: SignatureScheme) -> Result<(), Error> {
        let number = u16::from(scheme);
        let is_listed = self
            .template
            .numbers(extension::SIGNATURE_ALGORITHMS)
            .any(|listed| listed == number);
        if is_listed && self.verifier.supported_verify_schemes().contains(&scheme) {
            return Ok(());
        }
        if is_listed && let Some(handshake) = scope::current() {
            handshake.set_fault(Fault::SignatureAlgorithm(number));
        }
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }
}

impl ServerCertVerifier for OfferedAlgorithms {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(handshake) = scope::current() {
            handshake.state.lock().verified_at = Some(now);
        }
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(signature.scheme)?;
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let credential = scope::current().and_then(|handshake| {
            let state = handshake.state.lock();
            let body = state.answers.extension(extension::DELEGATED_CREDENTIAL)?;
            Some((
                body.to_vec(),
                state.verified_at.unwrap_or_else(UnixTime::now),
            ))
        });
        if let Some((credential, now)) = credential {
            return self.verify_delegated(message, certificate, signature, &credential, now);
        }
        self.check(signature.scheme)?;
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let supported = self.verifier.supported_verify_schemes();
        self.template
            .numbers(extension::SIGNATURE_ALGORITHMS)
            .map(SignatureScheme::from)
            .filter(|scheme| supported.contains(scheme))
            .collect()
    }
}
