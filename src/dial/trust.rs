//! Whom to believe, and as whom to appear.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::unverified::Unverified;
use crate::error::{Error, ErrorKind, Result};

/// How a server's certificate is verified. Default: Mozilla's roots, as compiled in by `webpki-roots`.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Trust {
    roots: Roots,
    extra: Arc<[CertificateDer<'static>]>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Roots {
    /// `extra` alone.
    Exclusive,
    Nothing,
    #[cfg(feature = "platform-verifier")]
    Platform,
    WebPki,
}

impl Default for Trust {
    fn default() -> Self {
        Self::webpki()
    }
}

impl Trust {
    /// Mozilla's roots, compiled in. The same everywhere, updated with the crate `webpki-roots`.
    pub fn webpki() -> Self {
        Self::from_roots(Roots::WebPki)
    }

    /// The operating system's verifier and roots, revocation included where the system does that.
    #[cfg(feature = "platform-verifier")]
    pub fn platform() -> Self {
        Self::from_roots(Roots::Platform)
    }

    /// These authorities and no other.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when the text holds no certificate or a broken one.
    pub fn only(pem: &[u8]) -> Result<Self> {
        Self::from_roots(Roots::Exclusive).and(pem)
    }

    /// These authorities as well.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when the text holds no certificate or a broken one, and after
    /// [`dangerous_accept_any_certificate`](Self::dangerous_accept_any_certificate): where everybody is believed, naming an authority
    /// would only look like a check.
    pub fn and(mut self, pem: &[u8]) -> Result<Self> {
        if self.roots == Roots::Nothing {
            return Err(Error::new(ErrorKind::InvalidConfiguration).with_detail(
                "every certificate is accepted: an authority beside that would check nothing",
            ));
        }
        self.extra = self
            .extra
            .iter()
            .cloned()
            .chain(certificates(pem)?)
            .collect();
        Ok(self)
    }

    /// Believes **every** certificate, expired, for another name or self-made: whoever sits on the path can read and change
    /// everything. For tests against servers of one's own.
    pub fn dangerous_accept_any_certificate() -> Self {
        Self::from_roots(Roots::Nothing)
    }

    fn from_roots(roots: Roots) -> Self {
        Self {
            roots,
            extra: Arc::new([]),
        }
    }

    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>> {
        let mut roots = rustls::RootCertStore::empty();
        match self.roots {
            Roots::Nothing => return Ok(Arc::new(Unverified::new(provider))),
            #[cfg(feature = "platform-verifier")]
            Roots::Platform => {
                return rustls_platform_verifier::Verifier::new_with_extra_roots(
                    self.extra.iter().cloned(),
                    Arc::clone(provider),
                )
                .map(|verifier| Arc::new(verifier) as Arc<dyn ServerCertVerifier>)
                .map_err(|error| invalid("the platform's verifier").with_source(error));
            }
            Roots::WebPki => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::Exclusive => {}
        }
        for certificate in &*self.extra {
            roots
                .add(certificate.clone())
                .map_err(|error| invalid("an authority's certificate").with_source(error))?;
        }
        rustls::client::WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(provider),
        )
        .build()
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|error| invalid("the authorities").with_source(error))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("roots", &self.roots)
            .field("extra", &self.extra.len())
            .finish()
    }
}

/// A client certificate and its key, presented to servers that ask for one.
#[derive(Clone)]
pub struct ClientIdentity {
    chain: Arc<[CertificateDer<'static>]>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl ClientIdentity {
    /// A certificate chain, the client's own certificate first, and its private key (PKCS #8, PKCS #1 or SEC 1), both PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when either cannot be read. Whether they belong together shows in
    /// [`TlsClient::new`](super::TlsClient::new).
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self> {
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| invalid("the client's private key").with_source(error))?;
        Ok(Self {
            chain: certificates(chain)?.into(),
            key: Arc::new(key),
        })
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.to_vec()
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

/// The key belongs to the first certificate, so the chain alone is the identity.
impl PartialEq for ClientIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for ClientIdentity {}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("certificates", &self.chain.len())
            .finish_non_exhaustive()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid("a certificate").with_source(error))?;
    if found.is_empty() {
        return Err(Error::new(ErrorKind::InvalidConfiguration)
            .with_detail("there is no certificate in the PEM text"));
    }
    Ok(found)
}

pub(super) fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfiguration).with_detail(format!("{what} cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_certificate_is_refused() {
        for pem in [
            &b""[..],
            b"nothing",
            b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(
                Trust::only(pem).unwrap_err().kind(),
                ErrorKind::InvalidConfiguration
            );
        }
    }

    #[test]
    fn an_authority_beside_blind_trust_is_refused() {
        let pem = rcgen::generate_simple_self_signed(["a".to_owned()])
            .unwrap()
            .cert
            .pem();
        let blind = Trust::dangerous_accept_any_certificate();
        let error = blind.and(pem.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains("every certificate"), "{error}");
    }

    #[test]
    fn trust_is_equal_by_content() {
        let pem = rcgen::generate_simple_self_signed(["a".to_owned()])
            .unwrap()
            .cert
            .pem();
        assert_eq!(
            Trust::only(pem.as_bytes()).unwrap(),
            Trust::only(pem.as_bytes()).unwrap()
        );
        assert_ne!(
            Trust::only(pem.as_bytes()).unwrap(),
            Trust::webpki().and(pem.as_bytes()).unwrap()
        );
        assert_ne!(Trust::webpki(), Trust::dangerous_accept_any_certificate());
    }
}
