//! HTTP/2 servers that go away, refuse streams, or change how many they allow.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::check::{Wanted, idle, quiet};
use common::http2::{self, Http2, MAX_CONCURRENT_STREAMS};
use common::peer::Peer;
use common::request::{fetch, plain, post, read};
use common::wait::until;
use futures_util::future::join_all;
use futures_util::stream;
use hotpool::{ErrorKind, Pool, Protocols};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

fn pool() -> Pool {
    plain(Protocols::Http2).build().unwrap()
}

/// Counts requests that a server executed.
type Ledger = Arc<AtomicUsize>;

/// Runs `script` on the first connection and serves on all others; each says how many requests it executed.
async fn first_differs<F, Fut>(settings: &'static [(u16, u32)], script: F) -> (Peer, Ledger)
where
    F: Fn(Http2<TcpStream>, Ledger) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let ledger = Ledger::default();
    let executed = Arc::clone(&ledger);
    let peer = Peer::tcp(move |number, socket| {
        let (script, executed) = (script.clone(), Arc::clone(&executed));
        async move {
            let settings = if number == 0 { settings } else { &[] };
            let Some(mut http2) = Http2::accept(socket, settings).await else {
                return;
            };
            if number == 0 {
                script(http2, executed).await;
            } else {
                while let Some(stream) = http2.request().await {
                    executed.fetch_add(1, Ordering::SeqCst);
                    http2.respond(stream).await;
                }
            }
        }
    })
    .await;
    (peer, ledger)
}

async fn respond(http2: &mut Http2<TcpStream>, stream: u32, ledger: &Ledger) {
    ledger.fetch_add(1, Ordering::SeqCst);
    http2.respond(stream).await;
}

/// All these succeed.
async fn fetch_many(pool: &Pool, target: &str, count: usize) {
    for body in join_all((0..count).map(|_| fetch(pool, target))).await {
        assert_eq!(body.unwrap(), "hello");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_above_the_last_go_elsewhere_and_the_others_complete() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        let streams = [
            http2.request().await.unwrap(),
            http2.request().await.unwrap(),
            http2.request().await.unwrap(),
            http2.request().await.unwrap(),
        ];
        http2.go_away(streams[1], http2::NO_ERROR).await;
        // In flight while the client learns of it, and for as long as it takes.
        respond(&mut http2, streams[1], &ledger).await;
        respond(&mut http2, streams[0], &ledger).await;
        assert!(http2.request().await.is_none(), "a new stream after GOAWAY");
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    fetch_many(&pool, &peer.plain_target(), 4).await;
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 4));
    quiet(&pool).await;
}

/// As nginx and h2 do it: a warning that names no stream, then the real one.
#[tokio::test]
async fn graceful_going_away_in_two_steps() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        let first = http2.request().await.unwrap();
        http2.go_away(u32::MAX >> 1, http2::NO_ERROR).await;
        http2.go_away(first, http2::NO_ERROR).await;
        respond(&mut http2, first, &ledger).await;
        assert!(http2.request().await.is_none(), "a new stream after GOAWAY");
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    for _ in 0..3 {
        fetch_many(&pool, &peer.plain_target(), 1).await;
    }
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 3));
    quiet(&pool).await;
}

#[tokio::test]
async fn going_away_while_idle() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        let first = http2.request().await.unwrap();
        respond(&mut http2, first, &ledger).await;
        http2.go_away(first, http2::NO_ERROR).await;
        assert!(http2.request().await.is_none(), "a new stream after GOAWAY");
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    let target = peer.plain_target();
    fetch_many(&pool, &target, 1).await;
    until("the connection is gone", || pool.stats().connections == 0).await;
    fetch_many(&pool, &target, 5).await;
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 6));
    quiet(&pool).await;
}

#[tokio::test]
async fn going_away_and_closing_at_once_leaves_nothing_unanswered() {
    let script = |mut http2: Http2<TcpStream>, _| async move {
        http2.request().await.unwrap();
        http2.request().await.unwrap();
        http2.go_away(0, http2::INTERNAL_ERROR).await;
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    fetch_many(&pool, &peer.plain_target(), 2).await;
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 2));
    quiet(&pool).await;
}

/// What the server may have processed is not sent again.
#[tokio::test]
async fn a_post_below_the_last_stream_is_not_repeated() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        let stream = http2.request().await.unwrap();
        ledger.fetch_add(1, Ordering::SeqCst);
        http2.go_away(stream, http2::NO_ERROR).await;
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let error = connection.send(post("once")).await.unwrap_err();
    Wanted::sent(error.kind(), peer.address).check(&error);
    drop(connection);
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (1, 1));
    quiet(&pool).await;
}

#[tokio::test]
async fn a_post_above_the_last_stream_is_repeated_if_there_is_another_copy_of_it() {
    let script = |mut http2: Http2<TcpStream>, _| async move {
        http2.request().await.unwrap();
        http2.go_away(0, http2::NO_ERROR).await;
        while http2.read().await.is_some() {}
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    // In parts: once a connection has had it, it is gone.
    let parts =
        ["in ", "parts"].map(|part| Ok::<_, std::io::Error>(Frame::data(Bytes::from(part))));
    let gone = http::Request::post("/").body(StreamBody::new(stream::iter(parts)));
    let error = connection.send(gone.unwrap()).await.unwrap_err();
    Wanted {
        retryable: true,
        ..Wanted::sent(ErrorKind::GoAway, peer.address)
    }
    .check(&error);
    drop(connection);
    assert_eq!(ledger.load(Ordering::SeqCst), 0);
    quiet(&pool).await;

    let (peer, ledger) = first_differs(&[], script).await;
    let pool = self::pool();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let response = connection.send(post("whole")).await.unwrap();
    assert_eq!((response.status().as_u16(), peer.accepted()), (200, 2));
    drop((connection, response));
    assert_eq!(ledger.load(Ordering::SeqCst), 1);
    quiet(&pool).await;
}

#[tokio::test]
async fn refused_streams_are_sent_again() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        for _ in 0..5 {
            let stream = http2.request().await.unwrap();
            http2.reset(stream, http2::REFUSED_STREAM).await;
        }
        while let Some(stream) = http2.request().await {
            respond(&mut http2, stream, &ledger).await;
        }
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    fetch_many(&pool, &peer.plain_target(), 3).await;
    assert_eq!(ledger.load(Ordering::SeqCst), 3);
    quiet(&pool).await;
}

/// The only stream of the only connection: sending again must not wait for itself.
#[tokio::test]
async fn a_refused_stream_at_the_limit_is_sent_again() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        let stream = http2.request().await.unwrap();
        http2.reset(stream, http2::REFUSED_STREAM).await;
        while let Some(stream) = http2.request().await {
            respond(&mut http2, stream, &ledger).await;
        }
    };
    let (peer, ledger) = first_differs(&[(MAX_CONCURRENT_STREAMS, 1)], script).await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(1)
        .acquire_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    fetch_many(&pool, &peer.plain_target(), 2).await;
    assert_eq!(ledger.load(Ordering::SeqCst), 2);
    quiet(&pool).await;
}

/// The connection that goes away has the only place until it is gone.
#[tokio::test]
async fn going_away_at_the_limit() {
    let script = |mut http2: Http2<TcpStream>, _| async move {
        http2.request().await.unwrap();
        http2.go_away(0, http2::NO_ERROR).await;
        while http2.read().await.is_some() {}
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(1)
        .acquire_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    fetch_many(&pool, &peer.plain_target(), 3).await;
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 3));
    quiet(&pool).await;
}

#[tokio::test]
async fn a_server_that_refuses_every_stream_is_an_error() {
    let peer = Peer::tcp(|_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        while let Some(stream) = http2.request().await {
            http2.reset(stream, http2::REFUSED_STREAM).await;
        }
    })
    .await;
    let pool = pool();
    let error = fetch(&pool, &peer.plain_target()).await.unwrap_err();
    Wanted {
        retryable: true,
        ..Wanted::sent(ErrorKind::StreamRefused, peer.address)
    }
    .words(&["the server refused the request unprocessed"])
    .check(&error);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_not_asked_four_times_for_everything() {
    let (peer, asked) = Peer::refusing().await;
    let (pool, target) = (pool(), peer.plain_target());
    let requests = (0..200).map(|_| fetch(&pool, &target));
    for outcome in join_all(requests).await {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::StreamRefused);
    }
    // Three repetitions each would make 800. The budget grants 100 at once, a fifth of the requests, and ten a second.
    let asked = asked.load(Ordering::SeqCst);
    assert!((201..500).contains(&asked), "{asked}");
    quiet(&pool).await;
}

/// Serves with a delay, as many streams at once as there are, and remembers the most that were open.
async fn counting_peer(settings: &'static [(u16, u32)], most: Ledger) -> Peer {
    Peer::tcp(move |_, socket| {
        let most = Arc::clone(&most);
        async move {
            let Some(mut http2) = Http2::accept(socket, settings).await else {
                return;
            };
            let mut open = Vec::new();
            loop {
                let next = tokio::time::timeout(Duration::from_millis(5), http2.request());
                match next.await {
                    Ok(Some(stream)) => {
                        open.push(stream);
                        most.fetch_max(open.len(), Ordering::SeqCst);
                    }
                    Ok(None) => return,
                    Err(_) => {
                        for stream in open.drain(..) {
                            http2.respond(stream).await;
                        }
                    }
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_streams_than_the_server_allows() {
    let most = Ledger::default();
    let peer = counting_peer(&[(MAX_CONCURRENT_STREAMS, 3)], Arc::clone(&most)).await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(2)
        .build()
        .unwrap();
    fetch_many(&pool, &peer.plain_target(), 40).await;
    assert_eq!((most.load(Ordering::SeqCst), peer.accepted()), (3, 2));
    quiet(&pool).await;
}

/// Starts with four streams, goes down to one while two are open, then up to two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_changes_is_respected_and_waiters_are_served() {
    let raise = Arc::new(Notify::new());
    let raised = Arc::clone(&raise);
    let script = move |mut http2: Http2<TcpStream>, ledger: Ledger| {
        let raised = Arc::clone(&raised);
        async move {
            let first = [
                http2.request().await.unwrap(),
                http2.request().await.unwrap(),
            ];
            http2.settings(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
            http2.settled().await;
            for stream in first {
                respond(&mut http2, stream, &ledger).await;
            }
            // One at a time from here.
            let third = http2.request().await.unwrap();
            raised.notified().await;
            http2.settings(&[(MAX_CONCURRENT_STREAMS, 2)]).await;
            let fourth = http2.request().await.unwrap();
            for stream in [fourth, third] {
                respond(&mut http2, stream, &ledger).await;
            }
            while let Some(stream) = http2.request().await {
                respond(&mut http2, stream, &ledger).await;
            }
        }
    };
    let (peer, ledger) = first_differs(&[(MAX_CONCURRENT_STREAMS, 4)], script).await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(1)
        .build()
        .unwrap();
    let target = peer.plain_target();
    fetch_many(&pool, &target, 2).await;
    let both = async {
        fetch_many(&pool, &target, 2).await;
    };
    let raising = async {
        until("one uses it, one waits", || {
            let stats = pool.stats();
            (stats.in_use, stats.waiting) == (1, 1)
        })
        .await;
        raise.notify_one();
    };
    tokio::join!(both, raising);
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (1, 4));
    quiet(&pool).await;
}

#[tokio::test]
async fn a_server_that_allows_no_stream_keeps_callers_waiting_until_it_does() {
    let raise = Arc::new(Notify::new());
    let raised = Arc::clone(&raise);
    let script = move |mut http2: Http2<TcpStream>, ledger: Ledger| {
        let raised = Arc::clone(&raised);
        async move {
            http2.settled().await;
            raised.notified().await;
            http2.settings(&[(MAX_CONCURRENT_STREAMS, 10)]).await;
            while let Some(stream) = http2.request().await {
                respond(&mut http2, stream, &ledger).await;
            }
        }
    };
    let (peer, ledger) = first_differs(&[(MAX_CONCURRENT_STREAMS, 0)], script).await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(1)
        .build()
        .unwrap();
    let target = peer.plain_target();
    let raising = async {
        until("three wait", || {
            pool.stats().waiting == 3 && pool.stats().connections == 1
        })
        .await;
        raise.notify_one();
    };
    tokio::join!(fetch_many(&pool, &target, 3), raising);
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (1, 3));
    quiet(&pool).await;
}

#[tokio::test]
async fn a_server_that_never_allows_a_stream_is_an_error_that_says_so() {
    let peer = Peer::tcp(|_, socket| async move {
        if let Some(mut http2) = Http2::accept(socket, &[(MAX_CONCURRENT_STREAMS, 0)]).await {
            http2.serve().await;
        }
    })
    .await;
    let pool = plain(Protocols::Http2)
        .acquire_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let error = fetch(&pool, &peer.plain_target()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    assert!(
        error.to_string().contains("the server allows no stream"),
        "{error}"
    );
    assert_eq!(peer.accepted(), 2, "more connections would not help");
    quiet(&pool).await;
}

/// What a caller holds is returned to the connection it came from, also when that one is on its way out.
#[tokio::test]
async fn a_held_connection_that_goes_away_closes_when_it_is_returned() {
    let script = |mut http2: Http2<TcpStream>, ledger: Ledger| async move {
        let stream = http2.request().await.unwrap();
        respond(&mut http2, stream, &ledger).await;
        http2.go_away(stream, http2::NO_ERROR).await;
        while http2.read().await.is_some() {}
    };
    let (peer, ledger) = first_differs(&[], script).await;
    let pool = pool();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    assert_eq!(read(&connection).await.unwrap(), "hello");
    until("out of rotation", || pool.stats().connections == 0).await;
    // The holder's next request goes to another connection.
    assert_eq!(read(&connection).await.unwrap(), "hello");
    assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 2));
    drop(connection);
    idle(&pool).await;
    assert_eq!(pool.stats().connections, 1);
    quiet(&pool).await;
}

/// A connection on its way out is no reason to wait when its successor cannot be had.
#[tokio::test]
async fn a_refused_redial_is_told_while_an_old_stream_still_runs() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let pool = pool();
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        // Nobody listens from now on.
        drop(listener);
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        let stream = http2.request().await.unwrap();
        http2.begin(stream, b"and then").await;
        http2.go_away(stream, http2::NO_ERROR).await;
        http2
    };
    let client = async {
        let connection = pool.get(&target).await.unwrap();
        let response = connection.send(common::request::get()).await.unwrap();
        (connection, response)
    };
    let (_http2, (connection, response)) = tokio::join!(server, client);
    until("out of rotation", || pool.stats().connections == 0).await;
    for _ in 0..2 {
        let error = pool.get(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectRefused, "{error:?}");
    }
    drop((connection, response));
    quiet(&pool).await;
}

/// A server that takes every connection back at once is not dialed without pause for as long as somebody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_connections_back_is_dialed_with_pauses() {
    let peer = Peer::tcp(|_, socket| async move {
        if let Some(mut http2) = Http2::accept(socket, &[(MAX_CONCURRENT_STREAMS, 0)]).await {
            // Once it is settled: the client's acknowledgement.
            while http2
                .read()
                .await
                .is_some_and(|frame| frame.flags & http2::ACK == 0)
            {}
            http2.go_away(0, http2::NO_ERROR).await;
            while http2.read().await.is_some() {}
        }
    })
    .await;
    let pool = plain(Protocols::Http2)
        .acquire_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let error = pool.get(peer.plain_target()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error:?}");
    assert!(peer.accepted() <= 6, "{} dials", peer.accepted());
    quiet(&pool).await;
}

/// A server's old process, which still accepts while it is being reloaded, takes back what it accepts; the new one serves.
#[tokio::test]
async fn a_connection_taken_back_before_it_is_settled_is_dialed_anew_once() {
    /// SETTINGS and GOAWAY in one segment.
    const TAKEN_BACK: &[u8] = &[
        0,
        0,
        0,
        http2::SETTINGS,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        8,
        http2::GOAWAY,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    // A dial tries the address a second time by itself.
    const FOR_EVER: usize = 100;
    for taken_back in [1, 2, FOR_EVER] {
        let peer = Peer::tcp(move |number, mut socket| async move {
            if number < taken_back {
                socket.write_all(TAKEN_BACK).await.unwrap();
                socket.shutdown().await.unwrap();
                let _ = socket.read_to_end(&mut Vec::new()).await;
                return;
            }
            Http2::accept(socket, &[]).await.unwrap().serve().await;
        })
        .await;
        let pool = plain(Protocols::Http2).build().unwrap();
        match pool.get(peer.plain_target()).await {
            Ok(connection) => {
                assert!(taken_back < FOR_EVER);
                assert_eq!(read(&connection).await.unwrap(), "hello");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::GoAway, "{error:?}");
                assert_eq!(taken_back, FOR_EVER);
            }
        }
        assert!(peer.accepted() >= 2);
        quiet(&pool).await;
    }
}
