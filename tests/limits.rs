//! The pool's limits: who waits, who is served first, what makes room, what ends when.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use common::check::{idle, quiet};
use common::http1::{self, silence};
use common::http2::{self, Http2};
use common::peer::Peer;
use common::request::{fetch, plain, read};
use common::wait::{a_round, until};
use futures_util::future::join_all;
use hotpool::config::Settings;
use hotpool::pool::PoolBuilder;
use hotpool::registry::{CloseReason, Event, Events, Health};
use hotpool::{Connection, ErrorKind, Pool, Protocols};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

async fn server() -> Peer {
    Peer::tcp(|_, socket| http1::serve(socket)).await
}

fn builder() -> PoolBuilder {
    plain(Protocols::Http1)
}

/// Hosts that differ in name only, so that one server is several hosts.
fn host(peer: &Peer, number: u8) -> String {
    format!("http://127.0.0.{number}:{}", peer.port())
}

/// One server for all of 127.0.0.0/8.
async fn server_of_many_hosts() -> Peer {
    Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await
}

/// Opens `count` connections to `target` and returns them all.
async fn open(pool: &Pool, target: &str, count: usize) {
    let held = join_all((0..count).map(|_| pool.get(target))).await;
    for connection in held {
        connection.unwrap();
    }
}

/// The host and reason of the next connection that closes.
async fn next_closed(events: &mut Events) -> (String, CloseReason) {
    let closed = async {
        loop {
            if let Event::Closed { host, reason, .. } = events.recv().await.unwrap() {
                return (host.unwrap().to_string(), reason);
            }
        }
    };
    timeout(PATIENCE, closed).await.unwrap()
}

#[tokio::test]
async fn callers_beyond_the_hosts_connections_are_served_in_their_order() {
    const CALLERS: usize = 20;
    let peer = server().await;
    let pool = builder().max_connections_per_host(2).build().unwrap();
    let target = peer.plain_target();
    let held = [
        pool.get(&target).await.unwrap(),
        pool.get(&target).await.unwrap(),
    ];
    let order = Mutex::new(Vec::new());
    let callers = (0..CALLERS).map(|number| {
        let (pool, target, order) = (&pool, &target, &order);
        async move {
            let connection = pool.get(target).await.unwrap();
            order.lock().push(number);
            assert_eq!(read(&connection).await.unwrap(), "hello");
        }
    });
    let mut callers = pin!(join_all(callers));
    // `join_all` polls in order, so this is the order in which they queue.
    poll_fn(|cx| {
        assert!(callers.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    assert_eq!(pool.stats().waiting, CALLERS);
    drop(held);
    timeout(PATIENCE, callers).await.unwrap();
    assert_eq!(*order.lock(), (0..CALLERS).collect::<Vec<_>>());
    assert_eq!(peer.accepted(), 2);
    quiet(&pool).await;
}

#[tokio::test]
async fn waiting_too_long_names_the_limit() {
    let peer = server_of_many_hosts().await;
    let cases = [
        (
            builder().max_connections_per_host(1),
            1,
            "max_connections_per_host: 1 of 1",
        ),
        (builder().max_connections(1), 2, "max_connections: 1 of 1"),
    ];
    for (builder, other, words) in cases {
        let pool = builder
            .acquire_timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        let held = pool.get(host(&peer, 1)).await.unwrap();
        let error = pool.get(host(&peer, other)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error:?}");
        assert!(error.is_timeout() && error.is_retryable() && !error.was_sent());
        assert!(error.to_string().contains(words), "{error}");
        let host = format!("127.0.0.{other}");
        assert_eq!((error.host(), error.address()), (Some(&*host), None));
        assert_eq!(pool.stats().waiting, 0);
        drop(held);
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn waiting_for_a_dial_says_so() {
    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = Pool::builder()
        .settings(Settings {
            max_dials: Some(1),
            acquire_timeout: Some(Duration::from_millis(200)),
            tls_timeout: Some(Duration::from_millis(600)),
            ..Settings::default()
        })
        .build()
        .unwrap();
    let (one, other) = (format!("127.0.0.1:{}", mute.port()), mute.target());
    let (one, other) = tokio::join!(pool.get(one), pool.get(other));
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error:?}");
        assert!(error.to_string().contains("dial"), "{error}");
    }
    quiet(&pool).await;
    // One after the other: the second was never begun.
    assert_eq!(mute.accepted(), 2);
}

/// Four hosts that never answer a hello call for twenty dials. Of sixteen turns four are for hosts that have none: the first two have
/// five, the third two, the fourth its first.
#[tokio::test]
async fn hosts_whose_dials_hang_leave_turns_to_others() {
    let mute = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| silence(socket)).await;
    let peer = server().await;
    let pool = builder()
        .settings(Settings {
            max_dials: Some(16),
            connect_timeout: Some(2 * PATIENCE),
            tls_timeout: Some(2 * PATIENCE),
            acquire_timeout: Some(2 * PATIENCE),
            ..Settings::default()
        })
        .build()
        .unwrap();
    let hosts = (2..6).map(|number| format!("https://127.0.0.{number}:{}", mute.port()));
    let callers = join_all(
        hosts
            .flat_map(|host| (0..5).map(move |_| host.clone()))
            .map(|host| {
                let pool = pool.clone();
                async move { pool.get(host).await }
            }),
    );
    let mut waiting = JoinSet::new();
    waiting.spawn(callers);
    until("the dead hosts have their turns", || mute.accepted() == 13).await;
    let served = timeout(PATIENCE, fetch(&pool, &peer.plain_target())).await;
    served.unwrap().unwrap();
    assert_eq!(mute.accepted(), 13);
    waiting.shutdown().await;
}

#[tokio::test]
async fn a_hundred_callers_of_a_host_that_can_only_speak_http1_are_not_held_up_by_its_first_handshake()
 {
    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = builder().max_connections_per_host(5).build().unwrap();
    let target = mute.target();
    let callers = join_all((0..100).map(|_| pool.get(&target)));
    tokio::select! {
        _ = callers => panic!("a mute server serves nobody"),
        () = until("each of them dials", || mute.accepted() == 5) => {}
    }
}

#[tokio::test]
async fn one_waiter_too_many_is_refused_at_once() {
    let peer = server().await;
    let pool = builder()
        .max_connections_per_host(1)
        .settings(Settings {
            max_waiters_per_host: Some(2),
            ..Settings::default()
        })
        .build()
        .unwrap();
    let target = peer.plain_target();
    let held = pool.get(&target).await.unwrap();
    let waiting = async { tokio::join!(fetch(&pool, &target), fetch(&pool, &target)) };
    let refused = async {
        let error = pool.get(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QueueFull);
        assert!(error.is_retryable() && !error.is_timeout() && !error.was_sent());
        assert!(
            error.to_string().contains("max_waiters_per_host: 2 of 2"),
            "{error}"
        );
        drop(held);
    };
    let began = Instant::now();
    let ((one, other), ()) = tokio::join!(waiting, refused);
    assert_eq!(
        (one.unwrap(), other.unwrap()),
        ("hello".into(), "hello".into())
    );
    assert!(began.elapsed() < PATIENCE);
    quiet(&pool).await;
}

/// Three hosts with one idle connection each, used in the order 1, 2, 3; then a fourth host needs a place. Each connection answers one
/// request and breaks off the next.
async fn evicted(change: impl AsyncFnOnce(&Pool, &Peer)) -> String {
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        let stream = http2.request().await.unwrap();
        http2.respond(stream).await;
        while let Some(stream) = http2.request().await {
            http2.reset(stream, http2::INTERNAL_ERROR).await;
        }
    })
    .await;
    let pool = plain(Protocols::Http2).max_connections(3).build().unwrap();
    for number in 1..=3 {
        fetch(&pool, &host(&peer, number)).await.unwrap();
        a_round().await;
    }
    change(&pool, &peer).await;
    let mut events = pool.registry().subscribe();
    let began = Instant::now();
    assert_eq!(fetch(&pool, &host(&peer, 4)).await.unwrap(), "hello");
    assert!(began.elapsed() < Duration::from_secs(5));
    let (host, reason) = next_closed(&mut events).await;
    assert_eq!(reason, CloseReason::Evicted);
    assert_eq!(pool.stats().connections, 3, "more than one was evicted");
    quiet(&pool).await;
    host
}

#[tokio::test]
async fn the_least_recently_used_makes_room() {
    assert_eq!(evicted(async |_, _| {}).await, "127.0.0.1");
}

#[tokio::test]
async fn the_unhealthy_make_room_before_the_healthy() {
    let suspect = async |pool: &Pool, peer: &Peer| {
        let error = fetch(pool, &host(peer, 3)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamReset);
        let entries = pool.registry().by_host("127.0.0.3");
        assert!(
            entries
                .iter()
                .all(|entry| entry.health() == Health::Suspect)
        );
    };
    assert_eq!(evicted(suspect).await, "127.0.0.3");
}

#[tokio::test]
async fn the_preheated_make_room_last() {
    let preheat = async |pool: &Pool, peer: &Peer| {
        let report = pool.preheat([host(peer, 1), host(peer, 2)]).await;
        assert!(report.is_complete());
    };
    assert_eq!(evicted(preheat).await, "127.0.0.3");
}

#[tokio::test]
async fn connections_in_use_are_not_evicted() {
    let peer = server_of_many_hosts().await;
    let pool = builder().max_connections(2).build().unwrap();
    let held = pool.get(host(&peer, 1)).await.unwrap();
    fetch(&pool, &host(&peer, 2)).await.unwrap();
    fetch(&pool, &host(&peer, 3)).await.unwrap();
    assert_eq!(read(&held).await.unwrap(), "hello");
    drop(held);
    quiet(&pool).await;
}

/// More hosts than places, all at once, again and again: everybody is served, and never is a place more taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hosts_share_few_places() {
    let peer = server_of_many_hosts().await;
    let pool = builder().max_connections(3).build().unwrap();
    for _ in 0..3 {
        let callers = (1..=30).map(|number| {
            let (pool, target) = (&pool, host(&peer, number));
            async move {
                let body = fetch(pool, &target).await;
                assert!(pool.stats().places_taken <= 3);
                body
            }
        });
        for body in timeout(PATIENCE, join_all(callers)).await.unwrap() {
            assert_eq!(body.unwrap(), "hello");
        }
    }
    quiet(&pool).await;
}

/// A caller that waited for a place and left no longer needs one.
#[tokio::test]
async fn nothing_is_evicted_for_a_caller_that_left() {
    let peer = server_of_many_hosts().await;
    let pool = builder().max_connections(1).build().unwrap();
    let held = pool.get(host(&peer, 1)).await.unwrap();
    let id = held.id();
    let left = timeout(Duration::from_millis(20), pool.get(host(&peer, 2)));
    assert!(left.await.is_err());
    drop(held);
    idle(&pool).await;
    let again = pool.get(host(&peer, 1)).await.unwrap();
    assert_eq!((again.id(), peer.accepted()), (id, 1));
    drop(again);
    quiet(&pool).await;
}

/// The place that one leaver would have had goes to the next who waits, at once.
#[tokio::test]
async fn a_place_passes_by_those_who_left() {
    let peer = server_of_many_hosts().await;
    let pool = builder().max_connections(1).build().unwrap();
    let held = pool.get(host(&peer, 1)).await.unwrap();
    let left = timeout(Duration::from_millis(20), pool.get(host(&peer, 2)));
    let (gone, stayed) = tokio::join!(left, async {
        let target = host(&peer, 3);
        let mut stayed = pin!(fetch(&pool, &target));
        let waits = timeout(Duration::from_millis(60), &mut stayed).await;
        assert!(waits.is_err());
        drop(held);
        timeout(PATIENCE, stayed).await.unwrap()
    });
    assert!(gone.is_err());
    assert_eq!(stayed.unwrap(), "hello");
    quiet(&pool).await;
}

#[tokio::test]
async fn idle_connections_beyond_the_limit_are_closed() {
    let peer = server().await;
    let pool = builder().max_idle(2).build().unwrap();
    open(&pool, &peer.plain_target(), 6).await;
    until("trimmed", || pool.stats().connections == 2).await;
    assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
    assert_eq!(peer.accepted(), 6);
    quiet(&pool).await;
}

#[tokio::test]
async fn an_unused_connection_is_closed_and_a_warm_one_stays() {
    let peer = server_of_many_hosts().await;
    let pool = builder()
        .idle_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let mut events = pool.registry().subscribe();
    assert!(pool.preheat([host(&peer, 1)]).await.is_complete());
    fetch(&pool, &host(&peer, 2)).await.unwrap();
    let closed = next_closed(&mut events).await;
    assert_eq!(closed, ("127.0.0.2".to_owned(), CloseReason::IdleTimeout));
    until("the unused host is forgotten", || pool.stats().hosts == 1).await;
    assert_eq!(pool.stats().connections, 1);
    // A forgotten host comes back when it is asked for.
    assert_eq!(fetch(&pool, &host(&peer, 2)).await.unwrap(), "hello");
    quiet(&pool).await;
}

#[tokio::test]
async fn a_cooled_host_is_idle_as_any_other() {
    let peer = server_of_many_hosts().await;
    let pool = builder()
        .idle_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let mut events = pool.registry().subscribe();
    assert!(pool.preheat([host(&peer, 1)]).await.is_complete());
    assert!(pool.cool(host(&peer, 1)).unwrap());
    let closed = next_closed(&mut events).await;
    assert_eq!(closed, ("127.0.0.1".to_owned(), CloseReason::IdleTimeout));
    until("the cooled host is forgotten", || pool.stats().hosts == 0).await;
    assert!(!pool.cool(host(&peer, 1)).unwrap(), "it was cold");
    assert_eq!(pool.stats().hosts, 0, "cooling makes no host");
    assert_eq!(peer.accepted(), 1);
    let error = pool.cool("no host").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTarget);
    quiet(&pool).await;
}

#[tokio::test]
async fn an_old_connection_is_replaced_and_one_in_use_may_finish() {
    let peer = server().await;
    let pool = builder()
        .max_lifetime(Duration::from_millis(500))
        .connect_timeout(Duration::from_millis(500) / 2)
        .build()
        .unwrap();
    let target = peer.plain_target();
    let mut events = pool.registry().subscribe();
    let held: Connection = pool.get(&target).await.unwrap();
    until("out of rotation", || pool.stats().connections == 0).await;
    assert_eq!(pool.stats().places_taken, 1);
    let id = held.id();
    assert_eq!(read(&held).await.unwrap(), "hello");
    assert_eq!(held.id(), id, "a connection in use is not taken away");
    drop(held);
    let (_, reason) = next_closed(&mut events).await;
    assert_eq!(reason, CloseReason::LifetimeReached);
    assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
    assert_eq!(peer.accepted(), 2);
    quiet(&pool).await;
}

/// There is always a warm connection, also while one replaces the other.
#[tokio::test]
async fn a_warm_connection_is_replaced_before_it_retires() {
    let peer = server().await;
    let pool = builder()
        .max_lifetime(Duration::from_secs(3))
        .connect_timeout(Duration::from_secs(3) / 2)
        .build()
        .unwrap();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    until("replaced", || {
        assert!(pool.stats().connections >= 1);
        pool.stats().connections_closed == 1
    })
    .await;
    quiet(&pool).await;
}

#[tokio::test]
async fn warmth_is_refilled_after_the_server_closes() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let peer = Peer::tcp(move |number, socket| async move {
            if protocols == Protocols::Http1 {
                if number > 1 {
                    http1::serve(socket).await;
                }
            } else if let Some(mut http2) = Http2::accept(socket, &[]).await {
                http2.settled().await;
                if number > 1 {
                    http2.serve().await;
                }
            }
        })
        .await;
        let pool = plain(protocols)
            .settings(Settings {
                min_warm: Some(2),
                ..Settings::default()
            })
            .build()
            .unwrap();
        pool.preheat([peer.plain_target()]).await;
        until("two that stay", || {
            (peer.accepted(), pool.stats().connections) == (4, 2)
        })
        .await;
        idle(&pool).await;
        assert_eq!(
            fetch(&pool, &peer.plain_target()).await.unwrap(),
            "hello",
            "{protocols:?}"
        );
        assert_eq!(peer.accepted(), 4);
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn a_preheated_host_that_was_down_is_warm_once_it_is_up() {
    let address = server().await.address;
    let pool = builder().build().unwrap();
    let target = format!("http://{address}");
    let report = pool.preheat([&target]).await;
    let (_, error) = report.failed().next().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    let peer = Peer::tcp_at(address, |_, socket| http1::serve(socket)).await;
    until("warm", || pool.stats().connections == 1).await;
    assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}

/// A host whose connections are never idle does not keep another from the pool for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_under_full_load_gives_a_place_to_one_that_has_none() {
    let peer = server_of_many_hosts().await;
    let pool = builder().max_connections(2).build().unwrap();
    let (busy, other) = (host(&peer, 1), host(&peer, 2));
    open(&pool, &busy, 2).await;
    let done = tokio_util::sync::CancellationToken::new();
    let load = join_all((0..8).map(|_| async {
        while !done.is_cancelled() {
            fetch(&pool, &busy).await.unwrap();
        }
    }));
    let newcomer = async {
        let fetched = timeout(PATIENCE, fetch(&pool, &other)).await;
        done.cancel();
        assert_eq!(
            fetched.expect("no place for the other host").unwrap(),
            "hello"
        );
    };
    tokio::join!(load, newcomer);
    quiet(&pool).await;
}
