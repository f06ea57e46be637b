//! Hosts that share an HTTP/2 connection, and those that must not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::quiet;
use common::peer::Peer;
use common::request::{get, post, trusting};
use common::wait::until;
use hotpool::pool::PoolBuilder;
use hotpool::resolve::{Overrides, Resolver};
use hotpool::{Connection, Target};
use http_body_util::BodyExt;
use parking_lot::Mutex;

const A: &str = "a.test";
const B: &str = "b.test";
const C: &str = "other.example";

/// Requests as the server saw them: connection, authority.
type Seen = Arc<Mutex<Vec<(usize, String)>>>;

/// Answers with the authority that was asked for; on the first connection, 421 for `misdirected`.
async fn server(authority: &Authority, misdirected: Option<&'static str>) -> (Peer, Seen) {
    server_at(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        authority,
        misdirected,
    )
    .await
}

async fn server_at(
    address: SocketAddr,
    authority: &Authority,
    misdirected: Option<&'static str>,
) -> (Peer, Seen) {
    let seen = Seen::default();
    let store = Arc::clone(&seen);
    let config = authority.issue(&[A, B]).server_config(&["h2"]);
    let peer = Peer::tls_at(address, config, move |number, stream| {
        let seen = Arc::clone(&store);
        async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let host = request.uri().host().unwrap().to_owned();
                seen.lock().push((number, host.clone()));
                let status = match misdirected {
                    Some(misdirected) if misdirected == host && number == 0 => 421,
                    _ => 200,
                };
                let response = http::Response::builder().status(status).body(()).unwrap();
                let mut body = respond.send_response(response, false).unwrap();
                body.send_data(Bytes::from(host), true).unwrap();
            }
        }
    })
    .await;
    (peer, seen)
}

fn builder(authority: &Authority, peer: &Peer) -> PoolBuilder {
    let everywhere = [A, B, C].map(|host| format!("{host}:{}:127.0.0.1", peer.port()));
    let overrides = Overrides::parse(everywhere.iter().map(String::as_str)).unwrap();
    trusting(authority)
        .coalescing(true)
        .resolver(Resolver::builder().overrides(overrides).build())
}

fn target(host: &str, peer: &Peer) -> String {
    format!("{host}:{}", peer.port())
}

async fn text(connection: &Connection) -> (u16, String) {
    let response = connection.send(get()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn hosts_of_one_certificate_and_address_share_a_connection() {
    let authority = Authority::new();
    let (peer, seen) = server(&authority, None).await;
    let pool = builder(&authority, &peer).build().unwrap();
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!((a.id(), peer.accepted()), (b.id(), 1));
    assert_eq!((a.origin().host(), b.origin().host()), (A, B));
    assert_eq!(text(&a).await, (200, A.to_owned()));
    assert_eq!(text(&b).await, (200, B.to_owned()));
    assert_eq!(*seen.lock(), [(0, A.to_owned()), (0, B.to_owned())]);
    let stats = pool.stats();
    assert_eq!((stats.connections, stats.in_use), (1, 2));
    drop((a, b));
    // The second time it is there at once.
    assert!(pool.try_get(target(B, &peer)).unwrap().is_some());
    quiet(&pool).await;
}

#[tokio::test]
async fn what_ends_for_one_ends_for_all() {
    let authority = Authority::new();
    let (peer, _) = server(&authority, None).await;
    let pool = builder(&authority, &peer).build().unwrap();
    let a = pool.get(target(A, &peer)).await.unwrap();
    drop(pool.get(target(B, &peer)).await.unwrap());
    a.entry()
        .request_close(hotpool::registry::CloseReason::Requested);
    drop(a);
    until("closed", || pool.stats().connections == 0).await;
    assert!(pool.try_get(target(B, &peer)).unwrap().is_none());
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!(text(&b).await, (200, B.to_owned()));
    assert_eq!(peer.accepted(), 2);
    drop(b);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_misdirected_request_undoes_it() {
    let authority = Authority::new();
    let (peer, seen) = server(&authority, Some(B)).await;
    let pool = builder(&authority, &peer).build().unwrap();
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!(a.id(), b.id());
    let response = b.send(post("order")).await.unwrap();
    assert_eq!(response.status(), 200);
    drop((response, b));
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_ne!(a.id(), b.id());
    assert_eq!(text(&b).await, (200, B.to_owned()));
    let wanted = [(0, B), (1, B), (1, B)].map(|(number, host)| (number, host.to_owned()));
    assert_eq!(*seen.lock(), wanted);
    drop((a, b));
    quiet(&pool).await;
}

/// Only where everything is the same may a connection be shared.
#[tokio::test]
async fn what_differs_is_not_shared() {
    let authority = Authority::new();
    let (peer, _) = server(&authority, None).await;
    let shared = |pool: &hotpool::Pool, other: Target| {
        let (pool, first) = (pool.clone(), target(A, &peer));
        async move {
            let a = pool.get(first).await.unwrap();
            let b = pool.get(other).await;
            let shared = b.as_ref().is_ok_and(|b| b.id() == a.id());
            drop((a, b));
            quiet(&pool).await;
            shared
        }
    };
    let b = || Target::parse(&target(B, &peer)).unwrap();
    let pool = || builder(&authority, &peer).build().unwrap();
    assert!(shared(&pool(), b()).await);
    assert!(!shared(&pool(), b().partition("tenant")).await);
    assert!(!shared(&pool(), b().protocols(hotpool::Protocols::Http2)).await);
    let firefox = hotpool::profile::Profile::named("firefox").unwrap();
    assert!(!shared(&pool(), b().profile(firefox)).await);
    let c = Target::parse(&target(C, &peer)).unwrap();
    assert!(!shared(&pool(), c).await, "the certificate is not for it");
    let off = builder(&authority, &peer)
        .coalescing(false)
        .build()
        .unwrap();
    assert!(!shared(&off, b()).await);
    let curl = hotpool::profile::Profile::named("curl").unwrap();
    let curl = builder(&authority, &peer).profile(curl).build().unwrap();
    assert!(!shared(&curl, b()).await, "curl shares none");

    let elsewhere = SocketAddr::from(([127, 0, 0, 2], peer.port()));
    let (_other, _) = server_at(elsewhere, &authority, None).await;
    let overrides = [
        format!("{A}:{}:127.0.0.1", peer.port()),
        format!("{B}:{}:127.0.0.2", peer.port()),
    ];
    let overrides = Overrides::parse(overrides.iter().map(String::as_str)).unwrap();
    let apart = trusting(&authority)
        .coalescing(true)
        .resolver(Resolver::builder().overrides(overrides).build())
        .build()
        .unwrap();
    assert!(!shared(&apart, b()).await, "at another address");
}
