//! A host's IPv6 and IPv4 addresses, which a name server tells apart: one late, lost, refused or denied, the other used.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::check::quiet;
use common::http2::Http2;
use common::name_server::{A, AAAA, NameServer, Reply};
use common::peer::Peer;
use common::request::{fetch, plain};
use common::wait::until;
use hotpool::config::Settings;
use hotpool::pool::PoolBuilder;
use hotpool::resolve::AccessList;
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::net::TcpStream;

const HOST: &str = "both.test";
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Long after everything that is not held up; name servers are asked for ten seconds.
const LATE: Duration = Duration::from_millis(300);

fn builder(zone: &NameServer) -> PoolBuilder {
    let settings = Settings {
        // Less than what a silent name server is given.
        resolve_timeout: Some(Duration::from_secs(3)),
        ..Settings::default()
    };
    let pool = plain(Protocols::Http2).settings(settings);
    pool.resolver(zone.resolver())
}

async fn serve(stream: TcpStream) {
    if let Some(mut http2) = Http2::accept(stream, &[]).await {
        http2.serve().await;
    }
}

async fn server(ip: IpAddr, port: u16) -> Peer {
    Peer::tcp_at(SocketAddr::new(ip, port), |_, stream| serve(stream)).await
}

async fn zone(v6: Reply, v4: Reply) -> NameServer {
    NameServer::start(move |_, kind| match kind {
        AAAA => v6.clone(),
        A => v4.clone(),
        _ => Reply::Nothing(60),
    })
    .await
}

fn of(address: IpAddr) -> Reply {
    Reply::addresses([address])
}

fn remote(pool: &Pool) -> Vec<IpAddr> {
    let entries = pool.registry().snapshot().into_iter();
    let addresses = entries.filter_map(|entry| entry.remote_addr);
    addresses.map(|address| address.ip()).collect()
}

#[tokio::test]
async fn a_family_that_is_never_answered_does_not_hold_up_the_other() {
    for (v6, v4, wanted) in [
        (Reply::Silence, of(V4), V4),
        (of(V6), Reply::Silence, V6),
        (Reply::Failure, of(V4), V4),
        // Some name servers deny a name altogether where it has no IPv6 (RFC 4074 §4.2).
        (Reply::NoSuchName, of(V4), V4),
    ] {
        let peer = server(wanted, 0).await;
        let zone = zone(v6, v4).await;
        let pool = builder(&zone).build().unwrap();
        fetch(&pool, &format!("http://{HOST}:{}", peer.port()))
            .await
            .unwrap();
        assert_eq!(remote(&pool), [wanted]);
        quiet(&pool).await;
    }
}

/// The first family's addresses refuse; the dial waits for the other's instead of failing.
#[tokio::test]
async fn addresses_that_come_late_are_dialed_where_the_early_ones_fail() {
    for (early, late) in [(V6, V4), (V4, V6)] {
        let peer = server(late, 0).await;
        let delayed = of(late).after(LATE);
        let zone = if early == V6 {
            zone(of(V6), delayed).await
        } else {
            zone(delayed, of(V4)).await
        };
        let pool = builder(&zone).build().unwrap();
        fetch(&pool, &format!("http://{HOST}:{}", peer.port()))
            .await
            .unwrap();
        assert_eq!(remote(&pool), [late]);
        assert_eq!(pool.stats().dials_started, 1);
        quiet(&pool).await;
    }
}

/// The server behind the first address closes each connection: the second comes while that is found out, or after.
#[tokio::test]
async fn addresses_that_come_late_are_there_for_what_fails_behind_tcp() {
    for delay in [Duration::from_millis(100), LATE] {
        let good = server(V4, 0).await;
        let bad = Peer::tcp_at(SocketAddr::new(V6, good.port()), |_, stream| async {
            // Until the other address is nearly there.
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(stream);
        })
        .await;
        let zone = zone(of(V6), of(V4).after(delay)).await;
        let pool = builder(&zone).build().unwrap();
        fetch(&pool, &format!("http://{HOST}:{}", good.port()))
            .await
            .unwrap();
        assert!(bad.accepted() >= 1);
        assert_eq!(pool.stats().dials_started, 1);
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn a_denied_family_does_not_fail_the_dial_before_the_other_has_come() {
    let peer = server(V4, 0).await;
    let target = format!("http://{HOST}:{}", peer.port());
    let list = || AccessList::deny_all().allow("127.0.0.1/32").unwrap();
    let both = zone(of(V6), of(V4).after(LATE)).await;
    let pool = builder(&both).access_list(list()).build().unwrap();
    fetch(&pool, &target).await.unwrap();
    assert_eq!(remote(&pool), [V4]);
    quiet(&pool).await;

    let only = zone(of(V6), Reply::Nothing(60).after(LATE)).await;
    let pool = builder(&only).access_list(list()).build().unwrap();
    let error = fetch(&pool, &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressDenied);
    quiet(&pool).await;
}

/// What is known of one family is not asked for again, and the other is not taken for absent: once it is answered, it counts.
#[tokio::test]
async fn half_an_answer_is_whole_once_the_other_half_has_come() {
    let mends = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&mends);
    let zone = NameServer::start(move |_, kind| match kind {
        AAAA if mended.load(Ordering::SeqCst) => of(V6),
        AAAA => Reply::Failure,
        A => of(V4),
        _ => Reply::Nothing(60),
    })
    .await;
    let resolver = zone.resolver();
    let half = resolver.look_up(HOST, 80).await.unwrap();
    assert_eq!(half.addresses(), [SocketAddr::new(V4, 80)]);
    mends.store(true, Ordering::SeqCst);
    let whole = async {
        while resolver.look_up(HOST, 80).await.unwrap().addresses().len() < 2 {
            // A failure is remembered for a second.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(common::wait::PATIENCE, whole)
        .await
        .unwrap();
    let of_v4 = zone.asked().into_iter().filter(|(_, kind)| *kind == A);
    assert_eq!(of_v4.count(), 1);
}

/// While IPv6 fails at the name server, connections to it are not left as if the host had none.
#[tokio::test]
async fn connections_to_a_family_that_cannot_be_asked_for_stay() {
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let short = |kind, data: Vec<u8>| Reply::Records(vec![(kind, 1, data)]);
    let zone = NameServer::start(move |_, kind| match kind {
        AAAA if failing.load(Ordering::SeqCst) => Reply::Failure,
        AAAA => short(AAAA, Ipv6Addr::LOCALHOST.octets().into()),
        A => short(A, Ipv4Addr::LOCALHOST.octets().into()),
        _ => Reply::Nothing(60),
    })
    .await;
    let first = server(V6, 0).await;
    let _other = server(V4, first.port()).await;
    let pool = builder(&zone)
        .address_grace(Duration::from_millis(500))
        .build()
        .unwrap();
    fetch(&pool, &format!("http://{HOST}:{}", first.port()))
        .await
        .unwrap();
    assert_eq!(remote(&pool), [V6]);
    fails.store(true, Ordering::SeqCst);
    let count = |kind| {
        zone.asked()
            .iter()
            .filter(|(_, asked)| *asked == kind)
            .count()
    };
    let before = (count(A), count(AAAA));
    until("both have been asked for twice more", || {
        count(A) >= before.0 + 2 && count(AAAA) >= before.1 + 2
    })
    .await;
    common::wait::a_round().await;
    assert_eq!(remote(&pool), [V6]);
    quiet(&pool).await;
}
