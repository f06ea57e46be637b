//! What is kept open for callers to come: probed, given up before the server does, and as many as the load needs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::check::quiet;
use common::http1;
use common::http2::{self, Http2};
use common::peer::Peer;
use common::request::{fetch, get, plain};
use common::wait::{a_round, until};
use hotpool::client::Probe;
use hotpool::pool::PoolEvent;
use hotpool::registry::CloseReason;
use hotpool::{Pool, Protocols};
use tokio::time::timeout;

/// A server that closes connections which have been idle for so long.
async fn closing_after(idle: Duration) -> Peer {
    Peer::tcp(move |_, mut socket| async move {
        while let Ok(Some(_)) = timeout(idle, http1::request(&mut socket)).await {
            http1::answer(&mut socket, http1::HELLO).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_does_not_want_warm_connections_is_reported_and_left_alone() {
    let peer = closing_after(Duration::from_millis(1500)).await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let mut events = pool.subscribe();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let mut told = false;
    until("it is reported", || {
        while let Some(event) = events.try_recv() {
            told |= matches!(event, PoolEvent::NotKeptWarm { .. });
        }
        told
    })
    .await;
    until("nothing is open", || pool.stats().connections == 0).await;
    let dialed = peer.accepted();
    assert!(dialed <= 4, "{dialed} dials");
    for _ in 0..4 {
        a_round().await;
    }
    assert_eq!(peer.accepted(), dialed, "it is left alone");
    // Who asks is served all the same.
    assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
    quiet(&pool).await;
}

#[tokio::test]
async fn an_announced_idle_window_is_kept_to() {
    const ANSWER: &str =
        "HTTP/1.1 200 OK\r\nkeep-alive: max=5, timeout=2\r\ncontent-length: 5\r\n\r\nhello";
    let peer = Peer::tcp(|_, mut socket| async move {
        while http1::request(&mut socket).await.is_some() {
            http1::answer(&mut socket, ANSWER).await;
        }
    })
    .await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let mut events = pool.subscribe();
    assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
    until("it is given up before the server would", || {
        pool.stats().connections == 0
    })
    .await;
    let mut reasons = Vec::new();
    while let Some(event) = events.try_recv() {
        if let PoolEvent::ConnectionRemoved { reason, .. } = event {
            reasons.push(reason);
        }
    }
    assert_eq!(reasons, [CloseReason::IdleTimeout]);
    quiet(&pool).await;
}

/// Requests stay open until the test ends; the server allows four at a time on a connection.
async fn holding() -> Peer {
    Peer::tcp(|_, socket| async {
        let settings = [(http2::MAX_CONCURRENT_STREAMS, 4)];
        let mut http2 = Http2::accept(socket, &settings).await.unwrap();
        while http2.read().await.is_some() {}
    })
    .await
}

#[tokio::test]
async fn another_connection_is_opened_before_the_last_stream_is_taken_and_given_up_after() {
    let peer = holding().await;
    let pool = plain(Protocols::Http2)
        .idle_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let target = peer.plain_target();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(pool.get(&target).await.unwrap());
    }
    a_round().await;
    assert_eq!(peer.accepted(), 1, "a quarter is to spare");
    held.push(pool.get(&target).await.unwrap());
    until("the next one is there before it is needed", || {
        pool.stats().connections == 2
    })
    .await;
    assert_eq!(pool.stats().waiting, 0);
    held.push(pool.try_get(&target).unwrap().expect("at once"));
    let ids: std::collections::HashSet<_> = held.iter().map(|connection| connection.id()).collect();
    assert_eq!(ids.len(), 2);
    held.truncate(1);
    until("the surplus is given up", || pool.stats().connections == 1).await;
    assert_eq!(pool.stats().in_use, 1);
    drop(held);
    quiet(&pool).await;
}

/// What was reset still counts until the server has answered something since.
#[tokio::test]
async fn requests_given_up_on_a_stalled_connection_make_no_room() {
    let answers = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&answers);
    let nudge = Arc::new(tokio::sync::Notify::new());
    let nudged = Arc::clone(&nudge);
    let peer = Peer::tcp(move |_, socket| {
        let (answers, nudged) = (Arc::clone(&open), Arc::clone(&nudged));
        async move {
            let settings = [(http2::MAX_CONCURRENT_STREAMS, 4)];
            let mut http2 = Http2::accept(socket, &settings).await.unwrap();
            http2.settled().await;
            let mut waiting = Vec::new();
            loop {
                tokio::select! {
                    frame = http2.read_silently() => match frame {
                        Some(frame) if frame.kind == http2::PING && frame.flags & http2::ACK == 0 => {
                            waiting.push(frame.payload);
                        }
                        Some(_) => {}
                        None => return,
                    },
                    () = nudged.notified() => {}
                }
                if answers.load(Ordering::SeqCst) {
                    for payload in waiting.drain(..) {
                        http2.write(http2::PING, http2::ACK, 0, &payload).await;
                    }
                }
            }
        }
    })
    .await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(1)
        .suspect_after(Duration::from_secs(60))
        .ping_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let target = peer.plain_target();
    let given_up = |pool: Pool, target: String| async move {
        let connection = pool.get(&target).await.unwrap();
        let sent = timeout(Duration::from_millis(50), connection.send(get())).await;
        assert!(sent.is_err(), "nobody answers");
    };
    for _ in 0..4 {
        given_up(pool.clone(), target.clone()).await;
    }
    assert_eq!(pool.stats().in_use, 4, "all four still count");
    assert!(pool.try_get(&target).unwrap().is_none());
    answers.store(true, Ordering::SeqCst);
    nudge.notify_one();
    until("all have come back", || pool.stats().in_use == 0).await;
    quiet(&pool).await;
}

#[tokio::test]
async fn a_connection_that_fails_its_probe_is_replaced() {
    let probes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&probes);
    // The first connection has gone bad, the others are well.
    let peer = Peer::tcp(move |number, mut socket| {
        let count = Arc::clone(&count);
        async move {
            while let Some(request) = http1::request(&mut socket).await {
                assert!(request.starts_with("GET /health "), "{request}");
                count.fetch_add(1, Ordering::SeqCst);
                let answer = match number {
                    0 => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                    _ => http1::HELLO,
                };
                http1::answer(&mut socket, answer).await;
            }
        }
    })
    .await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let mut events = pool.subscribe();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let probe = Probe::get("/health")
        .unwrap()
        .every(Duration::from_millis(100));
    let probing = pool.probe(peer.plain_target(), probe).unwrap();
    until("the second connection has passed", || {
        peer.accepted() == 2 && probes.load(Ordering::SeqCst) >= 4
    })
    .await;
    let mut reasons = Vec::new();
    while let Some(event) = events.try_recv() {
        if let PoolEvent::ConnectionRemoved { reason, .. } = event {
            reasons.push(reason);
        }
    }
    assert_eq!(
        (reasons, peer.accepted()),
        (vec![CloseReason::Unhealthy], 2)
    );
    drop(probing);
    until("the probing has ended", || pool.stats().tasks == 2).await;
    quiet(&pool).await;
}

#[tokio::test]
async fn a_host_of_which_every_connection_fails_keeps_them() {
    let peer = Peer::tcp(|_, mut socket| async move {
        while http1::request(&mut socket).await.is_some() {
            http1::answer(
                &mut socket,
                "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let pool = plain(Protocols::Http1).build().unwrap();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let probe = Probe::get("/").unwrap().every(Duration::from_millis(50));
    let _probing = pool.probe(peer.plain_target(), probe).unwrap();
    for _ in 0..4 {
        a_round().await;
    }
    assert!(peer.accepted() <= 2, "{} dials", peer.accepted());
    until("one stays", || pool.stats().connections == 1).await;
    quiet(&pool).await;
}
