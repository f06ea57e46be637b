//! Requests per second over one HTTP/2 and TLS connection, beside raw h2 in the same run. `cargo bench --bench requests`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a benchmark measures real time, prints, and fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::{Server, Times, median, turn};
use h2::client::SendRequest;
use hotpool::{Host, Pool, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// One way's turn; the ways take turns, so that a slow moment of the machine meets all of them.
const TURN: Duration = Duration::from_millis(700);
const TURNS: usize = 9;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut drivers = JoinSet::new();
        let raw = raw_h2(&server, &mut drivers).await;
        let trust = Trust::only(server.certificate_pem.as_bytes()).unwrap();
        let pool = Pool::builder().trust(trust).build().unwrap();
        let target = format!("localhost:{}", server.address.port());
        let report = pool.preheat([&target]).await;
        assert!(report.is_complete(), "{report:?}");
        let host = pool.host(&target).unwrap();
        for in_flight in [1, 64] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            let (mut our_times, mut their_times) = (Times::new(), Times::new());
            for _ in 0..TURNS {
                theirs.push(
                    turn(TURN, in_flight, &mut their_times, || {
                        raw_request(raw.clone())
                    })
                    .await,
                );
                ours.push(
                    turn(TURN, in_flight, &mut our_times, || {
                        pool_request(host.clone())
                    })
                    .await,
                );
            }
            let ratios = ours
                .iter()
                .zip(&theirs)
                .map(|(ours, theirs)| ours / theirs)
                .collect();
            println!("{in_flight} in flight, {TURNS} turns of {TURN:?}, medians");
            println!(
                "  raw h2   {:>8.0} requests/s   p50 {:>7} ns   p99 {:>7} ns",
                median(theirs),
                their_times.median(),
                their_times.p99()
            );
            println!(
                "  hotpool  {:>8.0} requests/s   p50 {:>7} ns   p99 {:>7} ns",
                median(ours),
                our_times.median(),
                our_times.p99()
            );
            println!("  ratio    {:.3}", median(ratios));
        }
        assert_eq!(pool.stats().connections, 1);
    });
}

async fn pool_request(host: Host) {
    let connection = host.get().await.unwrap();
    let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = connection.send(request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

async fn raw_request(sender: SendRequest<Bytes>) {
    let mut sender = sender.ready().await.unwrap();
    let request = Request::get("https://localhost/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let mut body = response.await.unwrap().into_body();
    while let Some(data) = body.data().await {
        data.unwrap();
    }
}

/// An h2 connection with the windows that the pool's have.
async fn raw_h2(server: &Server, drivers: &mut JoinSet<()>) -> SendRequest<Bytes> {
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .unwrap();
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(2 * 1024 * 1024)
        .initial_connection_window_size(5 * 1024 * 1024)
        .enable_push(false)
        .handshake(stream)
        .await
        .unwrap();
    drivers.spawn(async move { connection.await.unwrap() });
    sender
}
