//! Hosts with several addresses: which are dialed, which are left alone, and what there may be of each.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use common::certificates::Authority;
use common::http1::{serve, silence};
use common::peer::Peer;
use common::request::trusting;
use common::wait::{PATIENCE, a_round, until};
use hotpool::config::{Balance, Settings};
use hotpool::pool::{BlacklistCause, Circuit, Limit, PoolBuilder, PoolEvent, PoolEvents};
use hotpool::resolve::{Overrides, Resolver};
use hotpool::{Connection, ErrorKind, Pool, Protocols, Target};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

const HOST: &str = "several.example";

fn loopback(number: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, number])
}

/// Servers at the same port of 127.0.0.1, 127.0.0.2, ….
async fn servers(count: u8) -> Vec<Peer> {
    let first = Peer::tcp(|_, socket| serve(socket)).await;
    let port = first.port();
    let mut servers = vec![first];
    for number in 2..=count {
        let address = SocketAddr::new(loopback(number), port);
        servers.push(Peer::tcp_at(address, |_, socket| serve(socket)).await);
    }
    servers
}

/// A pool that finds `HOST` at so many loopback addresses.
fn pool_of(builder: PoolBuilder, addresses: u8, port: u16) -> Pool {
    let mut overrides = Overrides::new();
    let all: Vec<_> = (1..=addresses)
        .map(|number| loopback(number).to_string())
        .collect();
    overrides
        .insert_entry(&format!("{HOST}:{port}:{}", all.join(",")))
        .unwrap();
    let resolver = Resolver::builder().overrides(overrides).build();
    builder.resolver(resolver).build().unwrap()
}

fn target(port: u16) -> String {
    format!("http://{HOST}:{port}")
}

/// Takes so many HTTP/1.1 connections and says how many lead to each address.
async fn spread(pool: &Pool, target: &Target, count: usize) -> BTreeMap<u8, usize> {
    let mut held: Vec<Connection> = Vec::new();
    let mut places = BTreeMap::new();
    for _ in 0..count {
        let connection = pool.get(target).await.unwrap();
        let IpAddr::V4(address) = connection.remote_addr().ip() else {
            panic!();
        };
        *places.entry(address.octets()[3]).or_insert(0) += 1;
        held.push(connection);
    }
    places
}

async fn wait_for<T>(events: &mut PoolEvents, wanted: impl Fn(PoolEvent) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(events.recv().await.unwrap()) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

#[tokio::test]
async fn new_connections_go_where_the_policy_says() {
    let servers = servers(4).await;
    let port = servers[0].port();
    let target = Target::parse(&target(port)).unwrap();
    let places = |balance, count| {
        let builder = Pool::builder()
            .balance(balance)
            .weights("127.0.0.1=3, 127.0.0.3=0, 127.0.0.4=0".parse().unwrap());
        let (pool, target) = (pool_of(builder, 4, port), target.clone());
        async move { spread(&pool, &target, count).await }
    };
    let even = BTreeMap::from([(1, 2), (2, 2), (3, 2), (4, 2)]);
    assert_eq!(places(Balance::RoundRobin, 8).await, even);
    assert_eq!(places(Balance::LeastLoaded, 8).await, even);
    let weighted = places(Balance::Weighted, 8).await;
    assert_eq!(weighted, BTreeMap::from([(1, 6), (2, 2)]));
    assert_eq!(places(Balance::Sticky, 8).await.len(), 1);
    let two = places(Balance::PowerOfTwo, 10).await;
    assert!(two.len() > 2, "{two:?}");
}

#[tokio::test]
async fn partitions_stick_to_addresses_in_every_pool() {
    let servers = servers(4).await;
    let port = servers[0].port();
    let mut used = BTreeMap::new();
    for tenant in 0..12 {
        let target = Target::parse(&target(port))
            .unwrap()
            .partition(&format!("tenant-{tenant}"));
        let mut seen = Vec::new();
        for _ in 0..2 {
            let pool = pool_of(Pool::builder().balance(Balance::Sticky), 4, port);
            seen.push(spread(&pool, &target, 2).await);
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].len(), 1, "{seen:?}");
        used.extend(seen.remove(0));
    }
    assert!(used.len() > 1, "{used:?}");
}

#[tokio::test]
async fn an_address_that_fails_is_left_alone_probed_and_used_again() {
    let servers = servers(1).await;
    let port = servers[0].port();
    let builder = Pool::builder()
        .balance(Balance::LeastLoaded)
        .blacklist_after(1)
        .blacklist_term(Duration::from_millis(400));
    let pool = pool_of(builder, 2, port);
    let mut events = pool.subscribe();
    // The first goes to the first address; the second, with nothing there, to the second, and from there to the first.
    let held = [
        pool.get(&target(port)).await.unwrap(),
        pool.get(&target(port)).await.unwrap(),
    ];
    assert!(
        held.iter()
            .all(|connection| connection.remote_addr().ip() == loopback(1))
    );
    let (address, error) = wait_for(&mut events, |event| match event {
        PoolEvent::AddressListed {
            address,
            error,
            for_all_hosts: true,
            ..
        } => Some((address, error)),
        _ => None,
    })
    .await;
    assert_eq!(address, SocketAddr::new(loopback(2), port));
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    let listed = pool.blacklist().list();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].port, Some(port));
    assert_eq!(
        listed[0].cause,
        BlacklistCause::Failed(ErrorKind::ConnectRefused)
    );

    let back = Peer::tcp_at(address, |_, socket| serve(socket)).await;
    let during = pool.get(&target(port)).await.unwrap();
    assert_eq!(during.remote_addr().ip(), loopback(1));
    assert_eq!(back.accepted(), 0);
    until("on probation", || {
        pool.blacklist().list()[0].is_on_probation()
    })
    .await;
    let probing = pool.get(&target(port)).await.unwrap();
    assert_eq!(probing.remote_addr(), address);
    let unlisted = wait_for(&mut events, |event| match event {
        PoolEvent::AddressUnlisted { address, .. } => Some(address),
        _ => None,
    })
    .await;
    assert_eq!(unlisted, address);
    assert!(pool.blacklist().list().is_empty());
    let stats = pool.stats();
    assert_eq!((stats.addresses_listed, stats.addresses_unlisted), (1, 1));
}

#[tokio::test]
async fn who_finds_the_only_address_probed_waits_for_the_probe() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(authority.issue(&[HOST]).server_config(&[]));
    let server = Peer::tcp(move |number, socket| {
        let acceptor = acceptor.clone();
        async move {
            match number {
                0 => drop(acceptor.accept(socket).await.unwrap()),
                1 => drop(socket),
                _ => silence(socket).await,
            }
        }
    })
    .await;
    let builder = trusting(&authority)
        .blacklist_after(1)
        .blacklist_term(Duration::from_millis(20));
    let pool = pool_of(builder, 1, server.port());
    let target = Target::parse(&format!("https://{HOST}:{}", server.port())).unwrap();
    let target = target.protocols(Protocols::Http1);
    drop(pool.get(&target).await.unwrap());
    until("its end", || pool.stats().connections == 0).await;
    pool.get(&target).await.unwrap_err();
    until("probation", || pool.blacklist().list()[0].is_on_probation()).await;
    let watched = async {
        until("a probe", || server.accepted() == 3).await;
        a_round().await;
        pool.stats()
    };
    let stats = tokio::select! {
        _ = pool.get(&target) => panic!("the probe never ends"),
        _ = pool.get(&target) => panic!("the probe never ends"),
        stats = watched => stats,
    };
    // The first, the one that failed, the probe, and the one that found the address probed.
    assert_eq!((stats.dials_started, stats.waiting), (4, 2), "{stats:?}");
}

#[tokio::test]
async fn somebody_lists_and_unlists_and_the_last_address_is_tried_all_the_same() {
    let servers = servers(2).await;
    let port = servers[0].port();
    let pool = pool_of(Pool::builder().balance(Balance::RoundRobin), 2, port);
    let target = Target::parse(&target(port)).unwrap();
    let blacklist = pool.blacklist();
    blacklist.add(loopback(1), None).unwrap();
    assert_eq!(spread(&pool, &target, 3).await, BTreeMap::from([(2, 3)]));
    blacklist
        .add(loopback(2), Some(Duration::from_secs(60)))
        .unwrap();
    let listed = blacklist.list();
    assert_eq!(listed.len(), 2);
    assert!(
        listed
            .iter()
            .all(|entry| entry.cause == BlacklistCause::Manual)
    );
    assert_eq!(
        (listed[0].remaining, listed[1].remaining.is_some()),
        (None, true)
    );
    let elsewhere = target.clone().partition("other");
    assert_eq!(spread(&pool, &elsewhere, 1).await.len(), 1);
    assert!(blacklist.remove(loopback(1)) && !blacklist.remove(loopback(1)));
    let third = target.partition("third");
    assert_eq!(spread(&pool, &third, 2).await, BTreeMap::from([(1, 2)]));
}

#[tokio::test]
async fn a_caller_names_the_addresses_and_nothing_is_mixed() {
    let servers = servers(3).await;
    let port = servers[0].port();
    let pool = pool_of(Pool::builder().balance(Balance::RoundRobin), 1, port);
    let usual = Target::parse(&target(port)).unwrap();
    let [_, second, third] = [1, 2, 3].map(|number| SocketAddr::new(loopback(number), port));
    assert_eq!(spread(&pool, &usual, 1).await, BTreeMap::from([(1, 1)]));
    let own = usual.clone().addresses([second, third]);
    assert_eq!(
        spread(&pool, &own, 4).await,
        BTreeMap::from([(2, 2), (3, 2)])
    );
    let one = usual.clone().address(second);
    assert_eq!(spread(&pool, &one, 2).await, BTreeMap::from([(2, 2)]));
    // The name need not exist.
    let unknown = Target::parse("http://no-such-host.invalid").unwrap();
    let connection = pool.get(unknown.address(third)).await.unwrap();
    assert_eq!(connection.remote_addr(), third);
    assert_eq!(spread(&pool, &usual, 2).await, BTreeMap::from([(1, 2)]));
    assert_eq!(pool.stats().hosts, 4);
    // One of its own that fails is left alone as any other.
    pool.blacklist().add(loopback(3), None).unwrap();
    let reversed = usual.addresses([third, second]);
    assert_eq!(spread(&pool, &reversed, 2).await, BTreeMap::from([(2, 2)]));
}

#[tokio::test]
async fn a_circuit_opens_lets_somebody_try_and_closes() {
    let servers = servers(1).await;
    let port = servers[0].port();
    let address = servers[0].address;
    let builder = Pool::builder()
        .circuit_breaker(true)
        .breaker_failures(2)
        .breaker_term(Duration::from_millis(400));
    let pool = pool_of(builder, 1, port);
    let mut events = pool.subscribe();
    drop(servers);
    let name = target(port);
    for _ in 0..2 {
        let error = pool.get(&name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    }
    let error = pool.get(&name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CircuitOpen);
    assert!(error.is_retryable() && !error.was_sent());
    assert!(error.to_string().contains("for another"), "{error}");
    assert_eq!(pool.stats().dials_started, 2);
    let changed = |event| match event {
        PoolEvent::CircuitChanged { circuit, .. } => Some(circuit),
        _ => None,
    };
    assert_eq!(wait_for(&mut events, changed).await, Circuit::Open);
    let _back = Peer::tcp_at(address, |_, socket| serve(socket)).await;
    let found = async {
        loop {
            match pool.get(&name).await {
                Ok(connection) => return connection,
                Err(error) => assert_eq!(error.kind(), ErrorKind::CircuitOpen),
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, found).await.unwrap();
    assert_eq!(wait_for(&mut events, changed).await, Circuit::Closed);
    assert_eq!(pool.stats().dials_started, 3);
}

#[tokio::test]
async fn a_full_address_is_waited_for_and_named() {
    let servers = servers(1).await;
    let port = servers[0].port();
    let builder = Pool::builder()
        .max_connections_per_address(1)
        .acquire_timeout(Duration::from_millis(300));
    let pool = pool_of(builder, 1, port);
    let mut events = pool.subscribe();
    let one = Target::parse(&target(port)).unwrap().partition("one");
    let other = Target::parse(&target(port)).unwrap().partition("other");
    let held = pool.get(&one).await.unwrap();
    let error = pool.get(&other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    let named = format!("max_connections_per_address: 1 of 1 at 127.0.0.1:{port}");
    assert!(error.to_string().contains(&named), "{error}");
    wait_for(&mut events, |event| match event {
        PoolEvent::LimitReached {
            limit: Limit::MaxConnectionsPerAddress,
            used: 1,
            most: 1,
            ..
        } => Some(()),
        _ => None,
    })
    .await;
    // What becomes idle makes room for whoever waits.
    let waiting = async {
        until("waiting", || pool.stats().waiting == 1).await;
        drop(held);
    };
    let (found, ()) = tokio::join!(pool.get(&other), waiting);
    let found = found.unwrap();
    // And what is idle already, at once.
    drop(found);
    assert!(!pool.get(&one).await.unwrap().is_reused());
    assert_eq!(servers[0].accepted(), 3);
}

#[tokio::test]
async fn a_full_address_gives_way_to_the_next() {
    let servers = servers(2).await;
    let port = servers[0].port();
    let builder = Pool::builder()
        .balance(Balance::Sticky)
        .max_connections_per_address(2);
    let pool = pool_of(builder, 2, port);
    let target = Target::parse(&target(port)).unwrap();
    assert_eq!(
        spread(&pool, &target, 4).await,
        BTreeMap::from([(1, 2), (2, 2)])
    );
}

#[tokio::test]
async fn dials_to_one_address_are_bounded_whoever_dials() {
    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let builder = Pool::builder()
        .max_dials_per_address(1)
        .acquire_timeout(Duration::from_millis(300));
    let pool = pool_of(builder, 1, mute.port());
    let stalled = format!("https://{HOST}:{}", mute.port());
    let target = |name: &str| Target::parse(&stalled).unwrap().partition(name);
    let (first, second) = (target("first"), target("second"));
    let later = async {
        until("dialed", || mute.accepted() == 1).await;
        pool.get(&second).await
    };
    let (first, second) = tokio::join!(pool.get(&first), later);
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert!(first.to_string().contains("still under way"), "{first}");
    let named = "max_dials_per_address: 1 of 1";
    assert!(second.to_string().contains(named), "{second}");
    assert_eq!(mute.accepted(), 1);
}

async fn dial_limit_met(events: &mut PoolEvents) {
    wait_for(events, |event| match event {
        PoolEvent::LimitReached {
            limit: Limit::MaxDialsPerAddress,
            ..
        } => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_dial_limit_closes_no_connection() {
    let peer = Peer::tcp(|number, socket| async move {
        match number {
            0 => serve(socket).await,
            _ => silence(socket).await,
        }
    })
    .await;
    let pool = pool_of(Pool::builder().max_dials_per_address(1), 1, peer.port());
    let mut events = pool.subscribe();
    let warm = target(peer.port());
    assert!(pool.preheat([&warm]).await.is_complete());
    let id = pool.get(&warm).await.unwrap().id();
    let stalled = format!("https://{HOST}:{}", peer.port());
    let dial = |name: &str| Target::parse(&stalled).unwrap().partition(name);
    let (first, second) = (dial("first"), dial("second"));
    let later = async {
        until("dialed", || peer.accepted() == 2).await;
        pool.get(&second).await
    };
    let unharmed = async {
        dial_limit_met(&mut events).await;
        for _ in 0..2 {
            // What must not happen has no event of its own.
            a_round().await;
            assert_eq!(pool.get(&warm).await.unwrap().id(), id);
        }
    };
    tokio::select! {
        outcome = pool.get(&first) => panic!("{outcome:?}"),
        outcome = later => panic!("{outcome:?}"),
        () = unharmed => {}
    }
}

#[tokio::test]
async fn warm_dials_wait_for_their_turn_at_an_address() {
    const HOSTS: usize = 40;
    let authority = Authority::new();
    let config = authority.issue(&[HOST]).server_config(&["http/1.1"]);
    let peer = Peer::tcp(move |_, socket| {
        let acceptor = TlsAcceptor::from(config.clone());
        async move {
            // Long enough for all to be dialed at once.
            sleep(Duration::from_millis(50)).await;
            if let Ok(stream) = acceptor.accept(socket).await {
                serve(stream).await;
            }
        }
    })
    .await;
    let pool = pool_of(trusting(&authority), 1, peer.port());
    let hosts = (0..HOSTS).map(|number| {
        let target = Target::parse(&format!("{HOST}:{}", peer.port())).unwrap();
        target.partition(&format!("tenant-{number}"))
    });
    let report = pool.preheat(hosts).await;
    assert!(report.is_complete(), "{:?}", report.failed().next());
    assert_eq!((report.connections(), peer.accepted()), (HOSTS, HOSTS));
    assert_eq!(pool.stats().dials_failed, 0);
}

#[tokio::test]
async fn callers_are_not_told_what_kept_a_warm_dial_out() {
    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let builder = Pool::builder()
        .max_dials_per_address(1)
        .connect_timeout(Duration::from_millis(100))
        .acquire_timeout(Duration::from_millis(400));
    let pool = pool_of(builder, 1, mute.port());
    let stalled = format!("https://{HOST}:{}", mute.port());
    let dial = |name: &str| Target::parse(&stalled).unwrap().partition(name);
    let (first, second) = (dial("first"), dial("second"));
    let later = async {
        until("dialed", || mute.accepted() == 1).await;
        let preheated = pool.preheat([&second]);
        tokio::join!(preheated, pool.get(&second))
    };
    let (_, (_, outcome)) = tokio::join!(pool.get(&first), later);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout, "{error}");
    assert_eq!(mute.accepted(), 1);
}

#[tokio::test]
async fn dials_to_one_host_are_bounded() {
    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = pool_of(
        Pool::builder()
            .max_dials_per_host(2)
            .min_warm(5)
            .tls_timeout(PATIENCE * 2),
        1,
        mute.port(),
    );
    let mut events = pool.subscribe();
    let stalled = format!("https://{HOST}:{}", mute.port());
    let bounded = async {
        wait_for(&mut events, |event| match event {
            PoolEvent::LimitReached {
                limit: Limit::MaxDialsPerHost,
                most: 2,
                ..
            } => Some(()),
            _ => None,
        })
        .await;
        until("two dials", || mute.accepted() == 2).await;
        assert_eq!(pool.stats().dialing, 5);
        // What must not happen has no event of its own.
        a_round().await;
        assert_eq!(mute.accepted(), 2);
        // Those who wait hear of it when more are allowed.
        let settings = Settings {
            max_dials_per_host: Some(4),
            ..Settings::default()
        };
        pool.reconfigure(settings).unwrap();
        until("four dials", || mute.accepted() == 4).await;
    };
    tokio::select! {
        report = pool.preheat([&stalled]) => panic!("{report:?}"),
        () = bounded => {}
    }
}
