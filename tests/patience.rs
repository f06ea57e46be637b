//! Callers who wait each as long as they like.
//!
//! Time is paused: it moves only when nothing else does, so that who leaves when is exact.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::Duration;

use common::check::quiet;
use common::http1::{self, silence};
use common::peer::Peer;
use common::request::{get, plain};
use common::wait::until;
use futures_util::FutureExt;
use futures_util::future::join_all;
use hotpool::client::RequestOptions;
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::time::{Instant, sleep};
use tokio_test::{assert_pending, assert_ready, task};

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A pool with one connection, and who has it.
async fn one_connection() -> (Peer, Pool) {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let builder = plain(Protocols::Http1).max_connections_per_host(1);
    (peer, builder.acquire_timeout(seconds(10)).build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_waiter_leaves_when_its_own_time_is_over() {
    let (peer, pool) = one_connection().await;
    let held = pool.get(peer.plain_target()).await.unwrap();
    let host = pool.host(peer.plain_target()).unwrap();
    let began = Instant::now();
    let target = peer.plain_target();
    let waiting = |patience: Option<Duration>| {
        let (pool, target) = (&pool, &target);
        async move {
            let outcome = match patience {
                Some(patience) => pool.get_within(target, patience).await,
                None => pool.get(target).await,
            };
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
            let words = "max_connections_per_host: 1 of 1";
            assert!(error.to_string().contains(words), "{error}");
            began.elapsed()
        }
    };
    let callers = [
        Some(seconds(3)),
        Some(seconds(1)),
        None,
        Some(seconds(30)),
        Some(seconds(2)),
    ];
    let left = join_all(callers.map(waiting));
    let by_host = async {
        let error = host.get_within(seconds(5)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
        began.elapsed()
    };
    let (left, by_host) = tokio::join!(left, by_host);
    // To the timer's millisecond.
    let whole: Vec<_> = left.iter().map(|time| time.as_millis() / 10).collect();
    assert_eq!(whole, [300, 100, 1_000, 3_000, 200]);
    assert_eq!(by_host.as_millis() / 10, 500);
    assert_eq!(pool.stats().waiting, 0);
    drop((held, host));
    quiet(&pool).await;
}

/// Who is less patient is not served first, and who left from between the others leaves no gap.
#[tokio::test(start_paused = true)]
async fn the_order_is_that_of_coming() {
    let (peer, pool) = one_connection().await;
    let target = peer.plain_target();
    let held = pool.get(&target).await.unwrap();
    let mut patient = task::spawn(pool.get_within(&target, seconds(300)));
    let mut leaver = task::spawn(pool.get_within(&target, seconds(1)));
    let mut hasty = task::spawn(pool.get_within(&target, seconds(5)));
    let mut dropped = task::spawn(pool.get_within(&target, seconds(300)));
    let mut last = task::spawn(pool.get(&target));
    for caller in [&mut patient, &mut leaver, &mut hasty, &mut dropped] {
        assert_pending!(caller.poll());
    }
    assert_pending!(last.poll());
    assert_eq!(pool.stats().waiting, 5);
    // Paused time: longer than one has patience. Who is not polled cannot be waited for.
    sleep(seconds(2)).await;
    assert!(assert_ready!(leaver.poll()).is_err());
    drop(dropped);
    assert_eq!(pool.stats().waiting, 3);
    drop(held);
    let first = assert_ready!(patient.poll()).unwrap();
    assert_pending!(hasty.poll());
    drop(first);
    let second = assert_ready!(hasty.poll()).unwrap();
    assert_pending!(last.poll());
    drop(second);
    drop(assert_ready!(last.poll()).unwrap());
    quiet(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn without_patience_what_is_free_is_had_and_what_is_missing_is_dialed() {
    let (peer, pool) = one_connection().await;
    let target = peer.plain_target();
    let none = pool.get_within(&target, Duration::ZERO);
    assert_eq!(none.await.unwrap_err().kind(), ErrorKind::AcquireTimeout);
    until("dialed", || pool.stats().connections == 1).await;
    let held = pool.get_within(&target, Duration::ZERO).now_or_never();
    let held = held.unwrap().unwrap();
    let used = pool.get_within(&target, Duration::ZERO).await;
    assert_eq!(used.unwrap_err().kind(), ErrorKind::AcquireTimeout);
    drop(held);
    // A time that no clock has.
    drop(pool.get_within(&target, Duration::MAX).await.unwrap());
    quiet(&pool).await;
}

/// The pool's own deadline neither shortens nor lengthens it: a server that never answers the handshake is waited for so long.
#[tokio::test(start_paused = true)]
async fn patience_counts_for_dials_and_requests_too() {
    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = Pool::builder().tls_timeout(seconds(200)).build().unwrap();
    let began = Instant::now();
    let error = pool.get_within(mute.target(), seconds(60)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    assert!(error.to_string().contains("still under way"), "{error}");
    assert_eq!(began.elapsed().as_secs(), 60);
    let mut request = get();
    *request.uri_mut() = format!("https://{}/", mute.target()).parse().unwrap();
    let options = RequestOptions::new().acquire_within(seconds(7));
    request.extensions_mut().insert(options);
    let error = pool.send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    assert_eq!(began.elapsed().as_secs(), 67);
    pool.shutdown(Duration::ZERO).await;
}
