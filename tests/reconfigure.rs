//! Changing a pool that is in use, and retiring what it has open.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::certificates::Authority;
use common::check::quiet;
use common::http1::{self, silence};
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, plain, read, trusting};
use common::wait::{PATIENCE, until};
use hotpool::config::Settings;
use hotpool::pool::{PoolEvent, PoolEvents, Reconfiguration};
use hotpool::registry::CloseReason;
use hotpool::{ErrorKind, Pool, Protocols, Target, Trust};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_test::task;

async fn server() -> Peer {
    Peer::tcp(|_, socket| http1::serve(socket)).await
}

async fn tls_server(authority: &Authority) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    Peer::tls(config, |_, stream| http1::serve(stream)).await
}

/// Why the next connection ended.
async fn next_end(events: &mut PoolEvents) -> CloseReason {
    loop {
        if let PoolEvent::ConnectionRemoved { reason, .. } =
            timeout(PATIENCE, events.recv()).await.unwrap().unwrap()
        {
            return reason;
        }
    }
}

fn changed(events: &mut PoolEvents) -> Vec<Vec<&'static str>> {
    std::iter::from_fn(|| events.try_recv())
        .filter_map(|event| match event {
            PoolEvent::Reconfigured { changed, .. } => Some(changed),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_is_impossible_is_refused_whole_and_named() {
    let pool = Pool::builder().max_idle(3).build().unwrap();
    let mut events = pool.subscribe();
    let before = pool.config();
    let good = || Settings {
        max_idle: Some(4),
        ..Settings::default()
    };
    let bad = Settings {
        min_warm: Some(11),
        ..good()
    };
    let broken = Reconfiguration::from(good()).profile("no-such-profile");
    for (change, name) in [(bad.into(), "min_warm"), (broken, "profile")] {
        let error = pool.reconfigure(change).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains(name), "{error}");
        assert!(Arc::ptr_eq(&pool.config(), &before));
    }
    assert!(changed(&mut events).is_empty());

    let after = pool.reconfigure(good()).unwrap();
    assert!(Arc::ptr_eq(&pool.config(), &after));
    assert_eq!((after.max_idle(), after.max_connections()), (4, 100));
    // The same again is no change.
    pool.reconfigure(good()).unwrap();
    assert_eq!(changed(&mut events), [["max_idle"]]);
}

#[tokio::test]
async fn a_raised_limit_serves_those_who_wait() {
    let peer = Peer::tcp_at(([0, 0, 0, 0], 0).into(), |_, socket| http1::serve(socket)).await;
    let host = |number| format!("http://127.0.0.{number}:{}", peer.port());
    let per_host = Settings {
        max_connections_per_host: Some(2),
        ..Settings::default()
    };
    let in_all = Settings {
        max_connections: Some(2),
        ..Settings::default()
    };
    let builder = || plain(Protocols::Http1);
    for (pool, other, more) in [
        (builder().max_connections_per_host(1), 1, per_host),
        (builder().max_connections(1), 2, in_all),
    ] {
        let pool = pool.build().unwrap();
        let held = pool.get(host(1)).await.unwrap();
        let mut waiting = task::spawn(pool.get(host(other)));
        assert!(waiting.poll().is_pending());
        pool.reconfigure(more).unwrap();
        let second = timeout(PATIENCE, waiting).await.unwrap().unwrap();
        assert_ne!(second.id(), held.id());
        assert_eq!(read(&held).await.unwrap(), "hello");
        drop((held, second));
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn a_raised_dial_limit_begins_what_waits() {
    let silent = Peer::tcp(|_, socket| silence(socket)).await;
    let peer = server().await;
    let pool = Pool::builder().max_dials(1).build().unwrap();
    let silent = format!("https://{}", silent.target());
    let mut stuck = task::spawn(pool.get(&silent));
    assert!(stuck.poll().is_pending());
    until("it is being dialed", || pool.registry().count() == 1).await;
    let target = peer.plain_target();
    let mut waiting = task::spawn(pool.get(&target));
    assert!(waiting.poll().is_pending());
    pool.reconfigure(Settings {
        max_dials: Some(2),
        ..Settings::default()
    })
    .unwrap();
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lowered_limit_lets_stay_what_is_there() {
    let peer = server().await;
    let pool = plain(Protocols::Http1)
        .acquire_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let target = peer.plain_target();
    let held = [
        pool.get(&target).await.unwrap(),
        pool.get(&target).await.unwrap(),
    ];
    pool.reconfigure(Settings {
        max_connections_per_host: Some(1),
        max_connections: Some(1),
        max_dials: Some(1),
        ..Settings::default()
    })
    .unwrap();
    let error = pool.get(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AcquireTimeout);
    for connection in held {
        assert_eq!(read(&connection).await.unwrap(), "hello");
    }
    assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
    assert_eq!(peer.accepted(), 2);
}

#[tokio::test]
async fn streams_on_open_connections_are_limited_anew() {
    let peer = Peer::tcp(|_, socket| async move {
        Http2::accept(socket, &[]).await.unwrap().serve().await;
    })
    .await;
    let pool = plain(Protocols::Http2)
        .max_connections_per_host(1)
        .build()
        .unwrap();
    let streams = |most| Settings {
        max_streams_per_connection: Some(most),
        ..Settings::default()
    };
    let target = peer.plain_target();
    let first = pool.get(&target).await.unwrap();
    let second = pool.get(&target).await.unwrap();
    pool.reconfigure(streams(1)).unwrap();
    let mut third = task::spawn(pool.get(&target));
    assert!(third.poll().is_pending());
    drop(second);
    assert!(third.poll().is_pending());
    pool.reconfigure(streams(2)).unwrap();
    let third = timeout(PATIENCE, third).await.unwrap().unwrap();
    assert_eq!(third.id(), first.id());
    assert!(pool.try_get(&target).unwrap().is_none());
}

#[tokio::test]
async fn deadlines_hold_for_dials_that_begin_later() {
    let peer = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = Pool::builder().build().unwrap();
    pool.reconfigure(Settings {
        tls_timeout: Some(Duration::from_millis(50)),
        ..Settings::default()
    })
    .unwrap();
    let target = format!("https://{}", peer.target());
    let error = timeout(PATIENCE, pool.get(target)).await.unwrap();
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TlsTimeout);
}

#[tokio::test]
async fn another_profile_is_another_connection_and_stays_warm() {
    let authority = Authority::new();
    let peer = tls_server(&authority).await;
    let pool = trusting(&authority).build().unwrap();
    let target = peer.target();
    let explicit = Target::parse(&target)
        .unwrap()
        .protocols(Protocols::Http1)
        .profile(hotpool::profile::Profile::rustls());
    assert!(pool.preheat([&target]).await.is_complete());
    assert!(pool.preheat([&explicit]).await.is_complete());
    let held = pool.get(&target).await.unwrap();
    let mut events = pool.subscribe();

    pool.reconfigure(Reconfiguration::default().profile("firefox"))
        .unwrap();
    assert_eq!(changed(&mut events), [["profile"]]);
    until("warm under the new profile", || {
        pool.try_get(&target).unwrap().is_some()
    })
    .await;
    let other = pool.get(&target).await.unwrap();
    assert!(
        other.profile().starts_with("firefox"),
        "{}",
        other.profile()
    );
    assert!(other.is_reused());
    assert_eq!(
        (read(&held).await.unwrap(), held.profile()),
        ("hello".into(), "rustls")
    );
    // Who asked by name is not concerned.
    let named = pool.try_get(&explicit).unwrap().unwrap();
    assert_eq!(named.profile(), "rustls");
}

#[tokio::test]
async fn other_roots_hold_for_whoever_is_verified_next() {
    let (authority, other) = (Authority::new(), Authority::named("other"));
    let peer = tls_server(&authority).await;
    let pool = trusting(&authority).build().unwrap();
    let target = peer.target();
    let held = pool.get(&target).await.unwrap();
    let trust = |authority: &Authority| {
        let trust = Trust::only(authority.pem().as_bytes()).unwrap();
        Reconfiguration::default().trust(trust)
    };
    pool.reconfigure(trust(&other)).unwrap();
    let error = pool.get(&target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CertificateUnknownIssuer);
    assert_eq!(read(&held).await.unwrap(), "hello");
    let id = held.id();
    drop(held);
    // The former connection was never another policy's.
    pool.reconfigure(trust(&authority)).unwrap();
    assert_eq!(pool.get(&target).await.unwrap().id(), id);
}

#[tokio::test]
async fn a_flush_retires_what_is_open_and_cuts_nothing() {
    let released = Arc::new(Notify::new());
    let release = Arc::clone(&released);
    let peer = Peer::tcp(move |number, mut socket| {
        let released = Arc::clone(&released);
        async move {
            if number == 0 {
                http1::request(&mut socket).await;
                released.notified().await;
                http1::answer(&mut socket, http1::HELLO).await;
            }
            http1::serve(socket).await;
        }
    })
    .await;
    let pool = plain(Protocols::Http1).build().unwrap();
    let target = peer.plain_target();
    let busy = pool.get(&target).await.unwrap();
    let idle = pool.get(&target).await.unwrap();
    drop(idle);
    let mut events = pool.subscribe();
    let mut answer = task::spawn(read(&busy));
    assert!(answer.poll().is_pending());

    assert_eq!(pool.flush(), 2);
    assert_eq!(next_end(&mut events).await, CloseReason::Flushed);
    assert!(pool.try_get(&target).unwrap().is_none());
    let fresh = pool.get(&target).await.unwrap();
    assert!(fresh.id() > busy.id() && peer.accepted() == 3);
    release.notify_one();
    let answer = timeout(PATIENCE, answer).await.unwrap();
    assert_eq!(answer.unwrap(), "hello");
    drop(busy);
    assert_eq!(next_end(&mut events).await, CloseReason::Flushed);
    assert_eq!(read(&fresh).await.unwrap(), "hello");
    drop(fresh);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_warm_host_is_replaced_before_it_is_broken() {
    let peer = server().await;
    let pool = plain(Protocols::Http1).min_warm(2).build().unwrap();
    let target = peer.plain_target();
    pool.preheat([&target]).await;
    let first = pool.get(&target).await.unwrap().id();
    let mut events = pool.subscribe();
    assert_eq!(pool.flush(), 2);
    // A second flush at once finds those that are being replaced already.
    assert_eq!(pool.flush(), 0);
    let cold = AtomicBool::new(false);
    until("both are replaced", || {
        let there = pool.try_get(&target).unwrap();
        cold.fetch_or(there.is_none(), Ordering::SeqCst);
        drop(there);
        let entries = pool.registry().entries();
        entries.len() == 2 && entries.iter().all(|entry| entry.id() > first)
    })
    .await;
    assert!(!cold.into_inner(), "it was cold in between");
    for _ in 0..2 {
        assert_eq!(next_end(&mut events).await, CloseReason::Flushed);
    }
    until("nothing else is under way", || pool.stats().dialing == 0).await;
    assert_eq!(pool.stats().connections, 2);
}

#[tokio::test]
async fn where_a_limit_leaves_no_place_a_warm_host_goes_without() {
    let peer = server().await;
    let pool = plain(Protocols::Http1)
        .max_connections_per_host(1)
        .build()
        .unwrap();
    let target = peer.plain_target();
    pool.preheat([&target]).await;
    let mut events = pool.subscribe();
    pool.flush();
    assert_eq!(next_end(&mut events).await, CloseReason::Flushed);
    until("warm again", || pool.stats().connections == 1).await;
    assert_eq!(peer.accepted(), 2);
}

#[tokio::test]
async fn a_dial_under_way_at_the_flush_brings_nothing_of_the_old_generation() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    let opened = Arc::new(Notify::new());
    let open = Arc::clone(&opened);
    let peer = Peer::tcp(move |number, socket| {
        let (opened, config) = (Arc::clone(&opened), Arc::clone(&config));
        async move {
            if number == 0 {
                opened.notified().await;
            }
            let acceptor = tokio_rustls::TlsAcceptor::from(config);
            if let Ok(stream) = acceptor.accept(socket).await {
                http1::serve(stream).await;
            }
        }
    })
    .await;
    let pool = trusting(&authority).build().unwrap();
    let mut events = pool.subscribe();
    let target = peer.target();
    let mut waiting = task::spawn(pool.get(&target));
    assert!(waiting.poll().is_pending());
    until("it is being dialed", || peer.accepted() == 1).await;
    assert_eq!(pool.flush(), 0);
    open.notify_one();
    let connection = timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(next_end(&mut events).await, CloseReason::Flushed);
    assert_eq!(peer.accepted(), 2);
    assert_eq!(read(&connection).await.unwrap(), "hello");
}
