//! Certificates, clients and a site that the tests share.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::registry::Entry;
use crate::server::{BoxError, Handler, ServerTls};

pub(super) const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
pub(super) const NAME: &str = "server.test";
/// Far more than anything here takes, also on a loaded machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

type Body = BoxBody<Bytes, BoxError>;

/// A certificate authority, whose certificates last for the test.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `name` and its key, both PEM.
    pub(super) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(super) fn server_tls(&self) -> ServerTls {
        let (chain, key) = self.issue(NAME);
        ServerTls::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    /// A client that trusts this authority.
    pub(super) fn client(&self, alpn: &[&str], identity: Option<(String, String)>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder
                    .with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key)
                    .unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

pub(super) async fn tcp(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

pub(super) async fn tls(
    address: SocketAddr,
    connector: &TlsConnector,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(NAME).unwrap();
    connector.connect(name, tcp(address).await).await
}

/// One connection of hyper's client; dropping it drops the socket.
pub(super) struct Client {
    sender: Sender,
    driver: JoinSet<Result<(), hyper::Error>>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(super) async fn http1(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self {
            sender: Sender::Http1(sender),
            driver,
        }
    }

    pub(super) async fn http2(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(io));
        let (sender, connection) = handshake.await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        Self {
            sender: Sender::Http2(sender),
            driver,
        }
    }

    pub(super) async fn ask(
        &mut self,
        path: &str,
        body: &str,
    ) -> Result<(StatusCode, String), hyper::Error> {
        let (head, body) = self.begin(path, body).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok((head.status, String::from_utf8(body.to_vec()).unwrap()))
    }

    /// Sends a request; the response without its body.
    pub(super) async fn begin(
        &mut self,
        path: &str,
        body: &str,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let body = Full::new(Bytes::from(body.to_owned()));
        match &mut self.sender {
            Sender::Http1(sender) => {
                let request = Request::post(path).header("host", NAME);
                sender.send_request(request.body(body).unwrap()).await
            }
            Sender::Http2(sender) => {
                let request = Request::post(format!("https://{NAME}{path}"));
                sender.send_request(request.body(body).unwrap()).await
            }
        }
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(mut self) -> Result<(), hyper::Error> {
        let ended = timeout(PATIENCE, self.driver.join_next()).await;
        ended
            .expect("the connection is still there")
            .unwrap()
            .unwrap()
    }
}

/// What `/held` waits for.
#[derive(Clone)]
pub(super) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(super) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(super) fn open(&self) {
        self.0.add_permits(1_000);
    }
}

/// `/echo` gives the request's body back, `/held` answers when the gate opens, `/endless` begins a
/// body and does not end it, `/panic` panics, and everything else is greeted.
pub(super) fn site(gate: &Gate) -> impl Handler {
    let gate = gate.clone();
    move |request: Request<Incoming>, _connection: Arc<Entry>| {
        let gate = gate.clone();
        async move {
            match request.uri().path() {
                "/echo" => Response::new(request.into_body().map_err(Into::into).boxed()),
                "/held" => {
                    let _permit = gate.0.acquire().await.unwrap();
                    text("held")
                }
                "/endless" => Response::new(Endless { begun: false }.boxed()),
                "/failing" => Response::new(Failing.boxed()),
                "/panic" => panic!("as asked"),
                "/empty" => Response::new(Empty::new().map_err(|never| match never {}).boxed()),
                _ => text("hello"),
            }
        }
    }
}

fn text(text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    Response::new(body.map_err(|never| match never {}).boxed())
}

struct Endless {
    begun: bool,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        if std::mem::replace(&mut self.begun, true) {
            return std::task::Poll::Pending;
        }
        let frame = http_body::Frame::data(Bytes::from_static(b"once upon a time"));
        std::task::Poll::Ready(Some(Ok(frame)))
    }
}

struct Failing;

impl http_body::Body for Failing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        std::task::Poll::Ready(Some(Err("as asked".into())))
    }
}

/// Waits until `condition` holds.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            // A condition without an event of its own is looked at again.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    if timeout(PATIENCE, holds).await.is_err() {
        panic!("not in time: {what}");
    }
}
