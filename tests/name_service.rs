//! Hosts whose addresses change while connections are open.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, plain};
use common::wait::{a_round, until};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hotpool::pool::PoolBuilder;
use hotpool::registry::{CloseReason, Event};
use hotpool::resolve::{Answer, Resolve, Resolver};
use hotpool::{Error, ErrorKind, Pool, Protocols};
use parking_lot::Mutex;

const HOST: &str = "moving.test";

/// A name service whose answers the test changes; each holds for a second.
#[derive(Debug)]
struct Zone {
    addresses: Mutex<Option<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Zone {
    fn new(addresses: &[SocketAddr]) -> Arc<Self> {
        let zone = Self {
            addresses: Mutex::default(),
            asked: Mutex::default(),
        };
        zone.name(addresses);
        Arc::new(zone)
    }

    fn name(&self, addresses: &[SocketAddr]) {
        *self.addresses.lock() = Some(addresses.iter().map(SocketAddr::ip).collect());
    }

    fn fail(&self) {
        *self.addresses.lock() = None;
    }

    fn asked(&self) -> usize {
        self.asked.lock().len()
    }
}

impl Resolve for Zone {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        self.asked.lock().push(host.to_owned());
        let addresses = self.addresses.lock().clone();
        async move {
            let addresses = addresses.ok_or_else(|| Error::new(ErrorKind::ResolveFailed))?;
            Ok(Answer::new(addresses, Duration::from_secs(1)))
        }
        .boxed()
    }
}

async fn server(last: u8, port: u16) -> Peer {
    Peer::tcp_at(
        SocketAddr::from(([127, 0, 0, last], port)),
        |_, socket| async {
            Http2::accept(socket, &[]).await.unwrap().serve().await;
        },
    )
    .await
}

/// Two servers at the same port of two addresses.
async fn two() -> (Peer, Peer) {
    let first = server(1, 0).await;
    let second = server(2, first.port()).await;
    (first, second)
}

fn builder(zone: &Arc<Zone>) -> PoolBuilder {
    let upstream = Arc::clone(zone) as Arc<dyn Resolve>;
    let resolver = Resolver::builder().upstream(upstream).https_records(false);
    plain(Protocols::Http2).resolver(resolver.build())
}

fn target(peer: &Peer) -> String {
    format!("http://{HOST}:{}", peer.port())
}

fn addresses(pool: &Pool) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = pool
        .registry()
        .snapshot()
        .into_iter()
        .filter(|entry| entry.state == hotpool::registry::State::Open)
        .filter_map(|entry| entry.remote_addr)
        .collect();
    addresses.sort_unstable();
    addresses
}

#[tokio::test]
async fn a_trailing_dot_is_for_the_name_service_and_for_no_server() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let head = http1::request(&mut socket).await.unwrap();
        let host = format!("\r\nhost: {HOST}:");
        assert!(head.to_ascii_lowercase().contains(&host), "{head}");
        http1::answer(&mut socket, http1::HELLO).await;
    })
    .await;
    let zone = Zone::new(&[peer.address]);
    let pool = builder(&zone).protocols(Protocols::Http1).build().unwrap();
    for host in [HOST, "moving.test."] {
        let target = format!("http://{host}:{}", peer.port());
        fetch(&pool, &target).await.unwrap();
    }
    assert_eq!(*zone.asked.lock(), [HOST, "moving.test."]);
    quiet(&pool).await;
}

#[tokio::test]
async fn addresses_are_asked_for_again_while_a_connection_lives() {
    let (first, _second) = two().await;
    let zone = Zone::new(&[first.address]);
    let pool = builder(&zone).build().unwrap();
    fetch(&pool, &target(&first)).await.unwrap();
    let before = zone.asked();
    until("it is asked twice more", || zone.asked() >= before + 2).await;
    assert_eq!(first.accepted(), 1, "nothing was dialed for that");
    quiet(&pool).await;
}

#[tokio::test]
async fn a_new_address_of_a_warm_host_is_connected_to_before_it_gets_traffic() {
    let (first, second) = two().await;
    let zone = Zone::new(&[first.address]);
    let pool = builder(&zone).build().unwrap();
    assert!(pool.preheat([target(&first)]).await.is_complete());
    assert_eq!(addresses(&pool), [first.address]);
    zone.name(&[first.address, second.address]);
    until("the new address is warm", || {
        addresses(&pool) == [first.address, second.address]
    })
    .await;
    assert_eq!((first.accepted(), second.accepted()), (1, 1));
    let stats = pool.stats();
    assert_eq!(
        (stats.connections_opened, stats.new_addresses_opened),
        (2, 1)
    );
    quiet(&pool).await;
}

#[tokio::test]
async fn an_address_that_is_gone_is_left_once_its_replacement_is_there() {
    let (first, second) = two().await;
    let zone = Zone::new(&[first.address]);
    let pool = builder(&zone)
        .address_grace(Duration::from_secs(2))
        .build()
        .unwrap();
    assert!(pool.preheat([target(&first)]).await.is_complete());
    let mut events = pool.registry().subscribe();
    zone.name(&[second.address]);
    until("the old address is left", || {
        addresses(&pool) == [second.address]
    })
    .await;
    let mut order = Vec::new();
    while let Some(event) = events.try_recv() {
        match event {
            Event::StateChanged {
                to: hotpool::registry::State::Open,
                ..
            } => order.push("opened"),
            Event::Closed { reason, .. } => {
                assert_eq!(reason, CloseReason::AddressGone);
                order.push("left");
            }
            _ => {}
        }
    }
    assert_eq!(order.first(), Some(&"opened"), "{order:?}");
    fetch(&pool, &target(&first)).await.unwrap();
    quiet(&pool).await;
}

#[tokio::test]
async fn an_address_that_is_missing_from_some_answers_stays() {
    let (first, second) = two().await;
    let zone = Zone::new(&[first.address, second.address]);
    let pool = builder(&zone).build().unwrap();
    fetch(&pool, &target(&first)).await.unwrap();
    let open = addresses(&pool);
    let other: Vec<_> = [first.address, second.address]
        .into_iter()
        .filter(|address| !open.contains(address))
        .collect();
    zone.name(&other);
    let before = zone.asked();
    until("the answer without it has come twice", || {
        zone.asked() >= before + 2
    })
    .await;
    a_round().await;
    assert_eq!(addresses(&pool), open);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_name_service_that_fails_takes_nothing_away() {
    let (first, _second) = two().await;
    let zone = Zone::new(&[first.address]);
    let pool = builder(&zone)
        .address_grace(Duration::from_millis(500))
        .build()
        .unwrap();
    fetch(&pool, &target(&first)).await.unwrap();
    zone.fail();
    let before = zone.asked();
    until("it has failed twice", || zone.asked() >= before + 2).await;
    a_round().await;
    assert_eq!(addresses(&pool), [first.address]);
    // And what needs a dial gets the stale answer.
    for live in pool.registry().entries() {
        live.request_close(CloseReason::Requested);
    }
    until("closed", || pool.stats().connections == 0).await;
    fetch(&pool, &target(&first)).await.unwrap();
    assert_eq!(first.accepted(), 2);
    quiet(&pool).await;
}
