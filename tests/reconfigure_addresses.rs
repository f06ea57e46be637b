//! What addresses may do, changed while connections to them are open; and what a lowered limit leaves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;

use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{plain, read};
use common::wait::until;
use hotpool::config::{Balance, Settings, Weights};
use hotpool::pool::{PoolEvent, PoolEvents, Reconfiguration};
use hotpool::registry::CloseReason;
use hotpool::resolve::{AccessList, Overrides, Resolver};
use hotpool::{ErrorKind, Protocols};

async fn server() -> Peer {
    Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await
}

fn ends(events: &mut PoolEvents) -> Vec<CloseReason> {
    std::iter::from_fn(|| events.try_recv())
        .filter_map(|event| match event {
            PoolEvent::ConnectionRemoved { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_is_denied_from_now_on_is_left_and_not_dialed() {
    let peer = server().await;
    let host = |number| format!("http://127.0.0.{number}:{}", peer.port());
    let pool = plain(Protocols::Http1).build().unwrap();
    let allowed = pool.get(host(2)).await.unwrap();
    let used = pool.get(host(1)).await.unwrap();
    let idle = pool.get(host(1)).await.unwrap();
    drop(idle);
    let mut events = pool.subscribe();
    let list = AccessList::allow_all().deny("127.0.0.1").unwrap();
    pool.reconfigure(Reconfiguration::default().access_list(list))
        .unwrap();

    // What is under way goes on, and nobody new gets there.
    assert_eq!(read(&used).await.unwrap(), "hello");
    let error = pool.get(host(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressDenied);
    drop(used);
    until("both have ended", || pool.registry().count() == 1).await;
    assert_eq!(ends(&mut events), [CloseReason::AddressDenied; 2]);
    drop(allowed);
    assert!(pool.get(host(2)).await.unwrap().is_reused());

    let all = Reconfiguration::default().access_list(AccessList::allow_all());
    pool.reconfigure(all).unwrap();
    pool.get(host(1)).await.unwrap();
    quiet(&pool).await;
}

#[tokio::test]
async fn weights_hold_from_the_next_use_on() {
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| async move {
        if let Some(mut http2) = Http2::accept(socket, &[]).await {
            http2.serve().await;
        }
    })
    .await;
    let mut overrides = Overrides::new();
    let addresses = [[127, 0, 0, 1], [127, 0, 0, 2]].map(Into::into);
    overrides.insert("two.test", None, addresses).unwrap();
    let pool = plain(Protocols::Http2)
        .resolver(Resolver::builder().overrides(overrides).build())
        .balance(Balance::Weighted)
        .min_warm(2)
        .build()
        .unwrap();
    let target = format!("http://two.test:{}", peer.port());
    pool.preheat([&target]).await;
    for (weights, wanted) in [
        ("127.0.0.0/8=5", [45..=55, 45..=55]),
        ("127.0.0.1=1, 127.0.0.2=9", [5..=15, 85..=95]),
        ("127.0.0.1=0", [0..=0, 100..=100]),
    ] {
        let weights: Weights = weights.parse().unwrap();
        pool.reconfigure(Reconfiguration::default().weights(weights))
            .unwrap();
        let mut counts = BTreeMap::new();
        for _ in 0..100 {
            let address = pool.get(&target).await.unwrap().remote_addr().ip();
            *counts.entry(address).or_insert(0) += 1;
        }
        for (address, wanted) in addresses.iter().zip(wanted) {
            let count = counts.get(address).copied().unwrap_or_default();
            assert!(wanted.contains(&count), "{counts:?}");
        }
    }
    quiet(&pool).await;
}

#[tokio::test]
async fn what_is_idle_beyond_a_lowered_limit_closes_by_itself() {
    let settings = || Settings::default();
    let in_all = Settings {
        max_connections: Some(3),
        max_idle: Some(3),
        ..settings()
    };
    let per_host = Settings {
        max_connections_per_host: Some(2),
        ..settings()
    };
    let idle = Settings {
        max_idle: Some(1),
        ..settings()
    };
    for (lowered, most, used) in [(in_all, 3, 2), (per_host, 4, 1), (idle, 1, 0)] {
        let peer = server().await;
        let pool = plain(Protocols::Http1).build().unwrap();
        let mut held = Vec::new();
        for number in [1, 1, 1, 2, 2, 2] {
            let target = format!("http://127.0.0.{number}:{}", peer.port());
            held.push(pool.get(target).await.unwrap());
        }
        held.truncate(used);
        until("the rest is idle", || pool.stats().idle == 6 - used).await;
        let mut events = pool.subscribe();
        pool.reconfigure(lowered).unwrap();
        until("as many as there may be", || {
            pool.registry().count() == most
        })
        .await;
        assert!(
            ends(&mut events)
                .iter()
                .all(|reason| *reason == CloseReason::Evicted)
        );
        for connection in &held {
            assert_eq!(read(connection).await.unwrap(), "hello");
        }
        drop(held);
        quiet(&pool).await;
    }
}
