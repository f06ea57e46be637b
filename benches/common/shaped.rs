//! A browser's requests three ways: by h2 alone, over a pool without a profile, and with the profile.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use hotpool::{Body, Host, Pool, Trust};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty, Full};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::Server;

/// What a browser's first request has, and its windows, for the ways that know no profile.
pub struct Browser {
    pub profile: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
    pub stream_window: u32,
    pub connection_window: u32,
}

pub const BROWSERS: [Browser; 2] = [
    Browser {
        profile: "chromium-156",
        headers: &[
            (
                "sec-ch-ua",
                "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"",
            ),
            ("sec-ch-ua-mobile", "?0"),
            ("sec-ch-ua-platform", "\"Linux\""),
            ("upgrade-insecure-requests", "1"),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            ),
            (
                "accept",
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
            ),
            ("sec-fetch-site", "none"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-user", "?1"),
            ("sec-fetch-dest", "document"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("accept-language", "en-US,en;q=0.9"),
            ("priority", "u=0, i"),
        ],
        stream_window: 6_291_456,
        connection_window: 15_728_640,
    },
    Browser {
        profile: "firefox-esr-153",
        headers: &[
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
            ),
            (
                "accept",
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            ),
            ("accept-language", "en-US,en;q=0.9"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("upgrade-insecure-requests", "1"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "none"),
            ("sec-fetch-user", "?1"),
            ("priority", "u=0, i"),
            ("te", "trailers"),
        ],
        stream_window: 12_582_912,
        connection_window: 12_582_912,
    },
];

/// One of the three.
#[derive(Clone)]
pub enum Way {
    Raw(SendRequest<Bytes>, HeaderMap),
    Pool(Host, HeaderMap),
    Profile(Host),
}

pub const NAMES: [&str; 3] = ["raw h2", "no profile", "profile"];

/// The three, each with a connection of its own.
pub async fn ways(server: &Server, browser: &Browser, drivers: &mut JoinSet<()>) -> [Way; 3] {
    let headers: HeaderMap = browser
        .headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let host = async |profile: &str| {
        let trust = Trust::only(server.certificate_pem.as_bytes()).unwrap();
        let pool = Pool::builder()
            .trust(trust)
            .profile(profile)
            .build()
            .unwrap();
        let target = format!("localhost:{}", server.address.port());
        assert!(pool.preheat([&target]).await.is_complete());
        pool.host(&target).unwrap()
    };
    [
        Way::Raw(raw_h2(server, browser, drivers).await, headers.clone()),
        Way::Pool(host("rustls").await, headers),
        Way::Profile(host(browser.profile).await),
    ]
}

impl Way {
    /// A GET; how many bytes came.
    pub async fn get(&self, path: &'static str) -> usize {
        match self {
            Self::Raw(sender, headers) => {
                let mut sender = sender.clone().ready().await.unwrap();
                let mut request = Request::get(format!("https://localhost{path}"))
                    .body(())
                    .unwrap();
                *request.headers_mut() = headers.clone();
                let (response, _) = sender.send_request(request, true).unwrap();
                read(response.await.unwrap().into_body()).await
            }
            Self::Pool(host, headers) => {
                let mut request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
                *request.headers_mut() = headers.clone();
                let response = host.get().await.unwrap().send(request).await.unwrap();
                drain(response.into_body()).await
            }
            Self::Profile(host) => {
                let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
                let response = host.get().await.unwrap().send(request).await.unwrap();
                drain(response.into_body()).await
            }
        }
    }

    /// A POST of this.
    pub async fn post(&self, content: Bytes) {
        let request = |content| Request::post("/").body(Full::new(content)).unwrap();
        match self {
            Self::Raw(sender, headers) => {
                let mut sender = sender.clone().ready().await.unwrap();
                let mut request = Request::post("https://localhost/").body(()).unwrap();
                *request.headers_mut() = headers.clone();
                let (response, mut stream) = sender.send_request(request, false).unwrap();
                let mut content = content;
                while !content.is_empty() {
                    stream.reserve_capacity(content.len());
                    let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
                    let room = room.unwrap().unwrap().min(content.len());
                    stream
                        .send_data(content.split_to(room), content.is_empty())
                        .unwrap();
                }
                read(response.await.unwrap().into_body()).await;
            }
            Self::Pool(host, headers) => {
                let mut request = request(content);
                *request.headers_mut() = headers.clone();
                let response = host.get().await.unwrap().send(request).await.unwrap();
                drain(response.into_body()).await;
            }
            Self::Profile(host) => {
                let connection = host.get().await.unwrap();
                let response = connection.send(request(content)).await.unwrap();
                drain(response.into_body()).await;
            }
        }
    }
}

async fn drain(mut body: Body) -> usize {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    length
}

async fn read(mut body: h2::RecvStream) -> usize {
    let mut length = 0;
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        length += data.len();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    length
}

/// With the suite and the windows of the browser's connection.
async fn raw_h2(
    server: &Server,
    browser: &Browser,
    drivers: &mut JoinSet<()>,
) -> SendRequest<Bytes> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, socket).await.unwrap();
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(browser.stream_window)
        .initial_connection_window_size(browser.connection_window)
        .enable_push(false)
        .handshake(stream)
        .await
        .unwrap();
    drivers.spawn(async move { connection.await.unwrap() });
    sender
}
