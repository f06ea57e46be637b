//! Requests answered, whatever is agreed, and what the registry says of them.

use http::StatusCode;

use super::support::{Authority, Client, Gate, LOOPBACK, NAME, PATIENCE, site, tcp, tls, until};
use crate::config::Protocols;
use crate::registry::{Activity, CloseReason, Direction, Protocol, Registry, State};
use crate::server::Listener;

#[tokio::test]
async fn plain_http1() {
    let listener = Listener::builder().bind(LOOPBACK).await.unwrap();
    let server = listener.serve(site(&Gate::closed()));
    let mut client = Client::http1(tcp(server.local_addr()).await).await;
    let answer = client.ask("/echo", "over plain TCP").await.unwrap();
    assert_eq!(answer, (StatusCode::OK, "over plain TCP".to_owned()));
    client.ask("/", "").await.unwrap();

    let entry = server.registry().entries().pop().unwrap();
    let (direction, protocol) = (entry.direction(), entry.protocol());
    assert_eq!((direction, protocol), (Direction::Inbound, Protocol::Http1));
    assert_eq!(entry.local_addr(), Some(server.local_addr()));
    assert_eq!(entry.state(), State::Open);
    let stats = entry.stats().snapshot();
    assert_eq!((stats.requests, stats.errors), (2, 0));
    assert_eq!((stats.messages_received, stats.messages_sent), (2, 2));
    assert!(stats.bytes_received > 0 && stats.bytes_sent > 0);
    until("idle", || entry.activity() == Activity::Idle).await;

    drop(client);
    until("gone", || server.registry().count() == 0).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::PeerClosed));
    until("only the acceptor", || server.tasks() == 1).await;
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn plain_http2_by_prior_knowledge() {
    let builder = Listener::builder().protocols(Protocols::Http2);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut client = Client::http2(tcp(server.local_addr()).await).await;
    assert_eq!(client.ask("/echo", "frames").await.unwrap().1, "frames");
    assert_eq!(server.registry().count_by_protocol(Protocol::Http2), 1);
    let report = server.shutdown(PATIENCE).await;
    assert_eq!((report.drained, report.cut), (1, 0));
    client.ended().await.unwrap();
}

#[tokio::test]
async fn alpn_decides() {
    use Protocols::{Any, Http1, Http2};
    let authority = Authority::new();
    let cases: [(Protocols, &[&str], Option<Protocol>); 8] = [
        (Any, &["h2", "http/1.1"], Some(Protocol::Http2)),
        (Any, &["http/1.1", "h2"], Some(Protocol::Http2)),
        (Any, &["http/1.1"], Some(Protocol::Http1)),
        (Any, &[], Some(Protocol::Http1)),
        (Http1, &["h2", "http/1.1"], Some(Protocol::Http1)),
        (Http2, &["h2", "http/1.1"], Some(Protocol::Http2)),
        (Http2, &["http/1.1"], None),
        (Http2, &[], None),
    ];
    for (protocols, alpn, expected) in cases {
        let builder = Listener::builder().protocols(protocols);
        let builder = builder.tls(authority.server_tls());
        let server = builder.bind(LOOPBACK).await.unwrap();
        let server = server.serve(site(&Gate::closed()));
        let stream = tls(server.local_addr(), &authority.client(alpn, None)).await;
        let Some(expected) = expected else {
            let registry = server.registry();
            until("refused", || registry.stats().closed == 1).await;
            assert_eq!(registry.stats().closed_for(CloseReason::HandshakeFailed), 1);
            continue;
        };
        let mut client = match expected {
            Protocol::Http2 => Client::http2(stream.unwrap()).await,
            _ => Client::http1(stream.unwrap()).await,
        };
        assert_eq!(client.ask("/", "").await.unwrap().1, "hello");
        let entry = server.registry().by_host(NAME).pop().unwrap();
        assert_eq!(entry.protocol(), expected, "{protocols:?} {alpn:?}");
    }
}

#[tokio::test]
async fn servers_share_a_registry() {
    let registry = Registry::new();
    let authority = Authority::new();
    let gate = Gate::closed();
    let plain = Listener::builder().registry(registry.clone());
    let plain = plain.bind(LOOPBACK).await.unwrap().serve(site(&gate));
    let secure = Listener::builder()
        .registry(registry.clone())
        .tls(authority.server_tls());
    let secure = secure.bind(LOOPBACK).await.unwrap().serve(site(&gate));

    let mut first = Client::http1(tcp(plain.local_addr()).await).await;
    first.ask("/", "").await.unwrap();
    let stream = tls(secure.local_addr(), &authority.client(&["h2"], None)).await;
    let mut second = Client::http2(stream.unwrap()).await;
    second.ask("/", "").await.unwrap();
    assert_eq!((registry.count(), plain.connections()), (2, 1));

    secure.shutdown(PATIENCE).await;
    assert_eq!((registry.count(), secure.tasks()), (1, 0));
    first.ask("/", "").await.unwrap();
}

#[tokio::test]
async fn a_failing_body_and_a_panic_hurt_only_their_own() {
    let builder = Listener::builder().protocols(Protocols::Http2);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut client = Client::http2(tcp(server.local_addr()).await).await;
    client.ask("/failing", "").await.unwrap_err();
    client.ask("/panic", "").await.unwrap_err();
    assert_eq!(client.ask("/empty", "").await.unwrap().1, "");
    let entry = server.registry().entries().pop().unwrap();
    assert_eq!(entry.stats().errors(), 1);
    until("idle", || entry.in_flight() == 0).await;
}
