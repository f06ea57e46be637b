//! What a pool shows of itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use common::certificates::Authority;
use common::http1;
use common::peer::Peer;
use common::request::{read, trusting};
use common::wait::PATIENCE;
use hotpool::Target;
use hotpool::registry::{CloseReason, Protocol, State};
use tokio_test::task;

#[tokio::test]
async fn every_host_and_connection_is_shown_as_it_is() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    let peer = Peer::tls(config, |_, stream| http1::serve(stream)).await;
    let pool = trusting(&authority)
        .max_connections_per_host(1)
        .build()
        .unwrap();
    let target = peer.target();
    let apart = Target::parse(&target).unwrap().partition("tenant");
    pool.preheat([&target]).await;
    let held = pool.get(&target).await.unwrap();
    assert_eq!(read(&held).await.unwrap(), "hello");
    let _other = pool.get(&apart).await.unwrap();
    let mut waiting = task::spawn(pool.get(&target));
    assert!(waiting.poll().is_pending());

    let snapshot = pool.snapshot();
    assert_eq!(snapshot.stats, pool.stats());
    let [host, tenants] = &snapshot.hosts[..] else {
        panic!("{} hosts", snapshot.hosts.len())
    };
    assert_eq!(host.origin, format!("https://{target}"));
    assert_eq!(tenants.origin, host.origin);
    assert_eq!(
        (host.partition.as_deref(), tenants.partition.as_deref()),
        (None, Some("tenant"))
    );
    assert_eq!((host.waiting, host.dialing, host.keep_warm), (1, 0, 1));
    assert_eq!((tenants.waiting, tenants.keep_warm), (0, 0));
    assert_eq!(
        (&*host.profile, host.protocol),
        (held.profile(), Some(Protocol::Http1))
    );
    let [connection] = &host.connections[..] else {
        panic!("{} connections", host.connections.len())
    };
    assert_eq!(
        (connection.id, connection.address),
        (held.id(), peer.address)
    );
    assert_eq!((connection.in_use, connection.limit), (1, 1));
    assert_eq!(
        (connection.state, connection.draining),
        (State::Open, false)
    );
    assert_eq!((connection.requests, connection.in_flight), (1, 0));
    assert!(connection.bytes_received > 0 && !connection.expires_in.is_zero());
    assert_eq!(connection.tls.as_ref().unwrap().version, "TLSv1.3");

    pool.close();
    let closing = &pool.snapshot().hosts[0].connections[0];
    assert!(closing.draining && closing.state == State::Draining);
    assert_eq!(closing.close_reason, Some(CloseReason::Shutdown));
    drop((held, _other, waiting));
    pool.shutdown(PATIENCE).await;
    assert!(
        pool.snapshot()
            .hosts
            .iter()
            .all(|host| host.connections.is_empty())
    );
}

#[tokio::test]
async fn it_serializes_to_names_and_numbers() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = hotpool::Pool::builder().build().unwrap();
    let held = pool.get(peer.plain_target()).await.unwrap();
    let json = serde_json::to_value(pool.snapshot()).unwrap();
    assert_eq!(json["stats"]["connections"], 1);
    let host = &json["hosts"][0];
    assert_eq!(host["origin"], peer.plain_target());
    assert_eq!(host["protocols"], "any");
    let connection = &host["connections"][0];
    assert_eq!(connection["id"], held.id().as_u64());
    assert_eq!(connection["address"], peer.address.to_string());
    assert_eq!(connection["state"], "open");
    assert_eq!(connection["tls"], serde_json::Value::Null);
    assert!(connection["age"].as_f64().is_some());
}
