//! Clients that take a place and do nothing with it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Authority, Client, Gate, LOOPBACK, PATIENCE, site, tcp, until};
use crate::config::Protocols;
use crate::error::ErrorKind;
use crate::registry::{CloseReason, State};
use crate::server::{Listener, ListenerBuilder};

/// Short enough not to be waited for.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_client_without_hello_is_cut_at_the_deadline() {
    let builder = Listener::builder().handshake_timeout(SHORT);
    let builder = builder.tls(Authority::new().server_tls());
    assert_eq!(stalled(builder, b"").await, CloseReason::HandshakeFailed);
}

#[tokio::test]
async fn half_a_hello_is_cut_at_the_deadline() {
    let builder = Listener::builder().handshake_timeout(SHORT);
    let builder = builder.tls(Authority::new().server_tls());
    let half = b"\x16\x03\x01\x02\x00\x01";
    assert_eq!(stalled(builder, half).await, CloseReason::HandshakeFailed);
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let builder = Listener::builder().header_timeout(SHORT).close_grace(SHORT);
        let builder = builder.protocols(protocols);
        assert_eq!(stalled(builder, b"").await, CloseReason::IdleTimeout);
    }
}

#[tokio::test]
async fn half_a_header_block_is_closed() {
    let builder = Listener::builder().header_timeout(SHORT).close_grace(SHORT);
    let half = b"GET / HTTP/1.1\r\nHost:";
    assert_eq!(stalled(builder, half).await, CloseReason::IdleTimeout);
}

#[tokio::test]
async fn the_first_request_has_its_own_deadline() {
    // Long enough for a first request, also on a loaded machine.
    let builder = Listener::builder().header_timeout(10 * SHORT);
    let builder = builder.protocols(Protocols::Http2);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let silent = Client::http2(tcp(server.local_addr()).await).await;
    let mut spoken = Client::http2(tcp(server.local_addr()).await).await;
    spoken.ask("/", "").await.unwrap();
    silent.ended().await.unwrap();
    spoken.ask("/", "").await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_later_header_block_is_held_to_the_idle_deadline() {
    let builder = Listener::builder().idle_timeout(SHORT).close_grace(SHORT);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut stream = tcp(server.local_addr()).await;
    let requests = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost:";
    stream.write_all(requests).await.unwrap();
    until("answered", || server.registry().stats().requests == 1).await;
    until("gone", || server.registry().count() == 0).await;
    let stats = server.registry().stats();
    assert_eq!(stats.closed_for(CloseReason::IdleTimeout), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let gate = Gate::closed();
        let builder = Listener::builder().idle_timeout(SHORT).protocols(protocols);
        let server = builder.bind(LOOPBACK).await.unwrap().serve(site(&gate));
        let stream = tcp(server.local_addr()).await;
        let mut client = match protocols {
            Protocols::Http2 => Client::http2(stream).await,
            _ => Client::http1(stream).await,
        };
        let hold = client.ask("/held", "");
        let watch = async {
            until("under way", || server.registry().stats().opened == 1).await;
            let entry = server.registry().entries().pop().unwrap();
            // That nothing happens for this long has no event to wait for.
            tokio::time::sleep(3 * SHORT).await;
            assert_eq!(entry.state(), State::Open);
            gate.open();
            entry
        };
        let (answer, entry) = tokio::join!(hold, watch);
        assert_eq!(answer.unwrap().1, "held");
        client.ended().await.unwrap();
        until("gone", || server.registry().count() == 0).await;
        assert_eq!(entry.close_reason(), Some(CloseReason::IdleTimeout));
        assert_eq!(entry.stats().errors(), 0);
    }
}

#[tokio::test]
async fn who_finds_no_place_waits() {
    let builder = Listener::builder().max_connections(1);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut first = Client::http1(tcp(server.local_addr()).await).await;
    first.ask("/", "").await.unwrap();
    let mut second = Client::http1(tcp(server.local_addr()).await).await;
    let mut answer = std::pin::pin!(second.ask("/", ""));
    let waited = tokio::time::timeout(SHORT, &mut answer).await;
    assert!(waited.is_err() && server.connections() == 1);

    drop(first);
    assert_eq!(answer.await.unwrap().1, "hello");
    assert_eq!(server.registry().stats().opened, 2);
}

#[tokio::test]
async fn limits_must_be_possible() {
    let cases = [
        ("max_connections", Listener::builder().max_connections(0)),
        (
            "max_concurrent_streams",
            Listener::builder().max_concurrent_streams(0),
        ),
        (
            "idle_timeout",
            Listener::builder().idle_timeout(Duration::ZERO),
        ),
    ];
    for (name, builder) in cases {
        let error = builder.bind(LOOPBACK).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains(name), "{error}");
    }
    let longest = Listener::builder()
        .max_connections(usize::MAX)
        .header_timeout(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .handshake_timeout(Duration::MAX)
        .close_grace(Duration::MAX);
    let server = longest.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut client = Client::http1(tcp(server.local_addr()).await).await;
    client.ask("/", "").await.unwrap();

    let taken = Listener::builder().bind(server.local_addr()).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::InvalidConfiguration);
}

/// Why a client that sends `bytes` and nothing else is closed.
async fn stalled(builder: ListenerBuilder, bytes: &[u8]) -> CloseReason {
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut stream = tcp(server.local_addr()).await;
    stream.write_all(bytes).await.unwrap();
    until("accepted", || server.registry().stats().opened == 1).await;
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // How it is closed does not matter: unread bytes make it a reset.
    let _ = closed.expect("still open");
    until("gone", || {
        server.registry().count() == 0 && server.tasks() == 1
    })
    .await;
    let stats = server.registry().stats();
    assert_eq!(stats.requests, 0);
    *stats.closed_by_reason.keys().next().unwrap()
}
