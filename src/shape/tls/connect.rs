//! A TLS client that looks like a profile's.

use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rand::Rng;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, Error, PeerMisbehaved, ProtocolVersion, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{Connect, TlsConnector};

use super::answers::{Answers, record_size_limit};
use super::bundle::bundle;
use super::decompress::decompressor;
use super::fault::Fault;
use super::groups::group;
use super::handshake::{Handshake, Resume};
use super::record_limit::RecordLimited;
use super::scope;
use super::sessions::Sessions;
use super::signing;
use super::stream::HelloStream;
use super::suites::suite;
use super::verify::OfferedAlgorithms;
use super::wire::extension;
use crate::profile::ClientHello;
use crate::profile::template::{Content, HelloTemplate};

/// What rustls needs for connections that look like a profile's.
#[derive(Clone, Debug)]
pub(crate) struct ShapedTls {
    template: Arc<HelloTemplate>,
    provider: Arc<CryptoProvider>,
}

/// Equal templates make equal clients.
impl PartialEq for ShapedTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.template, &other.template) || self.template == other.template
    }
}

impl Eq for ShapedTls {}

/// What the server chose, beyond what rustls tells.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The hello that was sent first.
    pub(crate) hello: Option<ClientHello>,
    /// And after a HelloRetryRequest.
    pub(crate) retry: Option<ClientHello>,
    answers: Answers,
}

/// A handshake that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: io::Error,
    /// Why, where rustls's error does not say it.
    pub(crate) fault: Option<Fault>,
    /// Whether it is worth another connection that resumes no session.
    pub(crate) retry_without_session: bool,
}

impl ShapedTls {
    pub(crate) fn new(template: Arc<HelloTemplate>) -> Self {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: template.suites().filter_map(suite).collect(),
            kx_groups: groups(&template),
            ..aws_lc_rs::default_provider()
        });
        Self { template, provider }
    }

    /// A configuration for the profile: its versions, suites, groups, compression; sessions of its own; no application protocols.
    ///
    /// # Errors
    ///
    /// When rustls has nothing of what the profile offers, or the key does not fit the certificate.
    pub(crate) fn config(
        &self,
        verifier: Arc<dyn ServerCertVerifier>,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<ClientConfig, Error> {
        let verifier = OfferedAlgorithms::new(verifier, Arc::clone(&self.template));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.versions())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let certified = CertifiedKey::from_der(chain, key, &self.provider)?;
                builder.with_client_cert_resolver(Arc::new(signing::identity(certified)))
            }
        };
        config.cert_decompressors = self
            .template
            .numbers(extension::COMPRESS_CERTIFICATE)
            .filter_map(decompressor)
            .collect();
        // No client that is known compresses its own certificate.
        config.cert_compressors = Vec::new();
        config.enable_early_data = self
            .template
            .extension(extension::EARLY_DATA)
            .is_some_and(|early_data| early_data.content == Content::EarlyData);
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// Sessions that connections with this profile resume; `size` tickets.
    pub(crate) fn resumption(&self, size: usize) -> Resumption {
        Resumption::store(Arc::new(Sessions::new(Arc::clone(&self.template), size)))
    }

    /// Those of the protocols that the profile offers.
    pub(crate) fn protocols(&self, wanted: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let offered = self.template.extension(extension::ALPN);
        let offered = match offered.map(|extension| &extension.content) {
            Some(Content::Alpn(names)) => names.as_slice(),
            _ => &[],
        };
        let mut wanted = wanted;
        wanted.retain(|name| offered.iter().any(|other| **other == **name));
        wanted
    }

    /// Shakes hands, with a configuration that [`config`](Self::config) made.
    pub(crate) fn connect<IO>(
        &self,
        config: Arc<ClientConfig>,
        host: ServerName<'static>,
        resume: Resume,
        io: IO,
        rng: &mut impl Rng,
    ) -> Connecting<IO>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let protocols = config.alpn_protocols.clone();
        let template = Arc::clone(&self.template);
        let handshake = Arc::new(Handshake::new(template, &host, protocols, resume, rng));
        let stream = HelloStream::shaping(io, &handshake);
        let connect = {
            let _entered = scope::enter(&handshake);
            TlsConnector::from(config).connect(host, stream)
        };
        Connecting { connect, handshake }
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let listed = self.template.extension(extension::SUPPORTED_VERSIONS);
        [&TLS13, &TLS12]
            .into_iter()
            .filter(|version| match listed {
                Some(_) => self
                    .template
                    .numbers(extension::SUPPORTED_VERSIONS)
                    .any(|number| number == u16::from(version.version)),
                None => version.version == ProtocolVersion::TLSv1_2,
            })
            .collect()
    }
}

/// The bundle of all key shares, and the groups that a server may ask for by a HelloRetryRequest or use in TLS 1.2.
fn groups(template: &HelloTemplate) -> Vec<&'static dyn SupportedKxGroup> {
    let shares: Vec<u16> = template.numbers(extension::KEY_SHARE).collect();
    let has_shares = template.extension(extension::KEY_SHARE).is_some();
    has_shares
        .then(|| bundle(shares, template.hybrid_key))
        .into_iter()
        .chain(
            template
                .numbers(extension::SUPPORTED_GROUPS)
                .filter_map(group),
        )
        .collect()
}

/// A handshake under way. It is known to rustls's cryptography only while this is polled.
#[must_use]
pub(crate) struct Connecting<IO> {
    connect: Connect<HelloStream<IO>>,
    handshake: Arc<Handshake>,
}

/// A connection, and what came of its handshake.
pub(crate) type Connected<IO> = (RecordLimited<TlsStream<HelloStream<IO>>>, Outcome);

impl<IO: AsyncRead + AsyncWrite + Unpin> Future for Connecting<IO> {
    type Output = Result<Connected<IO>, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let outcome = {
            let _entered = scope::enter(&this.handshake);
            ready!(Pin::new(&mut this.connect).poll(cx))
        };
        let mut stream = match outcome {
            Ok(stream) => stream,
            Err(error) => return Poll::Ready(Err(this.handshake.failure(error))),
        };
        let (hello_stream, connection) = stream.get_mut();
        hello_stream.finish();
        let is_tls13 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let outcome = this.handshake.outcome();
        let limit = outcome
            .record_size_limit()
            .and_then(|limit| content_limit(limit, is_tls13));
        Poll::Ready(Ok((RecordLimited::new(stream, limit), outcome)))
    }
}

/// In TLS 1.3 the type of the content counts (RFC 8449 section 4).
fn content_limit(limit: u16, is_tls13: bool) -> Option<NonZeroUsize> {
    NonZeroUsize::new(usize::from(limit).saturating_sub(usize::from(is_tls13)))
}

impl Handshake {
    fn outcome(&self) -> Outcome {
        let mut state = self.state.lock();
        Outcome {
            hello: state.first.take(),
            retry: state.second.take(),
            answers: std::mem::take(&mut state.answers),
        }
    }

    fn failure(&self, error: io::Error) -> Failure {
        let fault = self.fault();
        let is_too_old = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>())
            .is_some_and(|error| {
                *error == PeerMisbehaved::OfferedEarlyDataWithOldProtocolVersion.into()
            });
        Failure {
            error,
            // A ticket may make a hello too long for its record.
            retry_without_session: self.resume == Resume::IfPossible
                && (is_too_old || matches!(fault, Some(Fault::Downgraded | Fault::Hello(_)))),
            fault,
        }
    }
}

impl Outcome {
    /// The group that keys were exchanged in, by its number; in TLS 1.2 rustls knows it.
    pub(crate) fn group(&self) -> Option<u16> {
        self.answers.group
    }

    /// The server's application settings, if it took them up.
    pub(crate) fn application_settings(&self) -> Option<&[u8]> {
        self.answers
            .settings
            .and_then(|codepoint| self.answers.extension(codepoint))
    }

    /// The server's SignedCertificateTimestampList (RFC 6962 section 3.3).
    pub(crate) fn certificate_timestamps(&self) -> Option<&[u8]> {
        self.extension(extension::SIGNED_CERTIFICATE_TIMESTAMP)
    }

    /// The ECHConfigList to retry with (RFC 9849 section 5).
    pub(crate) fn ech_retry_configs(&self) -> Option<&[u8]> {
        self.extension(extension::ENCRYPTED_CLIENT_HELLO)
    }

    /// The largest record that the server wants (RFC 8449).
    pub(crate) fn record_size_limit(&self) -> Option<u16> {
        self.extension(extension::RECORD_SIZE_LIMIT)
            .and_then(record_size_limit)
    }

    /// What the server answered to any extension that rustls does not know.
    pub(crate) fn extension(&self, id: u16) -> Option<&[u8]> {
        self.answers.extension(id)
    }
}
