//! Requests whose connection ends under them: sent again where that is safe or allowed, and only there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::check::{Wanted, idle, quiet};
use common::http1::{self, answer, reset};
use common::http2::{self, Http2};
use common::peer::Peer;
use common::request::{fetch, get, plain, post, read};
use common::wait::until;
use futures_util::future::join_all;
use hotpool::client::RequestOptions;
use hotpool::{ErrorKind, Protocols};
use http_body_util::BodyExt;

const RESET: &[ErrorKind] = &[ErrorKind::ConnectionReset, ErrorKind::ConnectionClosed];

/// How a server leaves.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Fin,
    Reset,
}

/// Serves one request on each connection, counts it, and leaves.
async fn one_at_a_time(protocols: Protocols, leaving: Leaving, ledger: Arc<AtomicUsize>) -> Peer {
    Peer::tcp(move |_, mut socket| {
        let ledger = Arc::clone(&ledger);
        async move {
            if protocols == Protocols::Http1 {
                http1::request(&mut socket).await;
                ledger.fetch_add(1, Ordering::SeqCst);
                answer(&mut socket, http1::HELLO).await;
            } else {
                let mut http2 = Http2::accept(&mut socket, &[]).await.unwrap();
                let stream = http2.request().await.unwrap();
                ledger.fetch_add(1, Ordering::SeqCst);
                http2.respond(stream).await;
                // The client has the answer once it acknowledges what follows it.
                http2.write(http2::PING, 0, 0, &[0; 8]).await;
                while http2.read().await.unwrap().kind != http2::PING {}
            }
            match leaving {
                Leaving::Fin => drop(socket),
                Leaving::Reset => reset(socket),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_the_server_closed_are_not_noticed() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        for leaving in [Leaving::Fin, Leaving::Reset] {
            if matches!((protocols, leaving), (Protocols::Http1, Leaving::Reset)) {
                // Whether the answer outruns the reset is chance; see `stale_connections_are_replaced`.
                continue;
            }
            let ledger = Arc::new(AtomicUsize::new(0));
            let peer = one_at_a_time(protocols, leaving, Arc::clone(&ledger)).await;
            let pool = plain(protocols).replay_safe_methods(true).build().unwrap();
            for _ in 0..20 {
                let body = fetch(&pool, &peer.plain_target()).await.unwrap();
                assert_eq!(body, "hello", "{protocols:?} {leaving:?}");
            }
            assert_eq!(ledger.load(Ordering::SeqCst), 20);
            let connection = pool.get(peer.plain_target()).await.unwrap();
            let _ = connection.send(post("once")).await;
            drop(connection);
            assert!(ledger.load(Ordering::SeqCst) <= 21);
            quiet(&pool).await;
        }
    }
}

/// The server closes on the second request of a connection, having read it: for all the client knows, it was processed.
async fn closes_on_the_second(protocols: Protocols, leaving: Leaving) -> (Peer, Arc<AtomicUsize>) {
    let ledger = Arc::new(AtomicUsize::new(0));
    let executed = Arc::clone(&ledger);
    let peer = Peer::tcp(move |_, mut socket| {
        let executed = Arc::clone(&executed);
        async move {
            if protocols == Protocols::Http1 {
                http1::request(&mut socket).await;
                answer(&mut socket, http1::HELLO).await;
                if http1::request(&mut socket).await.is_none() {
                    return;
                }
            } else {
                let mut http2 = Http2::accept(&mut socket, &[]).await.unwrap();
                let stream = http2.request().await.unwrap();
                http2.respond(stream).await;
                if http2.request().await.is_none() {
                    return;
                }
            }
            executed.fetch_add(1, Ordering::SeqCst);
            match leaving {
                Leaving::Fin => drop(socket),
                Leaving::Reset => reset(socket),
            }
        }
    })
    .await;
    (peer, ledger)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_get_that_meets_a_closing_connection_is_sent_again_if_allowed_and_a_post_is_not() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        for leaving in [Leaving::Fin, Leaving::Reset] {
            let (peer, ledger) = closes_on_the_second(protocols, leaving).await;
            let pool = plain(protocols).replay_safe_methods(true).build().unwrap();
            let target = peer.plain_target();
            assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
            // The same connection, on which it was read and dropped; then another.
            assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
            assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 1));
            let connection = pool.get(&target).await.unwrap();
            assert!(connection.is_reused());
            let error = connection.send(post("once")).await.unwrap_err();
            Wanted::sent(error.kind(), peer.address).check(&error);
            assert!(RESET.contains(&error.kind()), "{error:?}");
            drop(connection);
            assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (2, 2));
            quiet(&pool).await;
        }
    }
}

/// Without the caller's word nothing is sent twice that might have been processed, whatever its method.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_twice_without_being_marked() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (peer, ledger) = closes_on_the_second(protocols, Leaving::Fin).await;
        let pool = plain(protocols).build().unwrap();
        let target = peer.plain_target();
        let connection = pool.get(&target).await.unwrap();
        read(&connection).await.unwrap();
        let error = connection.send(get()).await.unwrap_err();
        Wanted::sent(error.kind(), peer.address).check(&error);
        assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (1, 1));
        drop(connection);

        let connection = pool.get(&target).await.unwrap();
        read(&connection).await.unwrap();
        let mut marked = post("twice if need be");
        marked
            .extensions_mut()
            .insert(RequestOptions::new().replayable());
        let response = connection.send(marked).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!((peer.accepted(), ledger.load(Ordering::SeqCst)), (3, 2));
        drop((connection, response));
        quiet(&pool).await;
    }
}

/// What was handed out before the server closed it, and used after: nothing of the request can have been sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_on_a_connection_that_is_known_to_be_closed_goes_to_another() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (peer, ledger) = {
            let ledger = Arc::new(AtomicUsize::new(0));
            let executed = Arc::clone(&ledger);
            let peer = Peer::tcp(move |number, mut socket| {
                let executed = Arc::clone(&executed);
                async move {
                    if protocols == Protocols::Http1 {
                        if number == 0 {
                            return;
                        }
                        while http1::request(&mut socket).await.is_some() {
                            executed.fetch_add(1, Ordering::SeqCst);
                            answer(&mut socket, http1::HELLO).await;
                        }
                    } else {
                        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
                        if number > 0 {
                            executed.fetch_add(http2.serve().await, Ordering::SeqCst);
                        } else {
                            http2.settled().await;
                        }
                    }
                }
            })
            .await;
            (peer, ledger)
        };
        let pool = plain(protocols).build().unwrap();
        let connection = pool.get(peer.plain_target()).await.unwrap();
        until("the connection is gone", || pool.stats().connections == 0).await;
        let response = connection.send(post("once")).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
        drop(connection);
        quiet(&pool).await;
        until("executed once", || ledger.load(Ordering::SeqCst) == 1).await;
    }
}

/// Many idle connections die at once, as when a server restarts: every request must find a living one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarting_server_is_not_noticed() {
    const CONNECTIONS: usize = 10;
    for leaving in [Leaving::Fin, Leaving::Reset] {
        let restart = Arc::new(tokio::sync::Notify::new());
        let signal = Arc::clone(&restart);
        let peer = Peer::tcp(move |number, mut socket| {
            let signal = Arc::clone(&signal);
            async move {
                if number >= CONNECTIONS {
                    return http1::serve(socket).await;
                }
                tokio::select! {
                    () = signal.notified() => {}
                    () = http1::serve(&mut socket) => {}
                }
                match leaving {
                    Leaving::Fin => drop(socket),
                    Leaving::Reset => reset(socket),
                }
            }
        })
        .await;
        // The end of some may cross a request.
        let pool = plain(Protocols::Http1)
            .replay_safe_methods(true)
            .build()
            .unwrap();
        let target = peer.plain_target();
        let held = join_all((0..CONNECTIONS).map(|_| pool.get(&target))).await;
        for connection in held {
            assert_eq!(read(&connection.unwrap()).await.unwrap(), "hello");
        }
        idle(&pool).await;
        assert_eq!(pool.stats().idle, CONNECTIONS);
        restart.notify_waiters();
        for outcome in join_all((0..40).map(|_| fetch(&pool, &target))).await {
            assert_eq!(outcome.unwrap(), "hello");
        }
        quiet(&pool).await;
    }
}

/// The same caller's second request on the connection that its first one opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_own_connection_may_die_between_two_requests() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (peer, _) = closes_on_the_second(protocols, Leaving::Fin).await;
        let pool = plain(protocols).replay_safe_methods(true).build().unwrap();
        let connection = pool.get(peer.plain_target()).await.unwrap();
        assert!(!connection.is_reused());
        assert_eq!(read(&connection).await.unwrap(), "hello");
        assert_eq!(read(&connection).await.unwrap(), "hello");
        assert_eq!(peer.accepted(), 2);
        drop(connection);
        quiet(&pool).await;
    }
}

/// A server that refuses everything counts how often one request came.
#[tokio::test]
async fn a_request_is_sent_again_as_often_as_may_be() {
    let (peer, ledger) = Peer::refusing().await;
    let own = |retries| Some(RequestOptions::new().max_retries(retries));
    // By default a living server is asked three times more.
    for (setting, options, sent) in [
        (None, None, 4),
        (Some(0), None, 1),
        (Some(1), None, 2),
        (Some(1), own(2), 3),
        (None, own(0), 1),
    ] {
        let mut builder = plain(Protocols::Http2);
        if let Some(retries) = setting {
            builder = builder.max_retries(retries);
        }
        let pool = builder.build().unwrap();
        let mut request = get();
        if let Some(options) = options {
            request.extensions_mut().insert(options);
        }
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let error = connection.send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamRefused);
        assert_eq!(ledger.swap(0, Ordering::SeqCst), sent);
        drop(connection);
        quiet(&pool).await;
    }
}
