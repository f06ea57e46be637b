//! What a pool says about how it and its hosts are doing, and that it says something else once that has changed.
//!
//! Time is paused where nothing but time is waited for: loopback is as fast as the runtime looks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, plain, post};
use futures_util::stream;
use hotpool::pool::{Health, HealthCause, HostHealth, PoolBuilder, PoolEvent, PoolEvents};
use hotpool::{ErrorKind, Pool, Protocols};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::sleep;
use tokio_test::task;

fn http1_pool() -> PoolBuilder {
    plain(Protocols::Http1)
}

fn only(pool: &Pool) -> HostHealth {
    let [host] = &pool.health().hosts[..] else {
        panic!("one host")
    };
    host.clone()
}

/// From what, to what, and why.
type Word = (Health, Health, Option<HealthCause>);

/// What an event says, of a host or of the pool.
fn word(event: PoolEvent, of_hosts: bool) -> Option<Word> {
    match event {
        PoolEvent::HealthChanged {
            host,
            from,
            to,
            why,
            ..
        } if host.is_some() == of_hosts => Some((from, to, why)),
        _ => None,
    }
}

/// The words told so far.
fn told(events: &mut PoolEvents, of_hosts: bool) -> Vec<Word> {
    let told = std::iter::from_fn(|| events.try_recv());
    told.filter_map(|event| word(event, of_hosts)).collect()
}

/// The next word.
async fn tells(events: &mut PoolEvents, of_hosts: bool) -> Word {
    loop {
        if let Some(word) = word(events.recv().await.unwrap(), of_hosts) {
            return word;
        }
    }
}

/// Time passes, with nothing asked.
async fn calm() {
    // Paused time: this only lets the housekeeper look often enough. The window and the calm are ten seconds each.
    sleep(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn failures_degrade_a_host_and_are_forgotten() {
    let broken = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&broken);
    let peer = Peer::tcp(move |_, mut socket| {
        let broken = Arc::clone(&is_broken);
        async move {
            while http1::request(&mut socket).await.is_some() {
                if broken.load(Ordering::SeqCst) {
                    return;
                }
                http1::answer(&mut socket, http1::HELLO).await;
            }
        }
    })
    .await;
    let pool = http1_pool().build().unwrap();
    let (mut hosts, mut whole) = (pool.subscribe(), pool.subscribe());
    let target = peer.plain_target();
    for _ in 0..12 {
        fetch(&pool, &target).await.unwrap();
    }
    let well = only(&pool);
    assert_eq!((well.health, well.why), (Health::Healthy, None));
    assert_eq!(well.vitals.error_rate, Some(0.0));
    assert_eq!(well.vitals.latency.count, 12);

    broken.store(true, Ordering::SeqCst);
    for _ in 0..4 {
        let connection = pool.get(&target).await.unwrap();
        connection.send(post("once")).await.unwrap_err();
    }
    let failing = only(&pool);
    assert_eq!(failing.health, Health::Degraded);
    assert_eq!(failing.why, Some(HealthCause::Failures));
    let rate = failing.vitals.error_rate.unwrap();
    assert!((0.2..0.3).contains(&rate), "{rate}");
    assert_eq!(pool.health().health, Health::Degraded);
    let snapshot = pool.snapshot();
    assert_eq!(snapshot.health, Health::Degraded);
    assert_eq!(snapshot.hosts[0].why, Some(HealthCause::Failures));

    broken.store(false, Ordering::SeqCst);
    calm().await;
    let again = only(&pool);
    assert_eq!(
        (again.health, again.vitals.error_rate),
        (Health::Healthy, None)
    );
    assert_eq!(pool.health().health, Health::Healthy);
    let wanted = [
        (
            Health::Healthy,
            Health::Degraded,
            Some(HealthCause::Failures),
        ),
        (Health::Degraded, Health::Healthy, None),
    ];
    assert_eq!(told(&mut hosts, true), wanted);
    assert_eq!(told(&mut whole, false), wanted);
}

/// The caller's own faults are not the host's.
#[tokio::test(start_paused = true)]
async fn bodies_that_fail_say_nothing_about_a_host() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let peer = Peer::tcp(move |_, mut socket| async move {
            if protocols == Protocols::Http1 {
                return http1::silence(socket).await;
            }
            let mut http2 = Http2::accept(&mut socket, &[]).await.unwrap();
            while http2.read().await.is_some() {}
        })
        .await;
        let pool = plain(protocols).build().unwrap();
        for _ in 0..10 {
            let frames = [
                Ok(Frame::data(Bytes::from("half"))),
                Err(std::io::Error::other("and no more")),
            ];
            let body = StreamBody::new(stream::iter(frames));
            let connection = pool.get(peer.plain_target()).await.unwrap();
            let error = connection
                .send(Request::post("/").body(body).unwrap())
                .await;
            assert_eq!(error.unwrap_err().kind(), ErrorKind::RequestBody);
        }
        let host = only(&pool);
        assert_eq!(
            (host.health, host.why),
            (Health::Healthy, None),
            "{protocols:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_is_overloaded_while_callers_wait_and_not_for_being_used() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = http1_pool().max_connections_per_host(2).build().unwrap();
    let mut events = pool.subscribe();
    let target = peer.plain_target();
    let held = [
        pool.get(&target).await.unwrap(),
        pool.get(&target).await.unwrap(),
    ];
    let used = only(&pool);
    assert_eq!((used.health, used.why), (Health::Healthy, None));
    assert!((used.vitals.utilisation - 1.0).abs() < f64::EPSILON);
    let mut third = task::spawn(pool.get(&target));
    assert!(third.poll().is_pending());
    let full = only(&pool);
    assert_eq!(
        (full.health, full.why),
        (Health::Overloaded, Some(HealthCause::CallersWait))
    );
    let vitals = full.vitals;
    assert_eq!((vitals.waiting, vitals.connections), (1, 2));
    assert!((vitals.utilisation - 1.0).abs() < f64::EPSILON);
    assert_eq!(tells(&mut events, true).await.1, Health::Overloaded);
    drop(held);
    drop(third.await.unwrap());
    calm().await;
    let free = only(&pool);
    assert_eq!((free.health, free.why), (Health::Healthy, None));
    assert_eq!(told(&mut events, true).last().unwrap().1, Health::Healthy);
}

#[tokio::test(start_paused = true)]
async fn the_pools_last_place_overloads_it_once_somebody_wants_another() {
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await;
    let pool = http1_pool().max_connections(4).build().unwrap();
    let mut events = pool.subscribe();
    let target = |number| format!("http://127.0.0.{number}:{}", peer.port());
    let mut held = Vec::new();
    for number in 1..=4 {
        held.push(pool.get(target(number)).await.unwrap());
    }
    assert_eq!(pool.health().health, Health::Healthy);
    let mut fifth = task::spawn(pool.get(target(5)));
    assert!(fifth.poll().is_pending());
    let report = pool.health();
    assert_eq!(
        (report.health, report.why),
        (Health::Overloaded, Some(HealthCause::CallersWait))
    );
    let overloaded = |host: &&HostHealth| host.health == Health::Overloaded;
    assert_eq!(report.hosts.iter().filter(overloaded).count(), 1);
    assert_eq!(tells(&mut events, false).await.1, Health::Overloaded);
    held.clear();
    drop(fifth.await.unwrap());
    calm().await;
    assert_eq!(pool.health().health, Health::Healthy);
    let words: Vec<_> = told(&mut events, false)
        .into_iter()
        .map(|(_, to, _)| to)
        .collect();
    assert_eq!(words, [Health::Healthy]);
}

/// Between two looks of the housekeeper, so that nobody sees them wait.
#[tokio::test(start_paused = true)]
async fn callers_who_were_refused_are_not_overlooked() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let target = peer.plain_target();
    let pool = http1_pool()
        .max_connections_per_host(1)
        .max_waiters_per_host(1)
        .acquire_timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let held = pool.get(&target).await.unwrap();
    let (one, other) = tokio::join!(pool.get(&target), pool.get(&target));
    assert_eq!(one.unwrap_err().kind(), ErrorKind::AcquireTimeout);
    assert_eq!(other.unwrap_err().kind(), ErrorKind::QueueFull);
    assert_eq!(pool.stats().waiting, 0);
    let report = only(&pool);
    assert_eq!(
        (report.health, report.why),
        (Health::Overloaded, Some(HealthCause::CallersRefused))
    );
    assert!(report.vitals.refused);
    drop(held);
    calm().await;
    assert_eq!(only(&pool).health, Health::Healthy);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_reached_is_unavailable_until_it_can() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let (address, target) = (peer.address, peer.plain_target());
    drop(peer);
    let pool = http1_pool().build().unwrap();
    let mut events = pool.subscribe();
    pool.get(&target).await.unwrap_err();
    let report = pool.health();
    assert_eq!(
        (report.health, report.why),
        (Health::Unavailable, Some(HealthCause::Unreachable))
    );
    assert_eq!(report.vitals.failed_dials, 1);
    assert_eq!(tells(&mut events, true).await.1, Health::Unavailable);

    let _peer = Peer::tcp_at(address, |_, socket| http1::serve(socket)).await;
    fetch(&pool, &target).await.unwrap();
    // Nobody believes it yet.
    assert_eq!(only(&pool).health, Health::Unavailable);
    assert_eq!(only(&pool).vitals.health(), Health::Healthy);
    calm().await;
    assert_eq!(only(&pool).health, Health::Healthy);
    let words: Vec<_> = told(&mut events, true)
        .into_iter()
        .map(|(_, to, _)| to)
        .collect();
    assert_eq!(words, [Health::Healthy]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_nobody_asks_for_is_not_unavailable_for_ever() {
    let pool = http1_pool()
        .circuit_breaker(true)
        .breaker_failures(1)
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    // Nobody listens at port 1.
    pool.get("http://127.0.0.1:1").await.unwrap_err();
    assert_eq!(only(&pool).why, Some(HealthCause::CircuitOpen));
    let kept = pool.host("http://127.0.0.1:1").unwrap();
    assert_eq!(kept.health().health, Health::Unavailable);
    assert_eq!(tells(&mut events, true).await.1, Health::Unavailable);
    let half_open = (Health::Degraded, Some(HealthCause::CircuitHalfOpen));
    for wanted in [half_open, (Health::Healthy, None)] {
        let (_, to, why) = tells(&mut events, true).await;
        assert_eq!((to, why), wanted);
    }
    assert_eq!(kept.health().health, Health::Healthy);
    drop(kept);
    // Paused time: that a host is forgotten has no event.
    sleep(Duration::from_secs(200)).await;
    assert_eq!(pool.stats().hosts, 0);
    assert!(told(&mut events, true).is_empty());
}

#[tokio::test]
async fn a_closed_pool_is_unavailable() {
    let pool = http1_pool().build().unwrap();
    assert_eq!(pool.health().health, Health::Healthy);
    pool.close();
    let report = pool.health();
    assert_eq!(
        (report.health, report.why),
        (Health::Unavailable, Some(HealthCause::PoolClosed))
    );
}
