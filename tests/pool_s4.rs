//! The ten tests that the specification's section S4 names for a connection manager, of this pool.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::check::quiet;
use common::http1;
use common::peer::Peer;
use common::request::{plain, read};
use common::wait::until;
use hotpool::pool::{PoolEvent, PoolEvents};
use hotpool::registry::CloseReason;
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::task::JoinSet;

async fn server() -> Peer {
    Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await
}

fn host(peer: &Peer, number: usize) -> String {
    format!("http://127.0.0.{number}:{}", peer.port())
}

/// Why connections ended, in order.
fn ends(events: &mut PoolEvents) -> Vec<CloseReason> {
    std::iter::from_fn(|| events.try_recv())
        .filter_map(|event| match event {
            PoolEvent::ConnectionRemoved { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

fn pool() -> Pool {
    plain(Protocols::Http1).build().unwrap()
}

#[tokio::test]
async fn new() {
    let pool = Pool::builder().build().unwrap();
    let stats = pool.stats();
    assert_eq!((stats.hosts, stats.connections, stats.tasks), (0, 0, 1));
    let config = pool.config();
    assert_eq!(config.max_connections(), 100);
    assert_eq!(config.max_connections_per_host(), 10);
    assert_eq!(config.max_idle(), 20);
    assert_eq!(config.connect_timeout(), Duration::from_secs(30));
    assert_eq!(config.idle_timeout(), Duration::from_secs(60));
    assert_eq!(config.max_lifetime(), Duration::from_secs(300));
}

#[tokio::test]
async fn add() {
    let (peer, pool) = (server().await, pool());
    let report = pool.preheat([host(&peer, 1), host(&peer, 2)]).await;
    assert!(report.is_complete());
    let stats = pool.stats();
    assert_eq!((stats.hosts, stats.connections, stats.idle), (2, 2, 2));
    assert_eq!(pool.registry().count(), 2);
    quiet(&pool).await;
}

#[tokio::test]
async fn get() {
    let (peer, pool) = (server().await, pool());
    let target = host(&peer, 1);
    assert!(pool.try_get(&target).unwrap().is_none());
    let connection = pool.get(&target).await.unwrap();
    let (id, address) = (connection.id(), connection.remote_addr());
    // By its number and by its address.
    let registry = pool.registry();
    assert_eq!(registry.entry(id).unwrap().id(), id);
    assert_eq!(registry.by_address(address)[0].id(), id);
    drop(connection);
    assert_eq!(pool.get(&target).await.unwrap().id(), id);
    quiet(&pool).await;
}

#[tokio::test]
async fn remove() {
    let (peer, pool) = (server().await, pool());
    let target = host(&peer, 1);
    let mut events = pool.subscribe();
    let connection = pool.get(&target).await.unwrap();
    let (id, address) = (connection.id(), connection.remote_addr());
    drop(connection);
    let entry = pool.registry().entry(id).unwrap();
    entry.request_close(CloseReason::Requested);
    until("it is gone", || pool.registry().entry(id).is_none()).await;
    assert_eq!(pool.registry().count_by_address(address), 0);
    assert_eq!(ends(&mut events), [CloseReason::Requested]);
    assert_ne!(pool.get(&target).await.unwrap().id(), id);
    quiet(&pool).await;
}

#[tokio::test]
async fn get_for_host() {
    let (peer, pool) = (server().await, pool());
    let held = [
        pool.get(host(&peer, 1)).await.unwrap(),
        pool.get(host(&peer, 1)).await.unwrap(),
        pool.get(host(&peer, 2)).await.unwrap(),
    ];
    let registry = pool.registry();
    let mut found: Vec<_> = registry
        .by_host("127.0.0.1")
        .iter()
        .map(|entry| entry.id())
        .collect();
    found.sort();
    assert_eq!(found, [held[0].id(), held[1].id()]);
    assert_eq!(registry.by_host("127.0.0.2").len(), 1);
    assert!(registry.by_host("127.0.0.3").is_empty());
    drop(held);
    quiet(&pool).await;
}

#[tokio::test]
async fn get_host_mapping() {
    let (peer, pool) = (server().await, pool());
    let mut held = Vec::new();
    for number in [1, 1, 2] {
        held.push(pool.get(host(&peer, number)).await.unwrap());
    }
    let mapping: BTreeMap<_, Vec<_>> = pool
        .snapshot()
        .hosts
        .into_iter()
        .map(|host| {
            let addresses = host
                .connections
                .iter()
                .map(|one| one.address.ip().to_string());
            (host.origin, addresses.collect())
        })
        .collect();
    let wanted = [
        (host(&peer, 1), vec!["127.0.0.1".to_owned(); 2]),
        (host(&peer, 2), vec!["127.0.0.2".to_owned()]),
    ];
    assert_eq!(mapping, wanted.into());
    drop(held);
    quiet(&pool).await;
}

/// Paused: only the housekeeper's time is waited for.
#[tokio::test(start_paused = true)]
async fn cleanup_idle() {
    let (peer, pool) = (server().await, pool());
    let used = pool.get(host(&peer, 1)).await.unwrap();
    drop(pool.get(host(&peer, 2)).await.unwrap());
    let mut events = pool.subscribe();
    // Short of the idle timeout: that nothing is closed has no event.
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(pool.stats().connections, 2);
    drop(pool.get(host(&peer, 3)).await.unwrap());
    assert_eq!(pool.close_idle(Duration::from_secs(60)), 0);
    // Past it for the second, and long enough for the third to count as idle.
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(pool.close_idle(Duration::from_secs(10)), 1);
    until("it is closed", || pool.stats().connections_closed == 2).await;
    assert_eq!(ends(&mut events), [CloseReason::IdleTimeout; 2]);
    assert_eq!(read(&used).await.unwrap(), "hello");
    drop(used);
    // Past the idle timeout, and until the hosts are forgotten.
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!((pool.stats().connections, pool.stats().hosts), (0, 0));
    quiet(&pool).await;
}

/// Paused: only the housekeeper's time is waited for.
#[tokio::test(start_paused = true)]
async fn cleanup_expired() {
    let (peer, pool) = (server().await, pool());
    let target = host(&peer, 1);
    pool.preheat([&target]).await;
    let first = pool.get(&target).await.unwrap();
    let id = first.id();
    let mut events = pool.subscribe();
    // Past its lifetime; that it stays has no event.
    tokio::time::sleep(Duration::from_secs(400)).await;
    // It is past its lifetime, has been replaced, and ends only when it is returned.
    assert!(pool.get(&target).await.unwrap().id() > id);
    assert!(pool.registry().entry(id).is_some());
    assert_eq!(read(&first).await.unwrap(), "hello");
    drop(first);
    until("it has ended", || pool.registry().entry(id).is_none()).await;
    assert!(ends(&mut events).contains(&CloseReason::LifetimeReached));
    quiet(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_access() {
    let peer = server().await;
    let pool = plain(Protocols::Http1).max_connections(20).build().unwrap();
    let mut callers = JoinSet::new();
    for number in 0..100 {
        let (pool, target) = (pool.clone(), host(&peer, number % 50 + 1));
        callers.spawn(async move {
            let connection = pool.get(&target).await.unwrap();
            assert_eq!(read(&connection).await.unwrap(), "hello");
            drop(connection);
            pool.snapshot();
            pool.health();
            let stats = pool.stats();
            assert!(stats.places_taken <= 20, "{stats:?}");
        });
    }
    while let Some(outcome) = callers.join_next().await {
        outcome.unwrap();
    }
    quiet(&pool).await;
}

#[tokio::test]
async fn close() {
    let (peer, pool) = (server().await, pool());
    let target = host(&peer, 1);
    drop(pool.get(&target).await.unwrap());
    let used = pool.get(&target).await.unwrap();
    let report = tokio::join!(pool.shutdown(Duration::from_secs(20)), async move {
        assert_eq!(read(&used).await.unwrap(), "hello");
    });
    assert_eq!((report.0.drained, report.0.cut), (1, 0));
    let error = pool.get(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PoolClosed);
    assert_eq!(pool.registry().count(), 0);
}
