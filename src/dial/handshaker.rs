//! TLS handshakes that look like one profile's.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, NamedGroup};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls_info::{TlsAnswers, TlsFingerprint, TlsInfo};
use super::trust::{ClientIdentity, Trust, invalid};
use crate::config::Protocols;
use crate::error::{Error, ErrorKind, Result};
use crate::profile::{ClientHello, Profile};
use crate::shape::tls::{
    Failure, Fault, HelloStream, Outcome, RecordLimited, Resume, SentHello, SessionCache, ShapedTls,
};

/// A verification policy, a client identity and a profile: what connections have in common that may resume each other's sessions.
pub(super) struct Handshaker {
    profile: Profile,
    /// `None`: rustls's own hello.
    shape: Option<ShapedTls>,
    configs: [Arc<ClientConfig>; Protocols::ALL.len()],
    /// The last fingerprint seen: connections of one client mostly share it, and so its memory.
    fingerprint: Mutex<Option<Arc<TlsFingerprint>>>,
}

impl Handshaker {
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when an authority's certificate is unusable, the identity's key does not fit its
    /// certificate, or rustls has nothing of what the profile offers.
    pub(super) fn new(
        trust: &Trust,
        identity: Option<&ClientIdentity>,
        profile: Profile,
        tickets: usize,
    ) -> Result<Self> {
        let shape = profile
            .hello_template()
            .map(|template| ShapedTls::new(Arc::clone(template)));
        let (base, resumption) = match &shape {
            None => (
                unshaped(trust, identity)?,
                Resumption::store(Arc::new(SessionCache::new(tickets))),
            ),
            Some(shape) => (
                shaped(trust, identity, shape, &profile)?,
                shape.resumption(tickets),
            ),
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
        Ok(Self {
            profile,
            shape,
            configs,
            fingerprint: Mutex::new(None),
        })
    }

    /// `resume` matters to a client that has a profile. Afterwards at most `records` bytes wait to be written.
    pub(super) async fn handshake<IO>(
        &self,
        host: &str,
        protocols: Protocols,
        resume: Resume,
        records: usize,
        io: IO,
    ) -> Result<(Stream<IO>, TlsInfo), Refused>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut stream, info) = self.shake_hands(host, protocols, resume, io).await?;
        stream.get_mut().get_mut().1.set_buffer_limit(Some(records));
        Ok((stream, info))
    }

    async fn shake_hands<IO>(
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
        let [any, http1, http2] = &self.configs;
        let config = Arc::clone(match protocols {
            Protocols::Any => any,
            Protocols::Http1 => http1,
            Protocols::Http2 => http2,
        });
        let (stream, info) = match &self.shape {
            None => self.handshake_unshaped(config, name, io).await?,
            Some(shape) => {
                let connecting = shape.connect(config, name, resume, io, &mut rand::rng());
                let (stream, outcome) = connecting.await?;
                let info = self.info(stream.get_ref().get_ref().1, &outcome);
                (stream, info)
            }
        };
        if protocols == Protocols::Http2 && !info.is_http2() {
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
        let fingerprint = sent.hello().map(|hello| self.fingerprint(hello, None));
        let info = TlsInfo::of(stream.get_ref().1, fingerprint);
        Ok((RecordLimited::unlimited(stream), info))
    }

    fn info(&self, connection: &rustls::ClientConnection, outcome: &Outcome) -> TlsInfo {
        let fingerprint = outcome.hello.as_ref();
        let fingerprint = fingerprint.map(|hello| self.fingerprint(hello, outcome.retry.as_ref()));
        let mut info = TlsInfo::of(connection, fingerprint);
        if let Some(group) = outcome.group() {
            info.group = Some(format!("{:?}", NamedGroup::from(group)).into());
        }
        info.answers = TlsAnswers::from(outcome);
        info
    }

    fn fingerprint(&self, hello: &ClientHello, retry: Option<&ClientHello>) -> Arc<TlsFingerprint> {
        self.compare(hello, retry);
        let fresh = TlsFingerprint::of(hello);
        let mut last = self.fingerprint.lock();
        match &*last {
            Some(known) if **known == fresh => Arc::clone(known),
            _ => Arc::clone(last.insert(Arc::new(fresh))),
        }
    }

    /// Warns of what was sent and is not the profile's.
    fn compare(&self, hello: &ClientHello, retry: Option<&ClientHello>) {
        for difference in self.profile.differences(hello, retry) {
            tracing::warn!(profile = &**self.profile.name(), %difference, "the hello sent is not the profile's");
        }
    }
}

impl fmt::Debug for Handshaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshaker")
            .field("profile", self.profile.name())
            .finish_non_exhaustive()
    }
}

fn unshaped(trust: &Trust, identity: Option<&ClientIdentity>) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = trust.verifier(&provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("the TLS versions").with_source(error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain(), identity.key())
            .map_err(|error| invalid("the client's certificate").with_source(error))?,
    };
    // Compiled in for profiles; rustls's own hello does not change because of them.
    config.cert_decompressors = Vec::new();
    config.cert_compressors = Vec::new();
    Ok(config)
}

fn shaped(
    trust: &Trust,
    identity: Option<&ClientIdentity>,
    shape: &ShapedTls,
    profile: &Profile,
) -> Result<ClientConfig> {
    let verifier = trust.verifier(&Arc::new(aws_lc_rs::default_provider()))?;
    let certificate = identity.map(|identity| (identity.chain(), identity.key()));
    shape.config(verifier, certificate).map_err(|error| {
        invalid("the profile, with the client's certificate")
            .with_profile(profile.name())
            .with_source(error)
    })
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span;

    use super::*;

    /// Counts warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    /// A hello of this profile.
    fn sample(name: &str) -> ClientHello {
        let profile = Profile::named(name).unwrap();
        let sampled = profile.sample(&Default::default(), &mut rand::rng());
        sampled.unwrap().capture().unwrap().hello
    }

    #[test]
    fn each_hello_that_is_not_the_profiles_is_warned_of() {
        let chrome = Profile::named("chrome").unwrap();
        let handshaker = Handshaker::new(&Trust::webpki(), None, chrome, 8).unwrap();
        let warnings = Warnings::default();
        tracing::subscriber::with_default(warnings.clone(), || {
            for _ in 0..3 {
                handshaker.fingerprint(&sample("chrome"), None);
            }
            assert_eq!(warnings.0.load(Ordering::Relaxed), 0);
            handshaker.fingerprint(&sample("curl"), None);
            let first = warnings.0.load(Ordering::Relaxed);
            assert!(first > 0);
            handshaker.fingerprint(&sample("curl"), None);
            assert!(warnings.0.load(Ordering::Relaxed) > first);
        });
    }
}
