//! The clients, each as its documentation says to set it up, with a GET that is read to its end.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use hotpool::{Pool, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::common::Server;

/// Makes one request.
pub type Client = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

pub const NAMES: [&str; 6] = [
    "raw h2",
    "hotpool",
    "hotpool, Chromium",
    "hyper-util legacy",
    "reqwest",
    "wreq",
];

/// In the order of [`NAMES`]; only the first has a connection already.
pub async fn clients(server: &Server) -> [Client; 6] {
    let url = format!("https://localhost:{}/", server.address.port());
    [
        raw(server).await,
        pool(server, "rustls"),
        pool(server, "chromium-156"),
        legacy(server, &url),
        reqwest(server, url.clone()),
        wreq(server, url),
    ]
}

/// An h2 connection with the windows that the pool's have.
async fn raw(server: &Server) -> Client {
    let mut config = tls(server);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, socket).await.unwrap();
    let (sender, connection): (SendRequest<Bytes>, _) = h2::client::Builder::new()
        .initial_window_size(2 * 1024 * 1024)
        .initial_connection_window_size(5 * 1024 * 1024)
        .enable_push(false)
        .handshake(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    Box::new(move || {
        let sender = sender.clone();
        Box::pin(async move {
            let mut sender = sender.ready().await.unwrap();
            let request = Request::get("https://localhost/").body(()).unwrap();
            let (response, _) = sender.send_request(request, true).unwrap();
            let mut body = response.await.unwrap().into_body();
            while let Some(data) = body.data().await {
                data.unwrap();
            }
        })
    })
}

fn pool(server: &Server, profile: &str) -> Client {
    let pool = Pool::builder()
        .trust(Trust::only(server.certificate_pem.as_bytes()).unwrap())
        .profile(profile)
        .build()
        .unwrap();
    let target = format!("localhost:{}", server.address.port());
    let host = pool.host(&target).unwrap();
    Box::new(move || {
        let host = host.clone();
        Box::pin(async move {
            let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
            let connection = host.get().await.unwrap();
            let response = connection.send(request).await.unwrap();
            response.into_body().collect().await.unwrap();
        })
    })
}

fn legacy(server: &Server, url: &str) -> Client {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(server))
        .https_only()
        .enable_all_versions()
        .build();
    let client = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build::<_, Empty<Bytes>>(connector);
    let uri: http::Uri = url.parse().unwrap();
    Box::new(move || {
        let answer = client.get(uri.clone());
        Box::pin(async move {
            answer.await.unwrap().into_body().collect().await.unwrap();
        })
    })
}

fn reqwest(server: &Server, url: String) -> Client {
    let authority = reqwest::Certificate::from_pem(server.certificate_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()
        .unwrap();
    Box::new(move || {
        let answer = client.get(&url).send();
        Box::pin(async move {
            answer.await.unwrap().bytes().await.unwrap();
        })
    })
}

fn wreq(server: &Server, url: String) -> Client {
    let store = wreq::tls::trust::CertStore::from_pem_certs([server.certificate_pem.as_bytes()]);
    let client = wreq::Client::builder()
        .tls_cert_store(store.unwrap())
        .no_proxy()
        .build()
        .unwrap();
    Box::new(move || {
        let answer = client.get(&url).send();
        Box::pin(async move {
            answer.await.unwrap().bytes().await.unwrap();
        })
    })
}

fn tls(server: &Server) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
