//! What name servers may answer, and what a name may look like.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::name_server::{A, CNAME, NameServer, Reply, encode_name};
use hotpool::ErrorKind;
use tokio::time::Instant;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

fn alias(target: &str, time_to_live: u32) -> Reply {
    Reply::Records(vec![(CNAME, time_to_live, encode_name(target))])
}

fn address(time_to_live: u32) -> Reply {
    Reply::Records(vec![(A, time_to_live, ADDRESS.octets().to_vec())])
}

async fn look_up(zone: &NameServer, host: &str) -> (IpAddr, Duration) {
    let resolved = zone.resolver().look_up(host, 80).await.unwrap();
    let left = resolved.valid_until().unwrap() - Instant::now();
    (resolved.addresses()[0].ip(), left)
}

/// Each link of a chain in an answer of its own: the shortest time to live is the whole chain's.
#[tokio::test]
async fn a_chain_of_aliases_lives_as_long_as_its_shortest_link() {
    for (links, longest) in [
        ([5, 3600, 3600], 5),
        ([3600, 5, 3600], 5),
        ([3600, 3600, 5], 5),
    ] {
        let zone = NameServer::start(move |name, kind| match (name, kind) {
            ("a.test", A) => alias("b.test", links[0]),
            ("b.test", A) => alias("c.test", links[1]),
            ("c.test", A) => address(links[2]),
            _ => Reply::Nothing(60),
        })
        .await;
        let (found, left) = look_up(&zone, "a.test").await;
        assert_eq!(found, IpAddr::V4(ADDRESS));
        assert!(left <= Duration::from_secs(longest), "{links:?}: {left:?}");
    }
}

#[tokio::test]
async fn a_circle_of_aliases_ends_in_an_error() {
    let zone = NameServer::start(|name, _| match name {
        "a.test" => alias("b.test", 300),
        _ => alias("a.test", 300),
    })
    .await;
    let error = zone.resolver().look_up("a.test", 80).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ResolveFailed | ErrorKind::HostNotFound
        ),
        "{error}"
    );
    assert!(zone.asked().len() < 60, "{}", zone.asked().len());
}

#[tokio::test]
async fn times_to_live_of_nothing_and_of_a_century_are_kept_within_bounds() {
    for (time_to_live, shortest, longest) in [
        (0, 0, 1),
        (u32::MAX, 86_000, 86_400),
        (1 << 31, 86_000, 86_400),
    ] {
        let zone = NameServer::start(move |_, kind| match kind {
            A => address(time_to_live),
            _ => Reply::Nothing(time_to_live),
        })
        .await;
        let (_, left) = look_up(&zone, "a.test").await;
        assert!(left <= Duration::from_secs(longest), "{left:?}");
        assert!(left >= Duration::from_secs(shortest), "{left:?}");
    }
}

#[tokio::test]
async fn case_makes_no_other_name_and_a_trailing_dot_does() {
    let zone = NameServer::start(|_, kind| match kind {
        A => address(300),
        _ => Reply::Nothing(60),
    })
    .await;
    let resolver = zone.resolver();
    for host in ["xn--bcher-kva.test", "XN--BCHER-KVA.Test"] {
        resolver.look_up(host, 80).await.unwrap();
    }
    assert_eq!(zone.asked().len(), 2, "one for each family");
    // A search list could make another name of the first.
    resolver.look_up("xn--bcher-kva.test.", 80).await.unwrap();
    assert_eq!(zone.asked().len(), 4);
    let error = resolver.look_up("bücher.test", 80).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTarget);
}
