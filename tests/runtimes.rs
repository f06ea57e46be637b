//! A pool and the runtimes that it is built on, used from, and outlives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use common::check::{gone, quiet};
use common::http1::{self, answer, silence};
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, get, plain, read};
use common::wait::until;
use hotpool::{ErrorKind, Pool, Protocols};
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn build_on(runtime: &Runtime, protocols: Protocols) -> Pool {
    let _inside = runtime.enter();
    plain(protocols).build().unwrap()
}

/// Runs a future without any runtime: no timer, no sockets.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_pool_is_used_from_another_runtime() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (theirs, owning, using) = (runtime(), runtime(), runtime());
        let peer = theirs.block_on(Peer::serving(protocols));
        let pool = build_on(&owning, protocols);
        for _ in 0..3 {
            let body = using.block_on(fetch(&pool, &peer.plain_target())).unwrap();
            assert_eq!(body, "hello");
        }
        // A runtime that has only used it may end.
        drop(using);
        let body = owning.block_on(fetch(&pool, &peer.plain_target())).unwrap();
        assert_eq!((&*body, peer.accepted()), (&b"hello"[..], 1));
        owning.block_on(quiet(&pool));
    }
}

#[test]
fn a_pool_is_used_without_a_runtime() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (theirs, owning) = (runtime(), runtime());
        let peer = theirs.block_on(Peer::serving(protocols));
        let pool = build_on(&owning, protocols);
        let target = peer.plain_target();
        let report = block_on(pool.preheat([&target]));
        assert!(report.is_complete());
        for _ in 0..3 {
            assert_eq!(block_on(fetch(&pool, &target)).unwrap(), "hello");
        }
        let cold = format!("{target}/").replace("localhost", "127.0.0.1");
        assert_eq!(block_on(fetch(&pool, &cold)).unwrap(), "hello");
        block_on(pool.shutdown(Duration::from_secs(10)));
        gone(&pool);
    }
}

#[test]
fn building_without_a_runtime_is_an_error() {
    let error = Pool::builder().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    assert!(error.to_string().contains("tokio runtime"), "{error}");
    let owning = runtime();
    let pool = Pool::builder()
        .runtime(owning.handle().clone())
        .build()
        .unwrap();
    owning.block_on(quiet(&pool));
}

async fn fails_clearly(pool: &Pool, target: &str) {
    let error = pool.get(target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
    assert!(
        error.to_string().contains("runtime that owns the pool"),
        "{error}"
    );
    assert_eq!(error.host(), Some("localhost"));
    assert!(!error.was_sent() && !error.is_retryable());
    let report = pool.preheat([target]).await;
    let (_, error) = report.failed().next().unwrap();
    assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
}

#[test]
fn after_its_runtime_has_ended_a_pool_says_so() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (theirs, owning, using) = (runtime(), runtime(), runtime());
        let peer = theirs.block_on(Peer::serving(protocols));
        let pool = build_on(&owning, protocols);
        let target = peer.plain_target();
        using.block_on(fetch(&pool, &target)).unwrap();
        let held = using.block_on(pool.get(&target)).unwrap();
        drop(owning);
        assert_eq!(pool.stats().connections, 0);
        using.block_on(fails_clearly(&pool, &target));
        let error = using.block_on(read(&held)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
        drop(held);
        let error = block_on(pool.get(&target)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
        using.block_on(pool.shutdown(Duration::from_secs(5)));
        gone(&pool);
    }
}

/// A request in flight, a body half read, a dial under way and a caller at a limit, when the runtime ends.
#[test]
fn what_is_under_way_when_the_runtime_ends_fails_clearly() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let (theirs, owning, using) = (runtime(), runtime(), runtime());
        let peer = theirs.block_on(Peer::tcp(move |_, mut socket| async move {
            match protocols {
                Protocols::Http1 => {
                    http1::request(&mut socket).await;
                    answer(
                        &mut socket,
                        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhel",
                    )
                    .await;
                    silence(socket).await;
                }
                _ => {
                    let mut http2 = Http2::accept(socket, &[]).await.unwrap();
                    let stream = http2.request().await.unwrap();
                    http2.begin(stream, b"hel").await;
                    while http2.read().await.is_some() {}
                }
            }
        }));
        let mute = theirs.block_on(Peer::tcp(|_, socket| silence(socket)));
        let pool = {
            let _inside = owning.enter();
            plain(protocols)
                .max_connections_per_host(1)
                .build()
                .unwrap()
        };
        let (target, dialed) = (peer.plain_target(), format!("https://{}", mute.target()));
        let connection = using.block_on(pool.get(&target)).unwrap();
        let body = using.block_on(async {
            let mut body = connection.send(get()).await.unwrap().into_body();
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), "hel");
            body
        });
        let reading = using.spawn(body.collect());
        let dialing = using.spawn({
            let (pool, dialed) = (pool.clone(), dialed.clone());
            async move { pool.get(dialed).await }
        });
        let waiting = (protocols == Protocols::Http1).then(|| {
            let (pool, target) = (pool.clone(), target.clone());
            using.spawn(async move { pool.get(target).await })
        });
        let expected = 1 + usize::from(waiting.is_some());
        using.block_on(until("all are waiting", || {
            pool.stats().waiting == expected
        }));
        using.block_on(until("dialing", || pool.stats().dialing == 1));
        drop(owning);
        using.block_on(async {
            let error = reading.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
            assert!(error.was_sent() && !error.is_retryable());
            let error = dialing.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
            if let Some(waiting) = waiting {
                let error = waiting.await.unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::RuntimeGone, "{error:?}");
            }
            drop(connection);
            pool.shutdown(Duration::from_secs(5)).await;
        });
        gone(&pool);
    }
}

/// The deadline runs on the pool's runtime when the caller has none.
#[test]
fn waiting_without_a_runtime_ends_at_the_deadline() {
    let (theirs, owning) = (runtime(), runtime());
    let mute = theirs.block_on(Peer::tcp(|_, socket| silence(socket)));
    let pool = {
        let _inside = owning.enter();
        Pool::builder()
            .acquire_timeout(Duration::from_millis(200))
            .build()
            .unwrap()
    };
    let error = block_on(pool.get(mute.target())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error:?}");
    let refused: SocketAddr = ([127, 0, 0, 1], 1).into();
    let error = block_on(pool.get(refused.to_string())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectRefused, "{error:?}");
    let report = owning.block_on(pool.shutdown(Duration::ZERO));
    assert_eq!(report.cut, 0);
    gone(&pool);
}
