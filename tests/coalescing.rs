//! Hosts that share an HTTP/2 connection, and those that must not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::quiet;
use common::peer::Peer;
use common::request::{get, post, trusting};
use common::wait::{PATIENCE, until};
use hotpool::config::Settings;
use hotpool::pool::{Circuit, PoolBuilder, PoolEvent};
use hotpool::resolve::{Overrides, Resolver};
use hotpool::{Connection, ErrorKind, Target};
use http_body_util::{BodyExt, Empty};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

const A: &str = "a.test";
const B: &str = "b.test";
const C: &str = "other.example";

/// Ends the connection that it is asked on.
const BREAKING: &str = "/break";

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
                if request.uri().path() == BREAKING {
                    return;
                }
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

#[tokio::test]
async fn a_guests_circuit_closes_when_it_finds_a_connection() {
    let authority = Authority::new();
    let (peer, _) = server(&authority, None).await;
    let (address, name) = (peer.address, target(B, &peer));
    let pool = builder(&authority, &peer)
        .circuit_breaker(true)
        .breaker_failures(1)
        .breaker_term(Duration::from_millis(1))
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    drop(peer);
    let error = pool.get(&name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    let (peer, _) = server_at(address, &authority, None).await;
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = async {
        loop {
            match pool.get(&name).await {
                Ok(connection) => return connection,
                Err(error) => assert_eq!(error.kind(), ErrorKind::CircuitOpen),
            }
            tokio::task::yield_now().await;
        }
    };
    let b = timeout(PATIENCE, b).await.unwrap();
    assert_eq!(a.id(), b.id());
    let closed = async {
        loop {
            if let PoolEvent::CircuitChanged {
                circuit: Circuit::Closed,
                ..
            } = events.recv().await.unwrap()
            {
                return;
            }
        }
    };
    timeout(PATIENCE, closed).await.unwrap();
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

/// Nothing is processed by a 421, and it was sent all the same.
#[tokio::test]
async fn a_misdirected_request_that_finds_no_other_connection_was_sent() {
    let authority = Authority::new();
    let (peer, seen) = server(&authority, Some(B)).await;
    let pool = builder(&authority, &peer)
        .acquire_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!(a.id(), b.id());
    let no_other = Settings {
        max_connections: Some(1),
        ..Settings::default()
    };
    pool.reconfigure(no_other).unwrap();
    let error = b.send(post("order")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error:?}");
    assert!(error.was_sent() && error.is_retryable(), "{error:?}");
    assert_eq!(*seen.lock(), [(0, B.to_owned())]);
    drop((a, b));
    quiet(&pool).await;
}

/// A host that was misdirected stays apart though nobody uses it for a while.
#[tokio::test(start_paused = true)]
async fn a_misdirected_host_is_not_forgotten() {
    let authority = Authority::new();
    let (peer, _) = server(&authority, Some(B)).await;
    let pool = builder(&authority, &peer)
        .idle_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!(text(&b).await, (200, B.to_owned()));
    drop((a, b));
    // Paused time: everything is closed, and A is forgotten.
    sleep(Duration::from_secs(120)).await;
    assert_eq!((pool.stats().connections, peer.accepted()), (0, 2));
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_ne!(a.id(), b.id());
    drop((a, b));
    // And for an hour, no longer.
    sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(pool.stats().hosts, 0);
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!(a.id(), b.id());
}

/// What a request meets is the host's that it was for, whosever connection carried it.
#[tokio::test]
async fn a_guests_requests_are_its_own() {
    let authority = Authority::new();
    let (peer, _) = server(&authority, None).await;
    let pool = builder(&authority, &peer)
        .circuit_breaker(true)
        .breaker_failures(1)
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    let hosts = [A, B].map(|name| pool.host(target(name, &peer)).unwrap());
    let a = pool.get(target(A, &peer)).await.unwrap();
    let b = pool.get(target(B, &peer)).await.unwrap();
    assert_eq!(a.id(), b.id());
    assert_eq!(text(&b).await, (200, B.to_owned()));
    let answers = hosts
        .each_ref()
        .map(|host| host.health().vitals.latency.count);
    assert_eq!(answers, [0, 1]);

    let breaking = http::Request::get(BREAKING).body(Empty::<Bytes>::new());
    let error = b.send(breaking.unwrap()).await.unwrap_err();
    assert!(error.was_sent(), "{error:?}");
    let circuits = hosts.each_ref().map(|host| host.health().vitals.circuit);
    assert_eq!(circuits, [Circuit::Open; 2], "the connection was of both");
    let mut failed = Vec::new();
    while let Some(event) = events.try_recv() {
        if let PoolEvent::RequestFailed { host, .. } = event {
            failed.push(host.host().to_owned());
        }
    }
    assert_eq!(failed, [B]);
}
