//! Probes: that they go on, whatever becomes of the host, and what is said about a host that fails them.

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
use common::peer::Peer;
use common::request::{fetch, plain};
use common::wait::{a_round, until};
use hotpool::client::Probe;
use hotpool::pool::{Health, HealthCause, HostHealth, Reconfiguration};
use hotpool::{Pool, Protocols};
use tokio::time::sleep;

/// Answers everything, probes by 500 while it is broken; counts the probes of each connection after the first, and of the first.
#[derive(Clone, Default)]
struct Probed {
    first: Arc<AtomicUsize>,
    later: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Probed {
    async fn serve(&self) -> Peer {
        let probed = self.clone();
        Peer::tcp(move |number, mut socket| {
            let probed = probed.clone();
            async move {
                let count = match number {
                    0 => &probed.first,
                    _ => &probed.later,
                };
                while let Some(request) = http1::request(&mut socket).await {
                    let is_probe = request.starts_with("GET /health ");
                    count.fetch_add(usize::from(is_probe), Ordering::SeqCst);
                    let answer = match is_probe && probed.broken.load(Ordering::SeqCst) {
                        true => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
                        false => http1::HELLO,
                    };
                    http1::answer(&mut socket, answer).await;
                }
            }
        })
        .await
    }

    fn first(&self) -> usize {
        self.first.load(Ordering::SeqCst)
    }

    fn later(&self) -> usize {
        self.later.load(Ordering::SeqCst)
    }
}

fn probe() -> Probe {
    Probe::get("/health").unwrap()
}

/// A server, and a pool that soon closes what nobody uses.
async fn short_lived() -> (Probed, Peer, Pool) {
    let server = Probed::default();
    let peer = server.serve().await;
    let pool = plain(Protocols::Http1)
        .idle_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    (server, peer, pool)
}

fn only(pool: &Pool) -> HostHealth {
    let [host] = &pool.health().hosts[..] else {
        panic!("one host")
    };
    host.clone()
}

#[tokio::test]
async fn no_time_is_too_long() {
    let server = Probed::default();
    let peer = server.serve().await;
    let pool = plain(Protocols::Http1).build().unwrap();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let tasks = pool.stats().tasks;
    let patient = probe()
        .every(Duration::from_millis(20))
        .timeout(Duration::MAX);
    let _patient = pool.probe(peer.plain_target(), patient).unwrap();
    let rare = probe().every(Duration::MAX);
    let _rare = pool.probe(peer.plain_target(), rare).unwrap();
    until("it is probed", || server.first() > 2).await;
    a_round().await;
    assert_eq!(pool.stats().tasks, tasks + 2);
    quiet(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_forgotten_is_probed_when_it_is_used_again() {
    let (server, peer, pool) = short_lived().await;
    let target = peer.plain_target();
    let _probing = pool
        .probe(&target, probe().every(Duration::from_secs(20)))
        .unwrap();
    fetch(&pool, &target).await.unwrap();
    // Paused time: until nothing is left of the host.
    sleep(Duration::from_secs(100)).await;
    assert_eq!((pool.stats().hosts, peer.accepted()), (0, 1));
    for _ in 0..30 {
        fetch(&pool, &target).await.unwrap();
        // Not a divisor of the probes' interval: they find the connection free.
        sleep(Duration::from_millis(1_900)).await;
    }
    assert!(server.later() >= 2, "{} probes", server.later());
}

#[tokio::test(start_paused = true)]
async fn a_host_under_another_profile_is_probed() {
    let (server, peer, pool) = short_lived().await;
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let _probing = pool
        .probe(peer.plain_target(), probe().every(Duration::from_secs(20)))
        .unwrap();
    // Paused time: a probe, then a few under the other profile.
    sleep(Duration::from_secs(30)).await;
    assert_eq!(server.first(), 1);
    pool.reconfigure(Reconfiguration::default().profile("curl"))
        .unwrap();
    // Paused time: five of them, longer than `until` has patience.
    sleep(Duration::from_secs(100)).await;
    assert_eq!((peer.accepted(), server.first()), (2, 1));
    assert!(server.later() >= 4, "{} probes", server.later());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_fails_its_probes_is_degraded_until_it_passes_or_nobody_probes_it() {
    let server = Probed::default();
    let peer = server.serve().await;
    let pool = plain(Protocols::Http1).build().unwrap();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let probing = pool
        .probe(peer.plain_target(), probe().every(Duration::from_secs(1)))
        .unwrap();
    let failing = (Health::Degraded, Some(HealthCause::ProbesFail));
    let well = (Health::Healthy, None);
    let shown = || {
        let host = only(&pool);
        (host.health, host.why)
    };
    // Paused time: some probes, and long enough for what is better to be believed.
    let some = || sleep(Duration::from_secs(30));
    some().await;
    assert_eq!(shown(), well);
    server.broken.store(true, Ordering::SeqCst);
    some().await;
    assert_eq!(shown(), failing);
    assert!(only(&pool).vitals.probes_fail);
    server.broken.store(false, Ordering::SeqCst);
    some().await;
    assert_eq!(shown(), well);
    server.broken.store(true, Ordering::SeqCst);
    some().await;
    assert_eq!(shown(), failing);
    drop(probing);
    some().await;
    assert_eq!(shown(), well);
}
