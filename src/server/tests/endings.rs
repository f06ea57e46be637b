//! How connections and servers end.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::support::{Authority, Client, Gate, LOOPBACK, NAME, PATIENCE, site, tcp, tls, until};
use crate::config::Protocols;
use crate::registry::{CloseReason, Entry, State};
use crate::server::{Listener, Server};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn http1_drains_with_connection_close() {
    let gate = Gate::closed();
    let server = serve(Protocols::Http1, &gate).await;
    let mut idle = Client::http1(tcp(server.local_addr()).await).await;
    idle.ask("/", "").await.unwrap();
    let mut busy = Client::http1(tcp(server.local_addr()).await).await;

    let release = async {
        until("under way", || in_flight(&server) == 1).await;
        let shutdown = server.shutdown(PATIENCE);
        let open = async {
            until("draining", || {
                server.registry().count_by_state(State::Draining) == 1
            })
            .await;
            gate.open();
        };
        tokio::join!(shutdown, open).0
    };
    let (response, report) = tokio::join!(busy.begin("/held", ""), release);
    let response = response.unwrap();
    assert_eq!(response.headers()["connection"], "close");
    assert_eq!((report.drained, report.cut), (2, 0));
    assert_eq!((server.tasks(), server.connections()), (0, 0));
    let stats = server.registry().stats();
    assert_eq!(
        (stats.present, stats.closed_for(CloseReason::Shutdown)),
        (0, 2)
    );
    idle.ended().await.unwrap();
    TcpStream::connect(server.local_addr()).await.unwrap_err();
    Listener::builder()
        .bind(server.local_addr())
        .await
        .map(drop)
        .unwrap();
}

#[tokio::test]
async fn http2_drains_with_goaway() {
    let authority = Authority::new();
    let gate = Gate::closed();
    let builder = Listener::builder()
        .tls(authority.server_tls())
        .max_concurrent_streams(7);
    let server = builder.bind(LOOPBACK).await.unwrap().serve(site(&gate));
    let stream = tls(server.local_addr(), &authority.client(&["h2"], None)).await;
    let (sender, connection) = h2::client::handshake(stream.unwrap()).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = Request::get(format!("https://{NAME}/held"))
        .body(())
        .unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    until("under way", || in_flight(&server) == 1).await;
    assert_eq!(sender.current_max_send_streams(), 7);

    server.drain_connections();
    let entry = only(&server);
    until("draining", || entry.state() == State::Draining).await;
    // The server goes on: a new connection is served.
    let stream = tls(server.local_addr(), &authority.client(&["h2"], None)).await;
    let mut other = Client::http2(stream.unwrap()).await;
    other.ask("/", "").await.unwrap();

    gate.open();
    assert!(response.await.unwrap().status().is_success());
    let ended = timeout(PATIENCE, driver.join_next()).await.unwrap();
    ended.unwrap().unwrap().unwrap();
    assert!(sender.ready().await.is_err());
    until("gone", || entry.state() == State::Closed).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::LocalClose));
    assert_eq!((server.connections(), entry.stats().errors()), (1, 0));
}

#[tokio::test]
async fn who_does_not_end_by_the_deadline_is_cut() {
    for path in ["/held", "/endless"] {
        let server = serve(Protocols::Http2, &Gate::closed()).await;
        let mut client = Client::http2(tcp(server.local_addr()).await).await;
        let shutdown = async {
            until("under way", || in_flight(&server) == 1).await;
            server.shutdown(SHORT).await
        };
        let (answer, report) = tokio::join!(client.ask(path, ""), shutdown);
        answer.unwrap_err();
        assert_eq!((report.drained, report.cut), (0, 1));
        assert!(report.took >= SHORT);
        assert_eq!((server.tasks(), server.registry().count()), (0, 0));
        let again = server.shutdown(PATIENCE).await;
        assert_eq!((again.drained, again.cut), (0, 0));
    }
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_handshakes() {
    let builder = Listener::builder().tls(Authority::new().server_tls());
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let _silent = tcp(server.local_addr()).await;
    until("handshaking", || {
        server.registry().count_by_state(State::Handshaking) == 1
    })
    .await;
    let report = server.shutdown(PATIENCE).await;
    assert!(report.took < PATIENCE && server.registry().count() == 0);
    assert_eq!(
        server.registry().stats().closed_for(CloseReason::Shutdown),
        1
    );
}

#[tokio::test]
async fn who_handshakes_is_told_to_drain_after_it() {
    let authority = Authority::new();
    let builder = Listener::builder().tls(authority.server_tls());
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let stream = tcp(server.local_addr()).await;
    until("handshaking", || {
        server.registry().count_by_state(State::Handshaking) == 1
    })
    .await;
    server.drain_connections();
    let entry = only(&server);
    let connector = authority.client(&["h2"], None);
    let name = NAME.try_into().unwrap();
    let client = Client::http2(connector.connect(name, stream).await.unwrap()).await;
    client.ended().await.unwrap();
    until("gone", || entry.state() == State::Closed).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::LocalClose));
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let server = serve(protocols, &Gate::closed()).await;
        let registry = server.registry().clone();
        let stream = tcp(server.local_addr()).await;
        let mut client = match protocols {
            Protocols::Http2 => Client::http2(stream).await,
            _ => Client::http1(stream).await,
        };
        let dropping = async {
            until("under way", || in_flight(&server) == 1).await;
            let entry = only(&server);
            drop(server);
            entry
        };
        let (answer, entry) = tokio::join!(client.ask("/held", ""), dropping);
        answer.unwrap_err();
        until("gone", || registry.count() == 0 && entry.in_flight() == 0).await;
        assert_eq!(entry.close_reason(), Some(CloseReason::Shutdown));
    }
}

#[tokio::test]
async fn who_is_asked_to_leave_finishes_first() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let gate = Gate::closed();
        let server = serve(protocols, &gate).await;
        let stream = tcp(server.local_addr()).await;
        let mut client = match protocols {
            Protocols::Http2 => Client::http2(stream).await,
            _ => Client::http1(stream).await,
        };
        let asking = async {
            until("under way", || in_flight(&server) == 1).await;
            let entry = only(&server);
            entry.request_close(CloseReason::Requested);
            until("draining", || entry.state() == State::Draining).await;
            gate.open();
            entry
        };
        let (answer, entry) = tokio::join!(client.ask("/held", ""), asking);
        assert_eq!(answer.unwrap().1, "held");
        client.ended().await.unwrap();
        until("gone", || entry.state() == State::Closed).await;
        assert_eq!(entry.close_reason(), Some(CloseReason::Requested));
        assert_eq!(entry.stats().errors(), 0);
    }
}

#[tokio::test]
async fn who_does_not_leave_when_asked_is_cut_after_the_grace() {
    let builder = Listener::builder().close_grace(SHORT);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let mut client = Client::http1(tcp(server.local_addr()).await).await;
    let asking = async {
        until("under way", || in_flight(&server) == 1).await;
        let entry = only(&server);
        entry.request_close(CloseReason::Evicted);
        entry
    };
    let (answer, entry) = tokio::join!(client.ask("/held", ""), asking);
    answer.unwrap_err();
    until("gone", || entry.state() == State::Closed).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::Evicted));
    assert_eq!((entry.in_flight(), server.connections()), (0, 0));
}

#[tokio::test]
async fn the_peers_ways_of_leaving_differ() {
    let server = serve(Protocols::Http1, &Gate::closed()).await;
    let mut stream = tcp(server.local_addr()).await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        .await
        .unwrap();
    until("under way", || in_flight(&server) == 1).await;
    let entry = only(&server);
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
    until("reset", || entry.state() == State::Closed).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::PeerReset));
    assert_eq!(entry.in_flight(), 0);

    let mut stream = tcp(server.local_addr()).await;
    stream
        .write_all(b"\x16\x03\x01 is no request\r\n\r\n")
        .await
        .unwrap();
    until("broken", || server.registry().stats().closed == 2).await;
    let stats = server.registry().stats();
    assert_eq!(stats.closed_for(CloseReason::ProtocolError), 1);

    let http2 = serve(Protocols::Http2, &Gate::closed()).await;
    let mut stream = tcp(http2.local_addr()).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    until("broken", || http2.registry().stats().closed == 1).await;
    let stats = http2.registry().stats();
    assert_eq!(stats.closed_for(CloseReason::ProtocolError), 1);
}

async fn serve(protocols: Protocols, gate: &Gate) -> Server {
    let builder = Listener::builder().protocols(protocols);
    builder.bind(LOOPBACK).await.unwrap().serve(site(gate))
}

fn in_flight(server: &Server) -> usize {
    let entries = server.registry().entries();
    entries.iter().map(|entry| entry.in_flight()).sum()
}

fn only(server: &Server) -> Arc<Entry> {
    let mut entries = server.registry().entries();
    assert_eq!(entries.len(), 1);
    entries.pop().unwrap()
}
