//! Certificates, clients, and a stream that keeps what the client sends and cuts up what it gets.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::profile::ClientHello;
use crate::profile::template::HelloTemplate;
use crate::shape::tls::{Connected, Failure, Resume, ShapedTls};

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) chain_pem: String,
    pub(super) key_pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for self-signed whose issuer has its name.
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// With a chain of at least so many bytes, of which all but the first certificate are nobody's.
    pub(super) fn issue_long(&self, length: usize) -> Identity {
        let mut identity = self.issue(|_| {});
        while identity
            .chain
            .iter()
            .map(|entry| entry.len())
            .sum::<usize>()
            < length
        {
            let names = (0..40).map(|number| format!("a-rather-long-name-{number}.example"));
            let other = Self::new().issue(|params| {
                params.subject_alt_names = names
                    .map(|name| rcgen::SanType::DnsName(name.try_into().unwrap()))
                    .collect();
            });
            identity.chain.extend(other.chain);
        }
        identity
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }
}

impl Identity {
    pub(super) fn server(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(versions)
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(self.chain.clone(), self.key.clone_key())
                .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// What takes this long hangs.
const LONG: Duration = Duration::from_secs(30);

/// A client with a profile.
pub(super) struct Client {
    tls: ShapedTls,
    config: Arc<ClientConfig>,
}

impl Client {
    pub(super) fn new(template: HelloTemplate, authority: &Authority) -> Self {
        Self::with_identity(template, authority, None)
    }

    pub(super) fn with_identity(
        template: HelloTemplate,
        authority: &Authority,
        identity: Option<Identity>,
    ) -> Self {
        let tls = ShapedTls::new(Arc::new(template));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(authority.roots(), provider)
            .build()
            .unwrap();
        let identity = identity.map(|identity| (identity.chain, identity.key));
        let mut config = tls.config(verifier, identity).unwrap();
        config.resumption = tls.resumption(64);
        config.alpn_protocols = tls.protocols(vec![b"h2".to_vec(), b"http/1.1".to_vec()]);
        Self {
            tls,
            config: Arc::new(config),
        }
    }

    pub(super) async fn connect<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
        seed: u64,
    ) -> Result<Connected<IO>, Failure> {
        self.connect_resuming(io, seed, Resume::IfPossible).await
    }

    pub(super) async fn connect_resuming<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
        seed: u64,
        resume: Resume,
    ) -> Result<Connected<IO>, Failure> {
        let name = "localhost".try_into().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let config = Arc::clone(&self.config);
        let connecting = self.tls.connect(config, name, resume, io, &mut rng);
        timeout(LONG, connecting).await.unwrap()
    }
}

/// What a client wrote.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(super) fn hello(&self) -> ClientHello {
        ClientHello::from_records(&self.0.lock()).unwrap()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().clone()
    }
}

/// How what arrives is cut up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Cut {
    /// Bytes a read.
    pub(super) read: Option<usize>,
    /// Bytes of content a plaintext handshake record.
    pub(super) record: Option<usize>,
}

type Exchange = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

/// Keeps what is written, cuts what is read.
pub(super) struct Probe<IO> {
    io: IO,
    cut: Cut,
    written: Written,
    raw: Vec<u8>,
    ready: Vec<u8>,
    is_sealed: bool,
    exchange: Option<Exchange>,
    end_after: Option<usize>,
}

impl<IO> Probe<IO> {
    pub(super) fn new(io: IO, cut: Cut) -> (Self, Written) {
        let written = Written::default();
        let probe = Self {
            io,
            cut,
            written: written.clone(),
            raw: Vec::new(),
            ready: Vec::new(),
            is_sealed: false,
            exchange: None,
            end_after: None,
        };
        (probe, written)
    }

    /// Exchanges the first message that arrives, which is in a record of its own.
    pub(super) fn exchange_hello(&mut self, exchange: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) {
        self.exchange = Some(Box::new(exchange));
        self.cut.record.get_or_insert(1 << 14);
    }

    /// Ends after so many bytes.
    pub(super) fn end_after(&mut self, length: usize) {
        self.end_after = Some(length);
    }

    fn recut(&mut self) {
        let Some(limit) = self.cut.record else {
            self.ready.append(&mut self.raw);
            return;
        };
        while self.raw.len() >= 5 {
            let length = usize::from(u16::from_be_bytes([self.raw[3], self.raw[4]]));
            if self.raw.len() < 5 + length {
                return;
            }
            let record: Vec<u8> = self.raw.drain(..5 + length).collect();
            self.is_sealed |= record[0] != 22;
            if self.is_sealed {
                self.ready.extend(record);
                continue;
            }
            let content = match self.exchange.take() {
                Some(exchange) => exchange(&record[5..]),
                None => record[5..].to_vec(),
            };
            for part in content.chunks(limit) {
                self.ready.extend([22, 3, 3]);
                self.ready
                    .extend(u16::try_from(part.len()).unwrap().to_be_bytes());
                self.ready.extend(part);
            }
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Probe<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end_after == Some(0) {
            return Poll::Ready(Ok(()));
        }
        while self.ready.is_empty() {
            let mut chunk = [0; 16384];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.raw.extend(chunk.filled());
            self.recut();
        }
        let limit = self.cut.read.unwrap_or(usize::MAX);
        let mut length = buffer.remaining().min(self.ready.len()).min(limit);
        if let Some(left) = &mut self.end_after {
            length = length.min(*left);
            *left -= length;
        }
        buffer.put_slice(&self.ready.drain(..length).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Probe<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = self.cut.read.unwrap_or(usize::MAX).min(bytes.len());
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, &bytes[..length]))?;
        self.written.0.lock().extend(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A pipe to a server that answers everything with itself.
pub(super) fn serve(config: Arc<ServerConfig>) -> DuplexStream {
    serve_telling(config).0
}

/// The same, and why the handshake failed on the server's side.
pub(super) fn serve_telling(
    config: Arc<ServerConfig>,
) -> (DuplexStream, oneshot::Receiver<rustls::Error>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (tell, told) = oneshot::channel();
    #[allow(clippy::disallowed_methods, reason = "it ends with the pipe")]
    tokio::task::spawn(async move {
        let mut stream = match TlsAcceptor::from(config).accept(far).await {
            Ok(stream) => stream,
            Err(error) => {
                let inner = error.into_inner().and_then(|inner| inner.downcast().ok());
                if let Some(error) = inner {
                    let _ = tell.send(*error);
                }
                return;
            }
        };
        let mut buffer = vec![0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..length]).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    });
    (near, told)
}

/// Sends and gets it back, which also reads the tickets that come first.
pub(super) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let sent: Vec<u8> = (0..50_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let mut got = vec![0; sent.len()];
    for (sent, got) in sent.chunks(10_000).zip(got.chunks_mut(10_000)) {
        stream.write_all(sent).await.unwrap();
        stream.flush().await.unwrap();
        timeout(LONG, stream.read_exact(got))
            .await
            .unwrap()
            .unwrap();
    }
    assert_eq!(got, sent);
}
