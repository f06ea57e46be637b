//! Which connection a caller gets, of several to several addresses, under each policy.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use common::check::quiet;
use common::http2::Http2;
use common::peer::Peer;
use common::wait::until;
use hotpool::config::{Balance, Settings, Weights};
use hotpool::pool::PoolBuilder;
use hotpool::resolve::{Overrides, Resolver};
use hotpool::{Connection, Pool, Protocols};

const HOST: &str = "many.test";

async fn server() -> Peer {
    Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| async move {
        if let Some(mut http2) = Http2::accept(socket, &[]).await {
            http2.serve().await;
        }
    })
    .await
}

fn builder() -> PoolBuilder {
    let mut overrides = Overrides::new();
    let addresses = (1..=4).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    overrides.insert(HOST, None, addresses).unwrap();
    Pool::builder()
        .protocols(Protocols::Http2)
        .resolver(Resolver::builder().overrides(overrides).build())
        .min_warm(4)
}

fn balanced(balance: Balance) -> Settings {
    Settings {
        balance: Some(balance),
        ..Settings::default()
    }
}

/// A pool with one connection to each of four addresses.
async fn one_each(peer: &Peer) -> (Pool, String) {
    let pool = builder().balance(Balance::RoundRobin).build().unwrap();
    let target = format!("http://{HOST}:{}", peer.port());
    warm(&pool, &target).await;
    let addresses = pool.snapshot().hosts.remove(0).connections;
    let mut addresses: Vec<_> = addresses.iter().map(|one| one.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 4);
    (pool, target)
}

async fn warm(pool: &Pool, target: &str) {
    pool.preheat([target]).await;
    until("four connections", || pool.stats().connections == 4).await;
}

/// How often each address was handed out.
fn counted<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for connection in connections {
        let IpAddr::V4(address) = connection.remote_addr().ip() else {
            panic!("version 4")
        };
        *counts.entry(address.octets()[3]).or_insert(0) += 1;
    }
    counts
}

/// One after the other.
async fn sequence(pool: &Pool, target: &str, uses: usize) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..uses {
        let connection = pool.get(target).await.unwrap();
        for (address, count) in counted([&connection]) {
            *counts.entry(address).or_insert(0) += count;
        }
    }
    counts
}

async fn at_once(pool: &Pool, target: &str, uses: usize) -> Vec<Connection> {
    let mut held = Vec::new();
    for _ in 0..uses {
        held.push(pool.get(target).await.unwrap());
    }
    held
}

#[tokio::test]
async fn each_in_turn() {
    let peer = server().await;
    let (pool, target) = one_each(&peer).await;
    let even = (1..=4).map(|address| (address, 25)).collect();
    assert_eq!(sequence(&pool, &target, 100).await, even);
    let held = at_once(&pool, &target, 100).await;
    assert_eq!(counted(&held), even);
    drop(held);
    quiet(&pool).await;
}

#[tokio::test]
async fn the_least_loaded() {
    let peer = server().await;
    let (pool, target) = one_each(&peer).await;
    // One has more on it than the others, and gets nothing until they have as much.
    let mut held = at_once(&pool, &target, 5).await;
    let most = held[0].remote_addr();
    assert_eq!(held[4].remote_addr(), most);
    pool.reconfigure(balanced(Balance::LeastLoaded)).unwrap();
    let more = at_once(&pool, &target, 3).await;
    assert!(more.iter().all(|one| one.remote_addr() != most));
    held.extend(more);
    assert_eq!(
        counted(&held),
        (1..=4).map(|address| (address, 2)).collect()
    );
    held.retain(|one| one.remote_addr() != most);
    assert_eq!(pool.get(&target).await.unwrap().remote_addr(), most);
    drop(held);
    quiet(&pool).await;
}

#[tokio::test]
async fn by_weight_whatever_the_number_of_connections() {
    let peer = server().await;
    let weights: Weights = "127.0.0.1=3, 127.0.0.2=1, 127.0.0.0/8=0".parse().unwrap();
    let weighted = builder().balance(Balance::Weighted).weights(weights);
    let pool = weighted.build().unwrap();
    let target = format!("http://{HOST}:{}", peer.port());
    warm(&pool, &target).await;
    // Three of the four connections lead to the first address, and three quarters of the uses all the same.
    let counts = sequence(&pool, &target, 400).await;
    assert_eq!(counts.keys().collect::<Vec<_>>(), [&1, &2]);
    assert!((290..=310).contains(&counts[&1]), "{counts:?}");
    quiet(&pool).await;
}

#[tokio::test]
async fn the_same_in_every_process() {
    let peer = server().await;
    let mut places = Vec::new();
    for _ in 0..2 {
        let (pool, target) = one_each(&peer).await;
        pool.reconfigure(balanced(Balance::Sticky)).unwrap();
        let counts = sequence(&pool, &target, 20).await;
        assert_eq!(counts.len(), 1, "{counts:?}");
        places.push(counts);
        quiet(&pool).await;
    }
    assert_eq!(places[0], places[1]);
}

#[tokio::test]
async fn by_default_one_thread_keeps_to_one() {
    let peer = server().await;
    let (pool, target) = one_each(&peer).await;
    pool.reconfigure(balanced(Balance::PowerOfTwo)).unwrap();
    assert_eq!(sequence(&pool, &target, 20).await.len(), 1);
    quiet(&pool).await;
}
