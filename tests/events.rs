//! What a pool tells of itself: to those who watch and to hooks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::http1;
use common::peer::Peer;
use common::request::{fetch, plain, read};
use common::wait::{PATIENCE, until};
use hotpool::pool::{Limit, PoolEvent, PoolEvents};
use hotpool::registry::{CloseReason, Protocol};
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::time::timeout;

/// A deadline that is to pass; a first dial on a loaded machine stays within it.
const SOON: Duration = Duration::from_secs(1);

/// Health is another test's: when the housekeeper looks is not said here.
fn is_health(event: &PoolEvent) -> bool {
    matches!(event, PoolEvent::HealthChanged { .. })
}

async fn next(events: &mut PoolEvents) -> PoolEvent {
    loop {
        let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        if !is_health(&event) {
            return event;
        }
    }
}

/// The events that are there, by name.
fn names(events: &mut PoolEvents) -> Vec<&'static str> {
    std::iter::from_fn(|| events.try_recv())
        .map(|event| event.name())
        .collect()
}

async fn server() -> Peer {
    Peer::tcp(|_, socket| http1::serve(socket)).await
}

#[tokio::test]
async fn a_connections_life_is_told_from_dial_to_end() {
    let peer = server().await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let mut events = pool.subscribe();
    let target = peer.plain_target();
    let connection = pool.get(&target).await.unwrap();
    assert_eq!(read(&connection).await.unwrap(), "hello");

    let PoolEvent::DialStarted { host, profile, .. } = next(&mut events).await else {
        panic!("not the dial's start")
    };
    assert_eq!(
        (host.to_string(), &*profile),
        (target, connection.profile())
    );
    let added = next(&mut events).await;
    assert_eq!(added.host(), Some(connection.origin()));
    let PoolEvent::ConnectionAdded {
        id,
        address,
        protocol,
        timing,
        ..
    } = added
    else {
        panic!("not the connection: {added:?}")
    };
    assert_eq!((id, address), (connection.id(), peer.address));
    assert_eq!(
        (protocol, timing),
        (Protocol::Http1, connection.dial_timing())
    );
    assert!(names(&mut events).is_empty());

    drop(connection);
    pool.shutdown(PATIENCE).await;
    let removed = next(&mut events).await;
    let PoolEvent::ConnectionRemoved {
        id: gone,
        reason,
        requests,
        ..
    } = removed
    else {
        panic!("not the end: {removed:?}")
    };
    assert_eq!((gone, reason, requests), (id, CloseReason::Shutdown, 1));
    drop(pool);
    assert!(timeout(PATIENCE, events.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_dial_that_fails_says_where_and_why() {
    let peer = server().await;
    let (target, address) = (peer.plain_target(), peer.address);
    drop(peer);
    let pool = plain(Protocols::Http1).build().unwrap();
    let mut events = pool.subscribe();
    until("the listener is gone", || {
        std::net::TcpStream::connect(address).is_err()
    })
    .await;
    pool.get(&target).await.unwrap_err();
    assert_eq!(next(&mut events).await.name(), "dial-started");
    let failed = next(&mut events).await;
    let PoolEvent::DialFailed {
        host,
        address: at,
        error,
        ..
    } = failed
    else {
        panic!("not the failure: {failed:?}")
    };
    assert_eq!(host.to_string(), target);
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    assert_eq!(at.unwrap().port(), address.port());
}

#[tokio::test]
async fn a_request_that_fails_names_its_connection() {
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        http1::answer(
            &mut socket,
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe",
        )
        .await;
    })
    .await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let mut events = pool.subscribe();
    read(&connection).await.unwrap_err();
    // The end of the connection may be told before that of its request.
    let (id, address, error) = loop {
        if let PoolEvent::RequestFailed {
            id, address, error, ..
        } = next(&mut events).await
        {
            break (id, address, error);
        }
    };
    assert_eq!((id, address), (connection.id(), peer.address));
    assert!(error.was_sent());
}

#[tokio::test]
async fn limits_and_deadlines_are_told_with_their_use() {
    let peer = server().await;
    let pool = plain(Protocols::Http1)
        .max_connections_per_host(1)
        .max_waiters_per_host(1)
        .acquire_timeout(SOON)
        .build()
        .unwrap();
    let target = peer.plain_target();
    let _held = pool.get(&target).await.unwrap();
    let mut events = pool.subscribe();
    // The first waits until its deadline, the second finds the queue full.
    let (late, refused) = tokio::join!(pool.get(&target), pool.get(&target));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::AcquireTimeout);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::QueueFull);

    for wanted in [Limit::MaxConnectionsPerHost, Limit::MaxWaitersPerHost] {
        let reached = next(&mut events).await;
        let PoolEvent::LimitReached {
            limit,
            host,
            used,
            most,
            untold,
            ..
        } = reached
        else {
            panic!("not a limit: {reached:?}")
        };
        assert_eq!((limit, used, most, untold), (wanted, 1, 1, 0));
        assert_eq!(host.unwrap().to_string(), target);
    }
    // The limit is told again each second.
    let (error, waited) = loop {
        match next(&mut events).await {
            PoolEvent::AcquireTimedOut { error, waited, .. } => break (error, waited),
            other => assert_eq!(other.name(), "limit-reached"),
        }
    };
    assert!(error.to_string().contains("max_connections_per_host"));
    assert!(waited >= SOON);
}

#[tokio::test]
async fn the_pools_own_limits_are_told_too() {
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await;
    let host = |number| format!("http://127.0.0.{number}:{}", peer.port());
    let pool = plain(Protocols::Http1)
        .max_connections(2)
        .max_idle(1)
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    let held = (pool.get(host(1)).await, pool.get(host(2)).await);
    assert!(pool.try_get(host(3)).unwrap().is_none());
    let (third, ()) = tokio::join!(pool.get(host(3)), async {
        let mut seen = Vec::new();
        while seen.last() != Some(&Some(Limit::MaxConnections)) {
            let event = next(&mut events).await;
            seen.push(match event {
                PoolEvent::LimitReached {
                    limit,
                    used: 2,
                    most: 2,
                    ..
                } => Some(limit),
                _ => None,
            });
        }
        drop(held);
    });
    drop(third.unwrap());
    loop {
        if let PoolEvent::LimitReached {
            limit: Limit::MaxIdle,
            host,
            used,
            most,
            ..
        } = next(&mut events).await
        {
            assert_eq!((host, used, most), (None, 2, 1));
            return;
        }
    }
}

#[tokio::test]
async fn a_hook_hears_everything_and_may_ask_the_pool_anything() {
    static POOL: OnceLock<Pool> = OnceLock::new();
    let peer = server().await;
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let pool = plain(Protocols::Http1)
        .max_connections_per_host(1)
        .max_connections(1)
        .max_waiters_per_host(1)
        .acquire_timeout(SOON)
        .on_event(|_| panic!("a hook's own fault"))
        .on_event(move |event| {
            count.fetch_add(1, Ordering::SeqCst);
            if let (Some(pool), Some(host)) = (POOL.get(), event.host()) {
                pool.stats();
                // A deadlock here is what this test is for.
                let _ = pool.try_get(host).unwrap();
            }
        })
        .build()
        .unwrap();
    let pool = POOL.get_or_init(|| pool);
    let mut events = pool.subscribe();
    let target = peer.plain_target();
    let held = pool.get(&target).await.unwrap();
    let _ = tokio::join!(pool.get(&target), pool.get(&target));
    drop(held);
    assert_eq!(fetch(pool, &target).await.unwrap(), "hello");
    pool.shutdown(PATIENCE).await;
    let told = names(&mut events);
    for wanted in [
        "dial-started",
        "connection-added",
        "limit-reached",
        "acquire-timed-out",
        "connection-removed",
    ] {
        assert!(told.contains(&wanted), "{wanted} is not in {told:?}");
    }
    assert_eq!(heard.load(Ordering::SeqCst), told.len());
}
