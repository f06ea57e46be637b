//! Who makes room for hosts that find every place taken, and who need not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::check::{idle, quiet};
use common::http1::{self, HELLO};
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, plain, read};
use common::wait::until;
use futures_util::future::join_all;
use hotpool::Protocols;
use hotpool::registry::State;
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// Less than a caller waits for a connection; only a failing test waits as long.
const PATIENCE: Duration = Duration::from_secs(20);

fn host(peer: &Peer, number: u8) -> String {
    format!("http://127.0.0.{number}:{}", peer.port())
}

async fn server_of_many_hosts() -> Peer {
    Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await
}

#[tokio::test]
async fn a_connection_whose_callers_left_before_it_was_there_makes_room() {
    let slow = Arc::new(Notify::new());
    let go = Arc::clone(&slow);
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), move |_, socket| {
        let go = Arc::clone(&go);
        async move {
            if socket.local_addr().unwrap().ip().to_string() == "127.0.0.1" {
                go.notified().await;
            }
            Http2::accept(socket, &[]).await.unwrap().serve().await;
        }
    })
    .await;
    let pool = plain(Protocols::Http2).max_connections(1).build().unwrap();
    let left = timeout(Duration::from_millis(50), pool.get(host(&peer, 1))).await;
    assert!(left.is_err(), "nobody answers there yet");
    let arrive = async {
        until("it waits", || pool.stats().waiting == 1).await;
        slow.notify_one();
    };
    let target = host(&peer, 2);
    let (body, ()) = tokio::join!(timeout(PATIENCE, fetch(&pool, &target)), arrive);
    assert_eq!(body.expect("it is served").unwrap(), "hello");
    quiet(&pool).await;
}

#[tokio::test]
async fn one_that_is_used_for_ever_does_not_keep_idle_ones_from_making_room() {
    let peer = server_of_many_hosts().await;
    let pool = plain(Protocols::Http1).max_connections(3).build().unwrap();
    let for_ever = [
        pool.get(host(&peer, 1)).await.unwrap(),
        pool.get(host(&peer, 1)).await.unwrap(),
    ];
    let busy = pool.get(host(&peer, 2)).await.unwrap();
    let free = async {
        until("one of two is to go", || {
            pool.registry().count_by_state(State::Draining) == 1
        })
        .await;
        drop(busy);
    };
    let target = host(&peer, 3);
    let (body, ()) = tokio::join!(timeout(PATIENCE, fetch(&pool, &target)), free);
    assert_eq!(body.expect("it is served").unwrap(), "hello");
    drop(for_ever);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_host_that_waits_for_places_does_not_lose_its_own() {
    // Long enough that more wait than are served.
    let peer = Peer::tcp(|_, mut socket| async move {
        while http1::request(&mut socket).await.is_some() {
            sleep(Duration::from_millis(20)).await;
            http1::answer(&mut socket, HELLO).await;
        }
    })
    .await;
    let pool = plain(Protocols::Http1).max_connections(3).build().unwrap();
    let target = peer.plain_target();
    // Past what a host that waits is left to itself.
    let end = Instant::now() + Duration::from_millis(2_500);
    let caller = async || {
        while Instant::now() < end {
            fetch(&pool, &target).await.unwrap();
        }
    };
    join_all((0..9).map(|_| caller())).await;
    assert_eq!(peer.accepted(), 3);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_host_whose_connection_ends_takes_no_other_hosts_place() {
    let ends = Arc::new(Semaphore::new(0));
    let end = Arc::clone(&ends);
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), move |number, mut socket| {
        let end = Arc::clone(&end);
        async move {
            if number != 1 {
                return http1::serve(socket).await;
            }
            // The second connection answers nothing and is closed while a caller waits.
            let _ = socket.read(&mut [0; 1]).await;
            let _ = end.acquire().await;
        }
    })
    .await;
    let pool = plain(Protocols::Http1)
        .max_connections(2)
        .max_connections_per_host(1)
        .build()
        .unwrap();
    let spared = pool.get(host(&peer, 1)).await.unwrap();
    let (id, first) = (spared.id(), host(&peer, 1));
    read(&spared).await.unwrap();
    drop(spared);
    idle(&pool).await;
    let second = host(&peer, 2);
    let waiting = async {
        until("it is in use", || pool.stats().in_use == 1).await;
        fetch(&pool, &second).await
    };
    let ending = async {
        until("another waits", || {
            let stats = pool.stats();
            (stats.in_use, stats.waiting) == (1, 1)
        })
        .await;
        assert_eq!(pool.stats().connections, 2);
        ends.add_permits(1);
    };
    let (broken, served, ()) = tokio::join!(fetch(&pool, &second), waiting, ending);
    broken.unwrap_err();
    assert_eq!(served.unwrap(), "hello");
    assert_eq!(
        pool.get(&first).await.unwrap().id(),
        id,
        "it was nobody's to take"
    );
    quiet(&pool).await;
}
