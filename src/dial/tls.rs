//! The TLS handshake and what came of it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::trust::{ClientIdentity, Trust, invalid};
use crate::config::{ALPN_HTTP2, Protocols};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::ClientHello;
use crate::shape::tls::{HelloStream, SentHello};

/// Session tickets kept, eight a host at most, about 1 KiB each: those of the 256 hosts that were last new.
const TICKETS: usize = 8 * 256;

/// For one host alone.
const ISOLATED_TICKETS: usize = 8;

/// A verification policy and a client identity, ready for use; cloning is cheap.
///
/// Session tickets are kept in here, so connections made through one `TlsClient` resume each other's sessions and nobody else's.
#[derive(Clone)]
pub struct TlsClient(Arc<Inner>);

struct Inner {
    trust: Trust,
    identity: Option<ClientIdentity>,
    configs: [Arc<ClientConfig>; Protocols::ALL.len()],
    /// The last fingerprint seen: connections of one client mostly share it, and so its memory.
    fingerprint: Mutex<Option<Arc<TlsFingerprint>>>,
}

impl TlsClient {
    /// Puts a client together: TLS 1.2 and 1.3, rustls's cipher suites, X25519MLKEM768 first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when an authority's certificate is unusable or the identity's key does not fit its
    /// certificate.
    pub fn new(trust: Trust, identity: Option<ClientIdentity>) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = trust.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("the TLS versions").with_source(error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let base = match &identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain(), identity.key())
                .map_err(|error| invalid("the client's certificate").with_source(error))?,
        };
        Ok(Self::from_base(trust, identity, &base, TICKETS))
    }

    /// The same policy and identity, with session tickets of its own.
    pub(crate) fn isolated(&self) -> Self {
        let Inner {
            trust,
            identity,
            configs: [base, ..],
            ..
        } = &*self.0;
        Self::from_base(trust.clone(), identity.clone(), base, ISOLATED_TICKETS)
    }

    fn from_base(
        trust: Trust,
        identity: Option<ClientIdentity>,
        base: &ClientConfig,
        tickets: usize,
    ) -> Self {
        let resumption = Resumption::in_memory_sessions(tickets);
        let configs = Protocols::ALL.map(|protocols| {
            let mut config = base.clone();
            config.resumption = resumption.clone();
            config.alpn_protocols = protocols.alpn();
            Arc::new(config)
        });
        Self(Arc::new(Inner {
            trust,
            identity,
            configs,
            fingerprint: Mutex::new(None),
        }))
    }

    /// How servers' certificates are verified.
    pub fn trust(&self) -> &Trust {
        &self.0.trust
    }

    pub(super) async fn handshake<IO>(
        &self,
        host: &str,
        protocols: Protocols,
        io: IO,
    ) -> Result<(TlsStream<HelloStream<IO>>, TlsInfo)>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            Error::new(ErrorKind::InvalidTarget)
                .with_detail(format!("{host:?} cannot stand in a certificate"))
                .with_source(error)
        })?;
        let [any, http1, http2] = &self.0.configs;
        let config = match protocols {
            Protocols::Any => any,
            Protocols::Http1 => http1,
            Protocols::Http2 => http2,
        };
        let sent = SentHello::default();
        let io = HelloStream::watching(io, sent.clone());
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, io)
            .await
            .map_err(Error::from_handshake)?;
        let info = TlsInfo::of(
            stream.get_ref().1,
            sent.hello().map(|hello| self.fingerprint(hello)),
        );
        if protocols == Protocols::Http2 && info.alpn.as_deref() != Some("h2") {
            return Err(Error::new(ErrorKind::ProtocolNotOffered)
                .with_detail("h2 was asked for and not agreed to"));
        }
        Ok((stream, info))
    }

    fn fingerprint(&self, hello: &ClientHello) -> Arc<TlsFingerprint> {
        let fresh = TlsFingerprint::of(hello);
        let mut last = self.0.fingerprint.lock();
        match &*last {
            Some(known) if **known == fresh => Arc::clone(known),
            _ => Arc::clone(last.insert(Arc::new(fresh))),
        }
    }
}

impl PartialEq for TlsClient {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.trust == other.0.trust && self.0.identity == other.0.identity)
    }
}

impl Eq for TlsClient {}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("trust", &self.0.trust)
            .field("identity", &self.0.identity)
            .finish_non_exhaustive()
    }
}

/// What a handshake agreed on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The cipher suite's IANA name, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The key exchange group, such as `X25519MLKEM768`.
    pub group: Option<Box<str>>,
    /// The protocol that the server chose by ALPN.
    pub alpn: Option<Box<str>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Of the ClientHello that was really sent.
    pub fingerprint: Option<Arc<TlsFingerprint>>,
}

/// The fingerprints of one ClientHello.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsFingerprint {
    /// JA3's text.
    pub ja3: Box<str>,
    /// JA3's MD5, in hex.
    pub ja3_hash: Box<str>,
    /// JA4.
    pub ja4: Box<str>,
    /// JA4 with its lists instead of their hashes.
    pub ja4_r: Box<str>,
}

impl TlsFingerprint {
    fn of(hello: &ClientHello) -> Self {
        Self {
            ja3: hello.ja3().into(),
            ja3_hash: hello.ja3_hash().into(),
            ja4: hello.ja4().into(),
            ja4_r: hello.ja4_r().into(),
        }
    }
}

impl TlsInfo {
    fn of(connection: &ClientConnection, fingerprint: Option<Arc<TlsFingerprint>>) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "unknown",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .map_or("unknown", iana_name),
            group: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name()).into()),
            alpn: connection
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into()),
            resumed: matches!(connection.handshake_kind(), Some(HandshakeKind::Resumed)),
            fingerprint,
        }
    }

    pub(super) fn is_http2(&self) -> bool {
        self.alpn.as_deref().map(str::as_bytes) == Some(ALPN_HTTP2)
    }
}

/// rustls writes TLS 1.3's suites as `TLS13_…`; IANA as `TLS_…`.
fn iana_name(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CipherSuite;

    #[test]
    fn suites_have_their_iana_names() {
        for suite in aws_lc_rs::default_provider().cipher_suites {
            let name = suite.suite().as_str().map(iana_name).unwrap();
            assert!(name.starts_with("TLS_"), "{name}");
        }
        assert!(CipherSuite::TLS13_AES_128_GCM_SHA256.as_str().is_some());
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused() {
        let one = rcgen::generate_simple_self_signed(["one".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
        let identity = ClientIdentity::from_pem(
            one.cert.pem().as_bytes(),
            other.signing_key.serialize_pem().as_bytes(),
        )
        .unwrap();
        let error = TlsClient::new(Trust::webpki(), Some(identity)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    }
}
