//! What a listener shows in the TLS handshake, and whom it lets in.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Protocols;
use crate::error::{Error, ErrorKind};

/// A server's certificate, and whether clients need one. Clones share everything.
///
/// TLS 1.2 and 1.3 are spoken. Sessions are resumed by tickets under a key that lives in memory
/// only and changes every six hours: whoever holds clones of one `ServerTls` resumes each other's
/// sessions.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// What [`ServerTls::client_authorities`] builds on; none when the configuration is the
    /// caller's.
    certificate: Option<Arc<dyn ResolvesServerCert>>,
}

impl ServerTls {
    /// Shows `chain` (the server's own certificate first), whose private key is `key`; both PEM.
    /// The key may be PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) when either cannot be read, or
    /// they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = certificates(chain, "the certificate chain")?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| invalid("the private key cannot be read").with_source(error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key))
            .map_err(|error| invalid("the certificate cannot be used").with_source(error))?;
        let certificate = Arc::clone(&config.cert_resolver);
        Self::with_tickets(config, certificate)
    }

    /// Takes `config` as it is, but for the ALPN names: those are what the listener
    /// [speaks](super::ListenerBuilder::protocols).
    pub fn from_config(config: ServerConfig) -> Self {
        Self {
            config: Arc::new(config),
            certificate: None,
        }
    }

    /// Lets only clients in that show a certificate signed by one of `authorities`, in PEM. It is
    /// found in the [identity](crate::registry::Entry::identity) of their connections, in DER.
    /// Default: no client is asked for one.
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](ErrorKind::InvalidConfiguration) when `authorities` cannot be read
    /// or is empty, or this was made [from a configuration](Self::from_config), which has a client
    /// verifier already.
    pub fn client_authorities(self, authorities: &[u8]) -> Result<Self, Error> {
        let Some(certificate) = self.certificate else {
            return Err(invalid(
                "client authorities belong into the rustls configuration that was given",
            ));
        };
        let what = "the client authorities";
        let mut roots = RootCertStore::empty();
        for authority in certificates(authorities, what)? {
            roots
                .add(authority)
                .map_err(|error| invalid(what).with_source(error))?;
        }
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| invalid(what).with_source(error))?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(what).with_source(error))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&certificate));
        Self::with_tickets(config, certificate)
    }

    /// The configuration of a listener that speaks `protocols`.
    pub(super) fn offering(&self, protocols: Protocols) -> Arc<ServerConfig> {
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = protocols.alpn();
        Arc::new(config)
    }

    fn with_tickets(
        mut config: ServerConfig,
        certificate: Arc<dyn ResolvesServerCert>,
    ) -> Result<Self, Error> {
        config.ticketer = Ticketer::new()
            .map_err(|error| invalid("no key for session tickets").with_source(error))?;
        Ok(Self {
            config: Arc::new(config),
            certificate: Some(certificate),
        })
    }
}

/// Shows nothing of the certificate and the key.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(&format!("{what} cannot be read")).with_source(error))?;
    if certificates.is_empty() {
        return Err(invalid(&format!("{what} has no certificate")));
    }
    Ok(certificates)
}

fn invalid(detail: &str) -> Error {
    Error::new(ErrorKind::InvalidConfiguration).with_detail(detail)
}
