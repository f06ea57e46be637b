//! The pool against real sockets: sharing, lending, waiting, limits, preheating, closing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::peer::Peer;
use common::wait::until;
use hotpool::registry::{CloseReason, Protocol};
use hotpool::{Pool, Target, Trust};
use http_body_util::{BodyExt, Empty};

fn pool(authority: &Authority) -> hotpool::pool::PoolBuilder {
    Pool::builder().trust(Trust::only(authority.pem().as_bytes()).unwrap())
}

async fn h2_peer(authority: &Authority) -> Peer {
    let config = authority
        .issue(&["localhost"])
        .server_config(&["h2", "http/1.1"]);
    Peer::tls(config, |_, stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_request, mut respond))) = connection.accept().await {
            let mut body = respond
                .send_response(http::Response::new(()), false)
                .unwrap();
            body.send_data(Bytes::from_static(b"hello"), true).unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_shutdown_may_wait_for_ever() {
    let pool = Pool::builder().build().unwrap();
    let report = pool.shutdown(Duration::MAX).await;
    assert_eq!((report.drained, report.cut), (0, 0));
}

#[tokio::test]
async fn one_http2_connection_serves_a_hundred_cold_callers() {
    let authority = Authority::new();
    let peer = h2_peer(&authority).await;
    let pool = pool(&authority).build().unwrap();
    let target = format!("localhost:{}", peer.port());
    let callers = (0..100).map(|_| async {
        let connection = pool.get(&target).await.unwrap();
        let response = connection
            .send(http::Request::get("/").body(Empty::<Bytes>::new()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
        connection.protocol()
    });
    let protocols = futures_util::future::join_all(callers).await;
    assert!(
        protocols
            .iter()
            .all(|protocol| *protocol == Protocol::Http2)
    );
    assert_eq!(peer.accepted(), 1);
    let stats = pool.stats();
    assert_eq!(
        (stats.connections, stats.idle, stats.in_use, stats.waiting),
        (1, 1, 0, 0)
    );
    let report = pool.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.drained, report.cut), (1, 0));
    let stats = pool.stats();
    assert_eq!(
        (stats.connections, stats.places_taken, stats.tasks),
        (0, 0, 0)
    );
    assert_eq!(pool.registry().count(), 0);
    until("closed once", || pool.registry().stats().closed == 1).await;
}

/// A server recognises its session tickets, so a partition must not present another's.
#[tokio::test]
async fn partitions_share_neither_connections_nor_sessions() {
    let authority = Authority::new();
    let peer = h2_peer(&authority).await;
    let pool = pool(&authority).build().unwrap();
    let target = |partition| {
        let target = Target::parse(&format!("localhost:{}", peer.port())).unwrap();
        match partition {
            Some(name) => target.partition(name),
            None => target,
        }
    };
    for partition in [None, Some("a"), Some("b")] {
        let mut resumed = Vec::new();
        for _ in 0..2 {
            let connection = pool.get(target(partition)).await.unwrap();
            let request = http::Request::get("/").body(Empty::<Bytes>::new()).unwrap();
            connection
                .send(request)
                .await
                .unwrap()
                .into_body()
                .collect()
                .await
                .unwrap();
            resumed.push(connection.tls().unwrap().resumed);
            let id = connection.id();
            connection.entry().request_close(CloseReason::Requested);
            drop(connection);
            until("closed", || pool.registry().entry(id).is_none()).await;
        }
        assert_eq!(resumed, [false, true], "{partition:?}");
    }
    pool.shutdown(Duration::from_secs(5)).await;
}
