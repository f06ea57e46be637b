//! The server's signatures: only by algorithms that the profile lists.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

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
