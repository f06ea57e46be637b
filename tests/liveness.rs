//! Connections that fall silent: asked before they are used again, taken out of rotation when they answer late, ended when they do not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::check::quiet;
use common::fault_proxy::{FaultProxy, Network};
use common::http2::{self, Http2};
use common::peer::Peer;
use common::request::{fetch, get, plain, read};
use common::wait::{a_round, until};
use hotpool::pool::PoolBuilder;
use hotpool::registry::{CloseReason, Event};
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::net::TcpStream;

/// Short, so that the tests are.
const SILENCE: Duration = Duration::from_millis(300);

fn impatient() -> PoolBuilder {
    plain(Protocols::Http2)
        .validate_after(SILENCE)
        .suspect_after(Duration::from_millis(500))
        .ping_timeout(Duration::from_millis(1500))
}

/// A server that answers everything, and how many PINGs it got.
async fn answering() -> (Peer, Arc<AtomicUsize>) {
    answering_with(&[]).await
}

async fn answering_with(settings: &'static [(u16, u32)]) -> (Peer, Arc<AtomicUsize>) {
    let pings = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pings);
    let peer = Peer::tcp(move |_, socket| serve(socket, settings, Arc::clone(&count))).await;
    (peer, pings)
}

async fn serve(socket: TcpStream, settings: &[(u16, u32)], pings: Arc<AtomicUsize>) {
    let mut http2 = Http2::accept(socket, settings).await.unwrap();
    while let Some(frame) = http2.read().await {
        match (frame.kind, frame.flags & http2::ACK) {
            (http2::PING, 0) => {
                pings.fetch_add(1, Ordering::SeqCst);
            }
            (http2::HEADERS, _) => http2.respond(frame.stream).await,
            _ => {}
        }
    }
}

/// Waits until the only connection must prove itself before it is used.
async fn until_doubtful(pool: &Pool, target: &str) {
    let host = pool.host(target).unwrap();
    until("the connection is doubted", || {
        // What `try_get` returns goes back at once; while that is a connection, it has not been silent for long enough.
        host.try_get().is_none()
    })
    .await;
}

#[tokio::test]
async fn a_silent_connection_answers_before_it_is_used_again() {
    let (peer, pings) = answering().await;
    let pool = impatient().build().unwrap();
    let target = peer.plain_target();
    fetch(&pool, &target).await.unwrap();
    let first = pool.get(&target).await.unwrap().id();
    assert_eq!(pings.load(Ordering::SeqCst), 0);
    until_doubtful(&pool, &target).await;
    let connection = pool.get(&target).await.unwrap();
    assert_eq!(connection.id(), first);
    assert!(pings.load(Ordering::SeqCst) >= 1);
    read(&connection).await.unwrap();
    assert_eq!(peer.accepted(), 1);
    drop(connection);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_connection_that_leads_nowhere_is_replaced_before_it_is_used_and_then_ended() {
    let (peer, _) = answering().await;
    let proxy = FaultProxy::to(peer.address).await;
    let pool = impatient().build().unwrap();
    let target = proxy.plain_target();
    fetch(&pool, &target).await.unwrap();
    let first = pool.get(&target).await.unwrap().id();
    let mut events = pool.registry().subscribe();
    until_doubtful(&pool, &target).await;
    proxy.set(Network::half_open());
    // The new connection must get through, the old one must not.
    let get = tokio::time::timeout(Duration::from_secs(20), pool.get(&target));
    let heal = async {
        until("a second dial", || proxy.accepted() == 2).await;
        // What was held passes now; the first connection's answer may come late.
        proxy.set(Network::default());
    };
    let (got, ()) = tokio::join!(get, heal);
    let connection = got.unwrap().unwrap();
    read(&connection).await.unwrap();
    drop(connection);
    assert!(pool.stats().dials_started >= 2);
    proxy.set(Network::half_open());
    until("silent connections end", || {
        // Whoever wants one has it asked.
        let _ = pool.try_get(&target);
        pool.registry().entry(first).is_none()
    })
    .await;
    let mut reason = None;
    while let Some(event) = events.try_recv() {
        if let Event::Closed {
            id, reason: why, ..
        } = event
            && id == first
        {
            reason = Some(why);
        }
    }
    assert_eq!(reason, Some(CloseReason::Unhealthy));
    proxy.cut();
    quiet(&pool).await;
}

#[tokio::test]
async fn a_late_answer_suspends_a_connection_and_brings_it_back() {
    let (peer, _) = answering().await;
    let proxy = FaultProxy::to(peer.address).await;
    let pool = impatient()
        .max_connections_per_host(1)
        .ping_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let target = proxy.plain_target();
    fetch(&pool, &target).await.unwrap();
    let first = pool.get(&target).await.unwrap().id();
    until_doubtful(&pool, &target).await;
    proxy.set(Network::half_open());
    let heal = async {
        until("it is suspect", || {
            let entry = pool.registry().entry(first).unwrap();
            entry.health() == hotpool::registry::Health::Suspect
        })
        .await;
        proxy.set(Network::default());
    };
    let (connection, ()) = tokio::join!(pool.get(&target), heal);
    let connection = connection.unwrap();
    assert_eq!(connection.id(), first, "the limit leaves no other");
    read(&connection).await.unwrap();
    assert_eq!(
        connection.entry().health(),
        hotpool::registry::Health::Healthy
    );
    drop(connection);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_request_on_a_connection_that_went_dead_ends_with_the_ping_timeout() {
    let (peer, _) = answering().await;
    let proxy = FaultProxy::to(peer.address).await;
    let pool = impatient().build().unwrap();
    let target = proxy.plain_target();
    fetch(&pool, &target).await.unwrap();
    let connection = pool.get(&target).await.unwrap();
    proxy.set(Network::half_open());
    let error = connection.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresponsive, "{error:?}");
    assert!(error.was_sent() && !error.is_retryable(), "{error:?}");
    drop(connection);
    proxy.cut();
    quiet(&pool).await;
}

#[tokio::test]
async fn an_interval_asks_without_being_asked_for() {
    let (peer, pings) = answering().await;
    let pool = impatient()
        .validate_after(Duration::from_secs(60))
        .ping_interval(Some(SILENCE))
        .build()
        .unwrap();
    let target = peer.plain_target();
    fetch(&pool, &target).await.unwrap();
    until("three PINGs", || pings.load(Ordering::SeqCst) >= 3).await;
    assert!(pool.try_get(&target).unwrap().is_some(), "always ready");
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_server_that_wants_calm_is_left_in_peace() {
    let pings = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pings);
    let peer = Peer::tcp(move |_, socket| {
        let pings = Arc::clone(&count);
        async move {
            let mut http2 = Http2::accept(socket, &[]).await.unwrap();
            while let Some(frame) = http2.read().await {
                if frame.kind == http2::PING && frame.flags & http2::ACK == 0 {
                    pings.fetch_add(1, Ordering::SeqCst);
                    http2.go_away(0, http2::ENHANCE_YOUR_CALM).await;
                    return;
                }
            }
        }
    })
    .await;
    let pool = impatient()
        .validate_after(Duration::from_secs(60))
        .ping_interval(Some(SILENCE))
        .build()
        .unwrap();
    let report = pool.preheat([peer.plain_target()]).await;
    assert!(report.is_complete(), "{report:?}");
    until("the server has had enough and is dialed again", || {
        peer.accepted() == 2
    })
    .await;
    // Three intervals in which nothing may happen.
    for _ in 0..3 {
        a_round().await;
    }
    assert_eq!((pings.load(Ordering::SeqCst), peer.accepted()), (1, 2));
    quiet(&pool).await;
}

#[tokio::test]
async fn silent_connections_that_nobody_has_asked_spare_no_dial() {
    let (peer, _) = answering_with(&[(http2::MAX_CONCURRENT_STREAMS, 1)]).await;
    let proxy = FaultProxy::to(peer.address).await;
    let pool = impatient().build().unwrap();
    let target = proxy.plain_target();
    let two = tokio::join!(pool.get(&target), pool.get(&target));
    assert_ne!(two.0.unwrap().id(), two.1.unwrap().id());
    proxy.set(Network::half_open());
    until_doubtful(&pool, &target).await;
    let heal = async {
        until("another dial", || proxy.accepted() == 3).await;
        proxy.set(Network::default());
    };
    let (connection, ()) = tokio::join!(pool.get(&target), heal);
    read(&connection.unwrap()).await.unwrap();
    quiet(&pool).await;
}

#[tokio::test]
async fn as_many_silent_connections_are_asked_as_their_callers_need() {
    let (peer, pings) = answering_with(&[(http2::MAX_CONCURRENT_STREAMS, 2)]).await;
    let pool = impatient()
        .min_warm(3)
        .max_connections_per_host(3)
        .build()
        .unwrap();
    let target = peer.plain_target();
    assert!(pool.preheat([&target]).await.is_complete());
    until("three are warm", || pool.stats().connections == 3).await;
    until_doubtful(&pool, &target).await;
    // In one go: each would come back ready where it is asked by the next caller.
    let callers = futures_util::future::join_all((0..6).map(|_| pool.get(&target)));
    let held = tokio::time::timeout(Duration::from_secs(20), callers).await;
    let held = held.expect("all are served");
    assert!(held.iter().all(Result::is_ok));
    assert!(pings.load(Ordering::SeqCst) >= 3);
    assert_eq!(peer.accepted(), 3);
    drop(held);
    quiet(&pool).await;
}

/// A server that resets each connection's first stream and answers the others.
async fn resetting_first() -> Peer {
    Peer::tcp(move |_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        let first = http2.request().await.unwrap();
        http2.reset(first, http2::INTERNAL_ERROR).await;
        while let Some(stream) = http2.request().await {
            http2.respond(stream).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_with_a_failed_request_can_prove_itself_like_any_other() {
    let peer = resetting_first().await;
    let pool = impatient().build().unwrap();
    let target = peer.plain_target();
    let first = pool.get(&target).await.unwrap();
    first.send(get()).await.unwrap_err();
    let id = first.id();
    drop(first);
    until_doubtful(&pool, &target).await;
    let again = pool.get(&target).await.unwrap();
    assert_eq!(again.id(), id, "nothing says that it is dead");
    read(&again).await.unwrap();
    drop(again);
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_late_answer_suspends_a_connection_with_a_failed_request_too() {
    let peer = resetting_first().await;
    let proxy = FaultProxy::to(peer.address).await;
    let pool = impatient()
        .ping_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let target = proxy.plain_target();
    let host = pool.host(&target).unwrap();
    let held = pool.get(&target).await.unwrap();
    held.send(get()).await.unwrap_err();
    proxy.set(Network::half_open());
    until("it is out of rotation", || host.try_get().is_none()).await;
    assert!(
        pool.registry().entry(held.id()).is_some(),
        "and not dead yet"
    );
    drop(held);
    proxy.cut();
    quiet(&pool).await;
}
