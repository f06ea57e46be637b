//! Futures dropped at each of their awaits: what they held goes back, and the pool goes on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::{gone, idle, quiet};
use common::dropping::Leaves::AtOnce;
use common::dropping::{MOST_POLLS, polled};
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, get, plain, trusting};
use common::wait::until;
use futures_util::future::join_all;
use futures_util::stream;
use hotpool::{Error, Pool, Protocols};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::timeout;

/// Drops what `attempt` makes after 0, 1, 2, … polls until it completes, and looks after each whether `pool` is as before.
async fn dropped_everywhere<F>(pool: &Pool, target: &str, attempt: impl Fn() -> F)
where
    F: Future,
{
    for polls in 0..MOST_POLLS {
        let done = polled(polls, AtOnce, attempt()).await.is_some();
        idle(pool).await;
        let body = timeout(Duration::from_secs(10), fetch(pool, target));
        assert_eq!(body.await.unwrap().unwrap(), "hello", "after {polls} polls");
        if done {
            return;
        }
    }
    panic!("still not complete after {MOST_POLLS} polls");
}

const BOTH: [Protocols; 2] = [Protocols::Http1, Protocols::Http2];

#[tokio::test]
async fn get_from_a_hot_pool() {
    for protocols in BOTH {
        let peer = Peer::serving(protocols).await;
        let pool = plain(protocols).build().unwrap();
        let target = peer.plain_target();
        fetch(&pool, &target).await.unwrap();
        dropped_everywhere(&pool, &target, || pool.get(&target)).await;
        let host = pool.host(&target).unwrap();
        dropped_everywhere(&pool, &target, || host.get()).await;
        quiet(&pool).await;
    }
}

/// Each attempt is for a host of its own, so that each finds the pool cold.
#[tokio::test]
async fn get_from_a_cold_pool() {
    for protocols in BOTH {
        let peer = Peer::serving(protocols).await;
        for polls in 0..MOST_POLLS {
            let pool = plain(protocols).build().unwrap();
            let done = polled(polls, AtOnce, pool.get(peer.plain_target()))
                .await
                .is_some();
            idle(&pool).await;
            let opened = pool.stats().connections_opened;
            // What had been started is kept as a spare.
            assert_eq!(opened, pool.stats().connections as u64);
            assert_eq!(opened, pool.stats().dials_started);
            assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
            quiet(&pool).await;
            if done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn get_at_a_limit_among_waiters() {
    for protocols in BOTH {
        let peer = Peer::serving(protocols).await;
        let pool = plain(protocols)
            .max_connections_per_host(1)
            .settings(one_stream())
            .build()
            .unwrap();
        let target = peer.plain_target();
        for polls in 0..MOST_POLLS {
            let held = pool.get(&target).await.unwrap();
            let mut before = pin!(fetch(&pool, &target));
            let mut dropped = pin!(polled(polls, AtOnce, async {
                pool.get(&target).await.map(drop)
            }));
            let mut after = pin!(fetch(&pool, &target));
            // All three queue, in this order; then the connection is given back.
            let (first, done, last) = poll_fn(|cx| {
                Poll::Ready((
                    ready(before.as_mut().poll(cx)),
                    ready(dropped.as_mut().poll(cx)),
                    ready(after.as_mut().poll(cx)),
                ))
            })
            .await;
            drop(held);
            assert!(first.is_none() && last.is_none());
            let done = async {
                match done {
                    Some(outcome) => outcome,
                    None => dropped.await,
                }
            };
            let all = async { tokio::join!(before, done, after) };
            let (before, done, after) = timeout(Duration::from_secs(10), all).await.unwrap();
            assert_eq!(
                (before.unwrap(), after.unwrap()),
                ("hello".into(), "hello".into())
            );
            idle(&pool).await;
            if done.is_some() {
                break;
            }
        }
        quiet(&pool).await;
    }
}

fn one_stream() -> hotpool::config::Settings {
    hotpool::config::Settings {
        max_streams_per_connection: Some(1),
        ..Default::default()
    }
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn send_and_the_reading_of_a_body() {
    for protocols in BOTH {
        let peer = Peer::serving(protocols).await;
        let pool = plain(protocols).build().unwrap();
        let target = peer.plain_target();
        let whole = || async {
            let connection = pool.get(&target).await.unwrap();
            let response = connection.send(get()).await.unwrap();
            response.into_body().collect().await.unwrap()
        };
        dropped_everywhere(&pool, &target, whole).await;
        let upload = || async {
            let connection = pool.get(&target).await.unwrap();
            let body = Full::new(Bytes::from(vec![b'x'; 300_000]));
            let request = http::Request::post("/").body(body).unwrap();
            connection.send(request).await.unwrap();
        };
        dropped_everywhere(&pool, &target, upload).await;
        quiet(&pool).await;
    }
}

/// A body that never comes to its end is not read on when its request has been dropped.
#[tokio::test]
async fn send_with_an_endless_body() {
    for protocols in BOTH {
        let peer = Peer::tcp(move |_, socket| async move {
            match protocols {
                Protocols::Http1 => http1::silence(socket).await,
                _ => {
                    let mut http2 = Http2::accept(socket, &[]).await.unwrap();
                    while http2.read().await.is_some() {}
                }
            }
        })
        .await;
        let pool = plain(protocols).build().unwrap();
        let source = Arc::new(());
        let held = Arc::clone(&source);
        let endless = stream::pending::<Result<Frame<Bytes>, Error>>();
        let body = StreamBody::new(futures_util::StreamExt::map(endless, move |frame| {
            let _held = &held;
            frame
        }));
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let request = http::Request::post("/").body(body).unwrap();
        let answer = timeout(Duration::from_millis(50), connection.send(request));
        assert!(answer.await.is_err());
        drop(connection);
        until("the body is dropped", || Arc::strong_count(&source) == 1).await;
        idle(&pool).await;
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn preheat() {
    for protocols in BOTH {
        let peer = Peer::serving(protocols).await;
        for polls in 0..MOST_POLLS {
            let pool = plain(protocols).build().unwrap();
            let target = peer.plain_target();
            let done = polled(polls, AtOnce, pool.preheat([&target]))
                .await
                .is_some();
            idle(&pool).await;
            assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
            quiet(&pool).await;
            if done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn shutdown() {
    let peer = Peer::serving(Protocols::Http2).await;
    for polls in 0..MOST_POLLS {
        let pool = plain(Protocols::Http2).build().unwrap();
        let target = peer.plain_target();
        fetch(&pool, &target).await.unwrap();
        let held = pool.get(&target).await.unwrap();
        let done = polled(polls, AtOnce, pool.shutdown(Duration::from_millis(20))).await;
        let closed = polls > 0;
        assert_eq!(pool.get(&target).await.is_err(), closed);
        drop(held);
        pool.shutdown(Duration::from_secs(10)).await;
        gone(&pool);
        if done.is_some() {
            return;
        }
    }
    panic!("a shutdown of more than {MOST_POLLS} polls");
}

/// The TLS handshake has awaits of its own.
#[tokio::test]
async fn get_over_tls() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, stream| async move {
        if let Some(mut http2) = Http2::accept(stream, &[]).await {
            http2.serve().await;
        }
    })
    .await;
    for polls in 0..MOST_POLLS {
        let pool = trusting(&authority).build().unwrap();
        let done = polled(polls, AtOnce, fetch(&pool, &peer.target()))
            .await
            .is_some();
        // Also the dial itself, cut wherever it is.
        pool.shutdown(Duration::from_secs(10)).await;
        gone(&pool);
        if done {
            return;
        }
    }
    panic!("more than {MOST_POLLS} polls");
}

/// Half of hundreds of callers leave at random points; the other half must not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_the_callers_leave() {
    const CALLERS: usize = 300;
    const SEED: u64 = 0x0f17_5eed;
    for protocols in BOTH {
        let peer = Peer::serving(protocols).await;
        let pool = plain(protocols)
            .max_connections_per_host(4)
            .settings(hotpool::config::Settings {
                max_streams_per_connection: Some(3),
                ..Default::default()
            })
            .build()
            .unwrap();
        let target: Arc<str> = peer.plain_target().into();
        let mut random = StdRng::seed_from_u64(SEED);
        for _ in 0..3 {
            let callers = (0..CALLERS).map(|caller| {
                let (pool, target) = (pool.clone(), Arc::clone(&target));
                let polls = random.random_range(0..8);
                #[allow(clippy::disallowed_methods, reason = "joined below")]
                tokio::spawn(async move {
                    if caller % 2 == 0 {
                        polled(polls, AtOnce, fetch(&pool, &target)).await;
                    } else {
                        assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
                    }
                })
            });
            let callers: Vec<_> = callers.collect();
            let all = timeout(Duration::from_secs(20), join_all(callers));
            for outcome in all.await.unwrap() {
                outcome.unwrap();
            }
            idle(&pool).await;
            assert!(pool.stats().connections <= 4);
        }
        quiet(&pool).await;
    }
}
