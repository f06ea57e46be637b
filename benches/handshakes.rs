//! Handshakes per second and bytes per second of connections with a profile, beside stock rustls in the same run.
//! `cargo bench --bench handshakes`
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
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Server, median};
use hotpool::profile::Profile;
use hotpool::{Connection, Pool, TlsClient, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// One way's turn; the ways take turns, so that a slow moment of the machine meets all of them.
const TURN: Duration = Duration::from_millis(300);
const TURNS: usize = 15;

fn main() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let ways = [
            Profile::rustls(),
            own_hello(),
            Profile::named("chrome").unwrap(),
            Profile::named("firefox").unwrap(),
        ];
        for (server, kind) in [(&Server::with_tickets(0), "full"), (&server, "resumed")] {
            println!("{kind} handshakes, with a pool each; {TURNS} turns of {TURN:?}, medians");
            compare(
                &ways,
                async |profile| handshakes(server, profile).await,
                "handshakes/s",
            )
            .await;
        }
        println!(
            "reading {} KiB an answer on one connection",
            common::LARGE / 1024
        );
        compare(
            &ways,
            async |profile| throughput(&server, profile).await,
            "MB/s",
        )
        .await;
    });
}

/// What each way does in its turns, and the ratio to the first one's in the same round.
async fn compare(ways: &[Profile], turn: impl AsyncFn(&Profile) -> f64, unit: &str) {
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for _ in 0..TURNS {
        for (rates, profile) in rates.iter_mut().zip(ways) {
            rates.push(turn(profile).await);
        }
    }
    for (way, profile) in rates.iter().zip(ways) {
        let ratios = way
            .iter()
            .zip(&rates[0])
            .map(|(this, first)| this / first)
            .collect();
        println!(
            "  {:<16} {:>7.0} {unit}   ratio {:.3}",
            profile.name(),
            median(way.clone()),
            median(ratios)
        );
    }
}

fn tls(server: &Server) -> TlsClient {
    TlsClient::new(
        Trust::only(server.certificate_pem.as_bytes()).unwrap(),
        None,
    )
    .unwrap()
}

async fn connect(server: &Server, tls: &TlsClient, profile: &Profile) -> (Pool, Connection) {
    let pool = Pool::builder()
        .tls(tls.clone())
        .profile(profile.clone())
        .build()
        .unwrap();
    let connection = pool
        .get(&format!("localhost:{}", server.address.port()))
        .await
        .unwrap();
    (pool, connection)
}

async fn handshakes(server: &Server, profile: &Profile) -> f64 {
    let tls = tls(server);
    // The first has no session to resume, and its hello is compared with the profile.
    let _first = connect(server, &tls, profile).await;
    let (began, mut done) = (Instant::now(), 0u32);
    while began.elapsed() < TURN {
        let _connected = connect(server, &tls, profile).await;
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

async fn throughput(server: &Server, profile: &Profile) -> f64 {
    let (_pool, connection) = connect(server, &tls(server), profile).await;
    let (began, mut bytes) = (Instant::now(), 0usize);
    while began.elapsed() < TURN {
        let request = Request::get("/large").body(Empty::<Bytes>::new()).unwrap();
        let body = connection.send(request).await.unwrap().into_body();
        bytes += body.collect().await.unwrap().to_bytes().len();
    }
    bytes as f64 / began.elapsed().as_secs_f64() / 1e6
}

/// Stock rustls's own hello as a profile: the same keys are made for it, so that only the shaping is different.
fn own_hello() -> Profile {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "localhost".try_into().unwrap();
    let mut hello = Vec::new();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    connection.write_tls(&mut hello).unwrap();
    Profile::from_client_hello(&hello).unwrap()
}
