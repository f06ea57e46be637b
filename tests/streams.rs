//! Streams that the pool hands out whole, and hyper-util's client on them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::{idle, quiet};
use common::dropping::dropped_everywhere;
use common::http1::{self, silence};
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, plain, trusting};
use common::wait::{PATIENCE, until};
use hotpool::client::hyper_util::HotConnector;
use hotpool::config::Settings;
use hotpool::registry::{Activity, CloseReason, Event, Protocol};
use hotpool::{ConnectionInfo, ErrorKind, Pool, Protocols};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Sends back what it reads.
async fn echo() -> Peer {
    Peer::tcp(|_, socket| async move {
        let (mut read, mut write) = socket.into_split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await
}

fn pool() -> Pool {
    plain(Protocols::Http1).build().unwrap()
}

/// What its pool is asked for next is warm again.
async fn warm(pool: &Pool, connections: usize) {
    until("warm streams", || pool.stats().idle == connections).await;
}

#[tokio::test]
async fn a_stream_is_its_takers_alone_and_another_is_warmed_in_its_place() {
    let peer = echo().await;
    let pool = pool();
    let report = pool.preheat_streams([peer.plain_target()]).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(peer.accepted(), 1);
    let mut stream = pool.stream(&peer.plain_target()).await.unwrap();
    assert!(stream.is_reused());
    assert_eq!(stream.remote_addr(), peer.address);
    assert_eq!(stream.protocol(), Protocol::Tcp);
    let entry = pool.registry().entry(stream.id()).unwrap();
    assert_eq!(entry.activity(), Activity::Active);
    warm(&pool, 1).await;
    assert_eq!(peer.accepted(), 2, "nobody asked for the second");

    stream.write_all(b"anything").await.unwrap();
    let mut read = [0; 8];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"anything");
    assert_eq!(pool.stats().places_taken, 2);
    drop(stream);
    until("the stream's end", || pool.stats().places_taken == 1).await;
    assert_eq!(pool.stats().connections, 1);
    assert!(pool.cool(peer.plain_target()).unwrap());
    quiet(&pool).await;
}

#[tokio::test]
async fn streams_and_connections_for_requests_are_never_each_others() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = pool();
    let target = peer.plain_target();
    pool.preheat_streams([&target]).await;
    fetch(&pool, &target).await.unwrap();
    assert_eq!(peer.accepted(), 2);
    let snapshot = pool.snapshot();
    assert_eq!(snapshot.hosts.iter().filter(|host| host.streams).count(), 1);
    let first = pool.stream(&target).await.unwrap();
    let second = pool.stream(&target).await.unwrap();
    assert_ne!(first.id(), second.id());
    drop((first, second));
    idle(&pool).await;
    fetch(&pool, &target).await.unwrap();
    quiet(&pool).await;
}

#[tokio::test]
async fn callers_of_streams_get_a_dial_each_within_the_limits() {
    let peer = echo().await;
    let pool = plain(Protocols::Http1)
        .settings(Settings {
            max_connections_per_host: Some(3),
            acquire_timeout: Some(Duration::from_millis(300)),
            ..Settings::default()
        })
        .build()
        .unwrap();
    let target = peer.plain_target();
    let (a, b, c) = tokio::join!(
        pool.stream(&target),
        pool.stream(&target),
        pool.stream(&target)
    );
    let held = [a.unwrap(), b.unwrap(), c.unwrap()];
    let error = pool.stream(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    assert!(
        error
            .to_string()
            .contains("max_connections_per_host: 3 of 3"),
        "{error}"
    );
    drop(held);
    drop(pool.stream(&target).await.unwrap());
    quiet(&pool).await;
}

#[tokio::test]
async fn what_the_server_closed_while_it_rested_is_given_to_nobody() {
    // The first is closed at once, the others echo.
    let peer = Peer::tcp(|number, socket| async move {
        if number > 0 {
            silence(socket).await;
        }
    })
    .await;
    let pool = pool();
    pool.preheat_streams([peer.plain_target()]).await;
    let mut stream = timeout(PATIENCE, pool.stream(peer.plain_target()))
        .await
        .unwrap()
        .unwrap();
    let read = timeout(Duration::from_millis(100), stream.read_u8()).await;
    assert!(read.is_err(), "the server keeps this one open: {read:?}");
    drop(stream);
    pool.cool(peer.plain_target()).unwrap();
    quiet(&pool).await;
}

#[tokio::test]
async fn the_registry_and_a_shutdown_reach_a_stream_that_was_taken() {
    let peer = echo().await;
    let pool = pool();
    let mut events = pool.registry().subscribe();
    let mut kicked = pool.stream(peer.plain_target()).await.unwrap();
    let entry = pool.registry().entry(kicked.id()).unwrap();
    entry.request_close(CloseReason::Requested);
    let error = timeout(PATIENCE, kicked.read_u8())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    let closed = async {
        loop {
            if let Event::Closed { reason, .. } = events.recv().await.unwrap() {
                return reason;
            }
        }
    };
    assert_eq!(
        timeout(PATIENCE, closed).await.unwrap(),
        CloseReason::Requested
    );
    drop(kicked);

    let mut held = pool.stream(peer.plain_target()).await.unwrap();
    let report = pool.shutdown(Duration::from_millis(50)).await;
    assert_eq!(report.cut, 1, "{report:?}");
    let error = held.write_all(b"too late").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    drop(held);
    common::check::gone(&pool);
}

/// Dropped after each number of polls, before the stream is had and while it is used: the pool's one place is there for the next.
#[tokio::test]
async fn a_stream_that_is_dropped_anywhere_gives_its_place_back() {
    let peer = echo().await;
    let target = peer.plain_target();
    let said = async |pool: &Pool| {
        let mut stream = pool.stream(&target).await.unwrap();
        stream.write_all(b"said").await.unwrap();
        let mut read = [0; 4];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"said");
    };
    for warm in [false, true] {
        dropped_everywhere(
            async || {
                let settings = Settings {
                    max_connections: Some(1),
                    max_connections_per_host: Some(1),
                    max_dials: Some(1),
                    ..Settings::default()
                };
                let pool = plain(Protocols::Http1).settings(settings).build().unwrap();
                if warm {
                    assert!(pool.preheat_streams([&target]).await.is_complete());
                }
                pool
            },
            async |pool| said(pool).await,
            async |pool, _| {
                idle(&pool).await;
                timeout(PATIENCE, said(&pool)).await.unwrap();
                pool.cool(&target).unwrap();
                quiet(&pool).await;
            },
        )
        .await;
    }
}

/// An HTTP/2 server speaks first: what it said while the stream rested is there.
#[tokio::test]
async fn hyper_speaks_http2_on_a_warm_stream() {
    let authority = Authority::new();
    let config = authority
        .issue(&["localhost"])
        .server_config(&["h2", "http/1.1"]);
    let peer = Peer::tls(config, |_, stream| async move {
        if let Some(mut server) = Http2::accept(stream, &[]).await {
            server.serve().await;
        }
    })
    .await;
    let pool = trusting(&authority).build().unwrap();
    let url = format!("https://{}/", peer.target());
    pool.preheat_streams([&url]).await;
    let client: Client<_, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build(HotConnector::new(pool.clone()));
    for _ in 0..3 {
        let response = client.get(url.parse().unwrap()).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        let info = response.extensions().get::<ConnectionInfo>().unwrap();
        assert!(info.is_reused() && info.tls().is_some_and(|tls| tls.fingerprint.is_some()));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
    }
    warm(&pool, 1).await;
    assert_eq!(peer.accepted(), 2, "one for hyper, and one in its place");
    drop(client);
    pool.cool(&url).unwrap();
    quiet(&pool).await;
}

#[tokio::test]
async fn hyper_speaks_http1_and_learns_why_a_stream_could_not_be_had() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = pool();
    let client: Client<_, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build(HotConnector::new(pool.clone()));
    let response = client
        .get(peer.plain_target().parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "hello"
    );
    let error = client
        .get("http://127.0.0.1:1/".parse().unwrap())
        .await
        .unwrap_err();
    let cause = std::error::Error::source(&error)
        .unwrap()
        .downcast_ref::<hotpool::Error>()
        .unwrap();
    assert_eq!(cause.kind(), ErrorKind::ConnectRefused);
    drop(client);
    quiet(&pool).await;
}
