//! Connections on their way out: what is owed to them is settled, and one that leads nowhere does not keep its requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::Duration;

use common::check::{idle, quiet};
use common::fault_proxy::{FaultProxy, Network};
use common::http2::Http2;
use common::peer::Peer;
use common::request::{get, plain};
use common::wait::until;
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::time::timeout;

/// A server that answers PINGs and nothing else.
async fn never_answering() -> Peer {
    Peer::tcp(move |_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        while http2.read().await.is_some() {}
    })
    .await
}

/// A request that its caller gives up: its stream is reset, and the server may not know yet.
async fn give_one_up(pool: &Pool, target: &str) {
    let connection = pool.get(target).await.unwrap();
    let answer = timeout(Duration::from_millis(50), connection.send(get())).await;
    assert!(answer.is_err(), "it has no answer");
}

#[tokio::test]
async fn a_reset_stream_does_not_keep_a_drained_connection() {
    let peer = never_answering().await;
    let pool = plain(Protocols::Http2).build().unwrap();
    give_one_up(&pool, &peer.plain_target()).await;
    assert_eq!(pool.flush(), 1);
    until("its place is given back", || pool.stats().places_taken == 0).await;
    quiet(&pool).await;
}

#[tokio::test]
async fn a_reset_stream_does_not_hold_up_a_shutdown() {
    let peer = never_answering().await;
    let pool = plain(Protocols::Http2).build().unwrap();
    give_one_up(&pool, &peer.plain_target()).await;
    let report = pool.shutdown(Duration::from_secs(10)).await;
    assert_eq!((report.drained, report.cut), (1, 0), "{report:?}");
}

#[tokio::test]
async fn a_reset_on_a_connection_that_drains_already_does_not_keep_it() {
    let peer = never_answering().await;
    let pool = plain(Protocols::Http2).build().unwrap();
    let connection = pool.get(&peer.plain_target()).await.unwrap();
    assert_eq!(pool.flush(), 1);
    let answer = timeout(Duration::from_millis(50), connection.send(get())).await;
    assert!(answer.is_err(), "it has no answer");
    drop(connection);
    idle(&pool).await;
    until("it is closed", || pool.stats().connections == 0).await;
    quiet(&pool).await;
}

#[tokio::test]
async fn a_request_on_a_draining_connection_that_went_dead_ends_with_the_ping_timeout() {
    let peer = never_answering().await;
    let proxy = FaultProxy::to(peer.address).await;
    let pool = plain(Protocols::Http2)
        .validate_after(Duration::from_millis(300))
        .suspect_after(Duration::from_millis(500))
        .ping_timeout(Duration::from_millis(1500))
        .build()
        .unwrap();
    let connection = pool.get(&proxy.plain_target()).await.unwrap();
    assert_eq!(pool.flush(), 1);
    proxy.set(Network::half_open());
    let answer = timeout(Duration::from_secs(20), connection.send(get())).await;
    let error = answer.expect("it ends").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresponsive, "{error:?}");
    drop(connection);
    proxy.cut();
    quiet(&pool).await;
}
