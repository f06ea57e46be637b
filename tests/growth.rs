//! One connection that has become slow under load is helped by another, which goes again once nobody needs it.
//!
//! Time is paused: it moves when all wait for it, so that minutes of load take seconds and the network's delays are exact.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells figures"
)]

mod common;

use std::time::Duration;

use common::check::quiet;
use common::fault_proxy::{FaultProxy, Line, Network};
use common::peer::Peer;
use common::request::{fetch, plain};
use futures_util::future::join_all;
use hotpool::{Pool, Protocols};
use tokio::time::Instant;

/// Who asks at the same time, again and again.
const CALLERS: usize = 8;

const USUAL: Duration = Duration::from_millis(10);

const SLOW: Duration = Duration::from_millis(150);

fn line(delay: Duration) -> Line {
    Line {
        delay,
        ..Line::default()
    }
}

/// Answers take so long; on the first connection they may take another time.
fn answers(delay: Duration, first: Option<Duration>) -> Network {
    Network {
        down: line(delay),
        odd: first.map(|delay| (0, line(delay))),
        ..Network::default()
    }
}

/// A pool that has been under the usual load for so long that its one connection's time is known, and what lies before its server.
async fn used() -> (Peer, FaultProxy, Pool, String) {
    let server = Peer::serving(Protocols::Http2).await;
    let proxy = FaultProxy::to(server.address).await;
    let pool = plain(Protocols::Http2).build().unwrap();
    let target = proxy.plain_target();
    proxy.set(answers(USUAL, None));
    load_for(&pool, &target, seconds(10)).await;
    assert_eq!(pool.stats().connections, 1, "the load needs one");
    (server, proxy, pool, target)
}

/// Asks all the time until `done`, which is looked at after each answer; fails after `most`. Says how long it took.
async fn load(pool: &Pool, target: &str, most: Duration, done: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    let caller = || async {
        while !done() && began.elapsed() < most {
            fetch(pool, target).await.unwrap();
        }
    };
    join_all((0..CALLERS).map(|_| caller())).await;
    began.elapsed()
}

async fn load_for(pool: &Pool, target: &str, time: Duration) {
    load(pool, target, time, || false).await;
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[tokio::test(start_paused = true)]
async fn a_slow_connection_gets_help_until_it_needs_none() {
    let (_server, proxy, pool, target) = used().await;
    proxy.set(answers(USUAL, Some(SLOW)));
    let two = || pool.stats().connections == 2;
    let took = load(&pool, &target, seconds(100), two).await;
    eprintln!("help came after {took:?}");
    assert!(two() && took < seconds(5), "{took:?}");

    // It helps, so it stays, and most of the load goes to it.
    let requests = || {
        let snapshot = pool.snapshot();
        let connections = snapshot.hosts[0].connections.iter();
        connections.map(|one| one.requests).collect::<Vec<_>>()
    };
    let before = requests();
    load_for(&pool, &target, seconds(30)).await;
    let after = requests();
    let (slow, quick) = (after[0] - before[0], after[1] - before[1]);
    eprintln!("in half a minute {slow} requests on the slow one and {quick} on the other");
    assert!(quick > 9 * slow);

    proxy.set(answers(USUAL, None));
    let one = || pool.stats().connections == 1;
    let took = load(&pool, &target, seconds(300), one).await;
    eprintln!("one was given up {took:?} after both were quick again");
    assert!(one(), "two connections for the load of one");
    assert_eq!(proxy.accepted(), 2);
    quiet(&pool).await;
}

/// More connections do not make a slow server quick: one is tried, and given up.
#[tokio::test(start_paused = true)]
async fn a_slow_server_does_not_get_ever_more_connections() {
    let (_server, proxy, pool, target) = used().await;
    proxy.set(answers(SLOW, None));
    load_for(&pool, &target, seconds(300)).await;
    let (accepted, connections) = (proxy.accepted(), pool.stats().connections);
    eprintln!("in five minutes {accepted} connections were made, {connections} are left");
    assert!(accepted <= 4 && connections <= 2);
    quiet(&pool).await;
}
