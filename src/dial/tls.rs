//! The TLS handshake and what came of it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, ProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::trust::{ClientIdentity, Trust, invalid};
use crate::config::{ALPN_HTTP2, Protocols};
use crate::error::{Error, ErrorKind, Result};
use crate::profile::ClientHello;
use crate::profile::template::HelloTemplate;
use crate::shape::tls::{
    Failure, Fault, HelloStream, Outcome, RecordLimited, Resume, SentHello, ShapedTls,
};

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
    /// `None`: rustls's own hello.
    shape: Option<ShapedTls>,
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
        Self::with_hello(trust, identity, None)
    }

    /// A client whose ClientHello is that of the template, or rustls's own.
    pub(crate) fn with_hello(
        trust: Trust,
        identity: Option<ClientIdentity>,
        template: Option<Arc<HelloTemplate>>,
    ) -> Result<Self> {
        match template {
            None => Self::unshaped(trust, identity),
            Some(template) => Self::shaped(trust, identity, ShapedTls::new(template)),
        }
    }

    fn shaped(trust: Trust, identity: Option<ClientIdentity>, shape: ShapedTls) -> Result<Self> {
        let verifier = trust.verifier(&Arc::new(aws_lc_rs::default_provider()))?;
        let certificate = identity
            .as_ref()
            .map(|identity| (identity.chain(), identity.key()));
        let base = shape.config(verifier, certificate).map_err(|error| {
            invalid("the profile with the client's certificate").with_source(error)
        })?;
        Ok(Self::from_base(
            trust,
            identity,
            Some(shape),
            &base,
            TICKETS,
        ))
    }

    fn unshaped(trust: Trust, identity: Option<ClientIdentity>) -> Result<Self> {
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
        Ok(Self::from_base(trust, identity, None, &base, TICKETS))
    }

    /// The same policy and identity, with session tickets of its own.
    pub(crate) fn isolated(&self) -> Self {
        let Inner {
            trust,
            identity,
            shape,
            configs: [base, ..],
            ..
        } = &*self.0;
        let (trust, identity, shape) = (trust.clone(), identity.clone(), shape.clone());
        Self::from_base(trust, identity, shape, base, ISOLATED_TICKETS)
    }

    fn from_base(
        trust: Trust,
        identity: Option<ClientIdentity>,
        shape: Option<ShapedTls>,
        base: &ClientConfig,
        tickets: usize,
    ) -> Self {
        let resumption = match &shape {
            Some(shape) => shape.resumption(tickets),
            None => Resumption::in_memory_sessions(tickets),
        };
        let configs = Protocols::ALL.map(|protocols| {
            let mut config = base.clone();
            config.resumption = resumption.clone();
            config.alpn_protocols = match &shape {
                Some(shape) => shape.protocols(protocols.alpn()),
                None => protocols.alpn(),
            };
            Arc::new(config)
        });
        Self(Arc::new(Inner {
            trust,
            identity,
            shape,
            configs,
            fingerprint: Mutex::new(None),
        }))
    }

    /// How servers' certificates are verified.
    pub fn trust(&self) -> &Trust {
        &self.0.trust
    }

    /// `resume` matters to a client that has a profile.
    pub(super) async fn handshake<IO>(
        &self,
        host: &str,
        protocols: Protocols,
        resume: Resume,
        io: IO,
    ) -> Result<(Stream<IO>, TlsInfo), Refused>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            Error::new(ErrorKind::InvalidTarget)
                .with_detail(format!("{host:?} cannot stand in a certificate"))
                .with_source(error)
        })?;
        let [any, http1, http2] = &self.0.configs;
        let config = Arc::clone(match protocols {
            Protocols::Any => any,
            Protocols::Http1 => http1,
            Protocols::Http2 => http2,
        });
        let (stream, info) = match &self.0.shape {
            None => self.handshake_unshaped(config, name, io).await?,
            Some(shape) => {
                let connecting = shape.connect(config, name, resume, io, &mut rand::rng());
                let (stream, outcome) = connecting.await?;
                let info = self.info_shaped(stream.get_ref().get_ref().1, &outcome);
                (stream, info)
            }
        };
        if protocols == Protocols::Http2 && info.alpn.as_deref() != Some("h2") {
            return Err(Error::new(ErrorKind::ProtocolNotOffered)
                .with_detail("h2 was asked for and not agreed to")
                .into());
        }
        Ok((stream, info))
    }

    async fn handshake_unshaped<IO>(
        &self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        io: IO,
    ) -> Result<(Stream<IO>, TlsInfo)>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let sent = SentHello::default();
        let io = HelloStream::watching(io, sent.clone());
        let stream = TlsConnector::from(config)
            .connect(name, io)
            .await
            .map_err(Error::from_handshake)?;
        let info = TlsInfo::of(
            stream.get_ref().1,
            sent.hello().map(|hello| self.fingerprint(hello)),
        );
        Ok((RecordLimited::unlimited(stream), info))
    }

    fn info_shaped(&self, connection: &ClientConnection, outcome: &Outcome) -> TlsInfo {
        let fingerprint = outcome.hello.as_ref().map(|hello| self.fingerprint(hello));
        let mut info = TlsInfo::of(connection, fingerprint);
        if let Some(group) = outcome.group() {
            info.group = Some(format!("{:?}", NamedGroup::from(group)).into());
        }
        info
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
            || (self.0.trust == other.0.trust
                && self.0.identity == other.0.identity
                && self.0.shape == other.0.shape)
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

/// A connection that TLS protects.
pub(super) type Stream<IO> = RecordLimited<TlsStream<HelloStream<IO>>>;

/// A handshake that failed.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// Whether the server would take a hello that resumes nothing.
    pub(super) retry_without_session: bool,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self {
            error,
            retry_without_session: false,
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let error = match failure.fault {
            None => Error::from_handshake(failure.error),
            Some(fault @ Fault::Hello(_)) => {
                Error::new(ErrorKind::InvalidConfiguration).with_detail(fault.to_string())
            }
            Some(fault) => Error::from_handshake(failure.error).with_detail(fault.to_string()),
        };
        Self {
            error,
            retry_without_session: failure.retry_without_session,
        }
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
