//! What a host speaks, as its HTTPS records say before the first handshake: true, and not true.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::Ipv4Addr;
use std::sync::Arc;

use common::certificates::Authority;
use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::name_server::{A, HTTPS, NameServer, Reply};
use common::peer::Peer;
use common::request::{fetch, trusting};
use common::wait::PATIENCE;
use futures_util::future::try_join_all;
use hotpool::config::Settings;
use hotpool::registry::Protocol;
use hotpool::{Pool, Protocols};
use rustls::ServerConfig;
use tokio::sync::Barrier;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

const HOST: &str = "cold.test";

/// Two callers for each dial that a host may have under way, and many more.
const CALLERS: usize = 100;

/// `max_connections_per_host` and `max_dials_per_host` in these tests.
const CONNECTIONS: usize = 5;

fn server(authority: &Authority, protocols: &[&str]) -> Arc<ServerConfig> {
    authority.issue(&[HOST]).server_config(protocols)
}

/// The host is on loopback and its record names these protocols.
async fn zone(announced: &'static [&'static str]) -> NameServer {
    NameServer::start(move |_, kind| match kind {
        A => Reply::addresses([Ipv4Addr::LOCALHOST.into()]),
        HTTPS if announced.is_empty() => Reply::Nothing(60),
        HTTPS => Reply::speaks(announced),
        _ => Reply::Nothing(60),
    })
    .await
}

fn pool(authority: &Authority, zone: &NameServer, dials: usize) -> Pool {
    let settings = Settings {
        max_connections_per_host: Some(CONNECTIONS),
        max_dials_per_host: Some(dials),
        ..Settings::default()
    };
    trusting(authority)
        .settings(settings)
        .resolver(zone.resolver())
        .build()
        .unwrap()
}

async fn a_hundred(pool: &Pool, target: &str) {
    let all = try_join_all((0..CALLERS).map(|_| fetch(pool, target)));
    timeout(PATIENCE, all).await.unwrap().unwrap();
}

/// No handshake ends before as many connections have come as may: without the record there would be one.
#[tokio::test]
async fn a_hundred_cold_callers_of_an_http1_host_are_not_held_up_by_its_first_handshake() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(server(&authority, &["http/1.1"]));
    let all_there = Arc::new(Barrier::new(CONNECTIONS));
    let peer = Peer::tcp(move |_, socket| {
        let (acceptor, all_there) = (acceptor.clone(), Arc::clone(&all_there));
        async move {
            all_there.wait().await;
            http1::serve(acceptor.accept(socket).await.unwrap()).await;
        }
    })
    .await;
    let zone = zone(&["http/1.1"]).await;
    let pool = pool(&authority, &zone, CONNECTIONS);
    a_hundred(&pool, &format!("{HOST}:{}", peer.port())).await;
    assert_eq!(peer.accepted(), CONNECTIONS);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_hundred_cold_callers_of_an_http2_host_cause_one_dial() {
    let authority = Authority::new();
    let peer = Peer::tls(server(&authority, &["h2"]), |_, stream| async {
        Http2::accept(stream, &[]).await.unwrap().serve().await;
    })
    .await;
    let zone = zone(&["h2", "http/1.1"]).await;
    let pool = pool(&authority, &zone, CONNECTIONS);
    a_hundred(&pool, &format!("{HOST}:{}", peer.port())).await;
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}

/// The record says HTTP/1.1 and the server speaks HTTP/2: what has begun is finished, the rest is not begun.
#[tokio::test]
async fn a_record_that_hides_http2_costs_the_dials_that_have_begun() {
    let authority = Authority::new();
    let peer = Peer::tls(server(&authority, &["h2"]), |_, stream| async {
        Http2::accept(stream, &[]).await.unwrap().serve().await;
    })
    .await;
    let zone = zone(&["http/1.1"]).await;
    let dials = 2;
    let pool = pool(&authority, &zone, dials);
    let target = format!("{HOST}:{}", peer.port());
    a_hundred(&pool, &target).await;
    assert!(peer.accepted() <= dials, "{} dials", peer.accepted());
    let host = &pool.snapshot().hosts[0];
    assert_eq!(host.protocol, Some(Protocol::Http2), "as the server chose");
    quiet(&pool).await;
}

/// The record says HTTP/2 and the server speaks HTTP/1.1.
#[tokio::test]
async fn a_record_that_promises_http2_in_vain_is_forgotten_with_the_first_handshake() {
    let authority = Authority::new();
    let peer = Peer::tls(server(&authority, &["http/1.1"]), |_, stream| {
        http1::serve(stream)
    })
    .await;
    let zone = zone(&["h2"]).await;
    let pool = pool(&authority, &zone, CONNECTIONS);
    a_hundred(&pool, &format!("{HOST}:{}", peer.port())).await;
    assert_eq!(peer.accepted(), CONNECTIONS);
    let host = &pool.snapshot().hosts[0];
    assert_eq!(host.protocol, Some(Protocol::Http1), "as the server chose");
    quiet(&pool).await;
}

/// Where the caller leaves the server no choice, there is nothing to be told.
#[tokio::test]
async fn a_record_does_not_change_what_the_caller_insists_on() {
    let authority = Authority::new();
    let peer = Peer::tls(server(&authority, &["h2"]), |_, stream| async {
        Http2::accept(stream, &[]).await.unwrap().serve().await;
    })
    .await;
    let zone = zone(&["http/1.1"]).await;
    let pool = trusting(&authority)
        .protocols(Protocols::Http2)
        .resolver(zone.resolver())
        .build()
        .unwrap();
    a_hundred(&pool, &format!("{HOST}:{}", peer.port())).await;
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}
