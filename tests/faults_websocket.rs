//! Servers that open WebSockets wrongly, or break the rules once they are open: each is a clear error, and nothing is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use common::check::{Wanted, gone, quiet};
use common::peer::Peer;
use common::request::plain;
use common::wait::{PATIENCE, until};
use hotpool::client::websocket::{Refusal, WebSocket};
use hotpool::registry::CloseReason;
use hotpool::websocket::{CloseCode, Message};
use hotpool::{ErrorKind, Pool, Protocols};
use http::header::ORIGIN;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n";

/// Answers an opening with `answer`, in which `{accept}` stands for what the key wants, says `then`, and keeps what it is told.
async fn saying(answer: String, then: &'static [u8]) -> (Peer, Arc<Mutex<Vec<u8>>>) {
    let told: Arc<Mutex<Vec<u8>>> = Arc::default();
    let keeping = Arc::clone(&told);
    let peer = Peer::tcp(move |_, mut socket| {
        let (answer, keeping) = (answer.clone(), Arc::clone(&keeping));
        async move {
            let head = head(&mut socket).await;
            let (_, key) = head.split_once("sec-websocket-key: ").unwrap();
            let accept = derive_accept_key(key.lines().next().unwrap().as_bytes());
            let answer = answer.replace("{accept}", &accept);
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket.write_all(then).await.unwrap();
            let mut chunk = [0; 1024];
            while let Ok(read @ 1..) = socket.read(&mut chunk).await {
                keeping.lock().extend(chunk.get(..read).unwrap());
            }
        }
    })
    .await;
    (peer, told)
}

async fn head(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(socket.read_u8().await.unwrap());
    }
    with_lower_names(&String::from_utf8(text).unwrap())
}

fn with_lower_names(head: &str) -> String {
    let lines = head.split("\r\n").map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    });
    lines.collect::<Vec<String>>().join("\r\n")
}

fn fresh_pool() -> Pool {
    plain(Protocols::Any).build().unwrap()
}

fn uri(peer: &Peer) -> String {
    format!("ws://{}/", peer.target())
}

async fn open(pool: &Pool, peer: &Peer) -> WebSocket {
    pool.websocket(uri(peer)).await.unwrap()
}

#[tokio::test]
async fn an_answer_that_is_not_the_one_is_a_refusal() {
    let upgraded = |more: &str| format!("{UPGRADED}{more}\r\n");
    let cases = [
        ("HTTP/1.1 403 Forbidden\r\nX-Why: you\r\nContent-Length: 2\r\n\r\nno".to_owned(), 403, "403 Forbidden"),
        ("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n".to_owned(), 302, "302 Found"),
        ("HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n".to_owned(), 200, "200 OK"),
        (upgraded("").replace("{accept}", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), 101, "Sec-WebSocket-Accept"),
        (upgraded("").replace("Sec-WebSocket-Accept: {accept}\r\n", ""), 101, "Sec-WebSocket-Accept"),
        (upgraded("").replace("Upgrade: websocket", "Upgrade: h2c"), 101, "something else"),
        (upgraded("").replace("Connection: Upgrade", "Connection: close"), 101, "something else"),
        (upgraded("Sec-WebSocket-Protocol: chat\r\n"), 101, "subprotocol that was not offered"),
        (upgraded("Sec-WebSocket-Extensions: permessage-deflate\r\n"), 101, "extension"),
    ];
    for (answer, status, words) in cases {
        let (peer, _) = saying(answer, b"").await;
        let pool = fresh_pool();
        let error = pool.websocket(uri(&peer)).await.unwrap_err();
        Wanted::sent(ErrorKind::WebSocketRefused, peer.address)
            .words(&[words])
            .check(&error);
        let refusal = error.source().unwrap().downcast_ref::<Refusal>().unwrap();
        assert_eq!(refusal.status(), status);
        assert_eq!(refusal.headers().contains_key("x-why"), status == 403);
        until("the connection's end", || pool.stats().connections == 0).await;
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn no_answer_has_a_deadline_and_a_closed_connection_is_said() {
    let (peer, _) = saying(String::new(), b"").await;
    let pool = fresh_pool();
    let opening = pool
        .websocket(uri(&peer))
        .answer_timeout(Duration::from_millis(50));
    let error = opening.await.unwrap_err();
    Wanted::sent(ErrorKind::RequestTimeout, peer.address)
        .words(&["50ms"])
        .check(&error);
    quiet(&pool).await;

    let closing = Peer::tcp(|_, mut socket| async move {
        head(&mut socket).await;
    })
    .await;
    let pool = fresh_pool();
    let error = pool.websocket(uri(&closing)).await.unwrap_err();
    Wanted::sent(ErrorKind::ConnectionClosed, closing.address).check(&error);
    quiet(&pool).await;

    let babbling = Peer::tcp(|_, mut socket| async move {
        head(&mut socket).await;
        let _ = socket
            .write_all(b"\x81\x02hi and no HTTP at all\r\n\r\n")
            .await;
        let _ = socket.read(&mut [0]).await;
    })
    .await;
    let pool = fresh_pool();
    let error = pool.websocket(uri(&babbling)).await.unwrap_err();
    Wanted::sent(ErrorKind::ProtocolViolation, babbling.address).check(&error);
    quiet(&pool).await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_not_sent() {
    let pool = fresh_pool();
    for uri in ["/relative", "ftp://localhost/", "ws://", "ws://us er@x/"] {
        let error = pool.websocket(uri).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidTarget, "{uri}: {error}");
    }
    let (peer, _) = saying(format!("{UPGRADED}\r\n"), b"").await;
    let error = pool
        .websocket(uri(&peer))
        .subprotocols(["a\nb"])
        .await
        .unwrap_err();
    Wanted::unsent(ErrorKind::InvalidRequest, peer.address)
        .words(&["header value"])
        .check(&error);
    quiet(&pool).await;
}

/// What the server says once the WebSocket is open, what comes of it, and what the server is told.
#[tokio::test]
async fn broken_rules_end_it_and_the_server_is_told_why() {
    let cases: [(&'static [u8], ErrorKind, &str, u16); 7] = [
        (b"\x91\x01a", ErrorKind::ProtocolViolation, "eserved", 1002),
        (b"\xc1\x01a", ErrorKind::ProtocolViolation, "eserved", 1002),
        (
            b"\x81\x81aaaaa",
            ErrorKind::ProtocolViolation,
            "masked",
            1002,
        ),
        (b"\x80\x01a", ErrorKind::ProtocolViolation, "ontinue", 1002),
        (b"\x83\x01a", ErrorKind::ProtocolViolation, "", 1002),
        (
            b"\x81\x02\xc3\x28",
            ErrorKind::ProtocolViolation,
            "UTF-8",
            1007,
        ),
        (
            b"\x82\x7f\0\0\0\x01\0\0\0\0",
            ErrorKind::MessageTooLarge,
            "1000 bytes (max_message_size)",
            1009,
        ),
    ];
    for (said, kind, words, code) in cases {
        is_broken("", said, kind, words, code).await;
    }
}

/// The same of messages that are compressed.
#[tokio::test]
async fn broken_rules_of_compression_end_it_and_the_server_is_told_why() {
    let cases: [(&'static [u8], ErrorKind, &str, u16); 5] = [
        // A block of a type that there is not.
        (
            b"\xc1\x01\xff",
            ErrorKind::ProtocolViolation,
            "not deflated data",
            1002,
        ),
        (
            b"\xc1\x7f\x80\0\0\0\0\0\0\0",
            ErrorKind::ProtocolViolation,
            "highest bit",
            1002,
        ),
        (b"\xc9\x01a", ErrorKind::ProtocolViolation, "eserved", 1002),
        // Two bytes, stored.
        (
            b"\xc1\x08\0\x02\0\xfd\xff\xc3\x28\0",
            ErrorKind::ProtocolViolation,
            "UTF-8",
            1007,
        ),
        // 2000 zeros.
        (
            b"\xc2\x12\x62\x60\x18\x05\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x50\x07\x00\x00",
            ErrorKind::MessageTooLarge,
            "1000 bytes (max_message_size)",
            1009,
        ),
    ];
    for (said, kind, words, code) in cases {
        let agreed = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        is_broken(agreed, said, kind, words, code).await;
    }
}

async fn is_broken(agreed: &str, said: &'static [u8], kind: ErrorKind, words: &str, code: u16) {
    let (peer, told) = saying(format!("{UPGRADED}{agreed}\r\n"), said).await;
    let pool = fresh_pool();
    let opening = pool.websocket(uri(&peer)).compression(true);
    let mut socket = opening.max_message_size(1000).await.unwrap();
    let error = socket.recv().await.unwrap().unwrap_err();
    Wanted {
        retryable: false,
        ..Wanted::unsent(kind, peer.address)
    }
    .words(&[words])
    .check(&error);
    assert!(socket.recv().await.is_none(), "there is nothing more");
    until("the Close frame", || told.lock().len() >= 8).await;
    let frame = told.lock().clone();
    let [head, length, mask @ ..] = frame.as_slice() else {
        panic!("{frame:?}")
    };
    assert_eq!((*head, *length), (0x88, 0x82), "masked, two bytes");
    let unmasked = [mask[4] ^ mask[0], mask[5] ^ mask[1]];
    assert_eq!(u16::from_be_bytes(unmasked), code, "{said:?}");
    let errors = pool.registry().entries().pop().unwrap().stats().errors();
    assert_eq!(errors, 1);
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_an_error() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let head = head(&mut socket).await;
        let (_, key) = head.split_once("sec-websocket-key: ").unwrap();
        let accept = derive_accept_key(key.lines().next().unwrap().as_bytes());
        let answer = format!("{UPGRADED}\r\n").replace("{accept}", &accept);
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.write_all(b"\x81\x05hel").await.unwrap();
    })
    .await;
    let pool = fresh_pool();
    let mut socket = open(&pool, &peer).await;
    let error = socket.recv().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{error}");
    assert_eq!(error.address(), Some(peer.address));
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn the_pools_end_and_a_kick_are_errors_that_say_so() {
    let (peer, _) = saying(format!("{UPGRADED}\r\n"), b"").await;
    let pool = fresh_pool();
    let mut socket = open(&pool, &peer).await;
    let entry = pool.registry().entry(socket.connection().id()).unwrap();
    entry.request_close(CloseReason::Requested);
    let error = timeout(PATIENCE, socket.recv())
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClosedLocally, "{error}");
    drop(socket);
    until("its end", || pool.stats().connections == 0).await;

    let mut socket = open(&pool, &peer).await;
    let report = pool.shutdown(Duration::from_millis(20)).await;
    assert_eq!(report.cut, 1);
    let error = timeout(PATIENCE, socket.recv())
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClosedLocally, "{error}");
    gone(&pool);
}

#[tokio::test]
async fn control_frames_that_are_too_long_are_not_sent() {
    let (peer, told) = saying(format!("{UPGRADED}\r\n"), b"").await;
    let pool = fresh_pool();
    let mut socket = open(&pool, &peer).await;
    let error = socket
        .send(Message::Ping(vec![0; 126].into()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    socket
        .send(Message::Ping(vec![0; 125].into()))
        .await
        .unwrap();
    until("the ping", || told.lock().len() == 2 + 4 + 125).await;
    let error = socket
        .close(CloseCode::Normal, &"x".repeat(124))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    quiet(&pool).await;
}

/// A server that is told goodbye and says nothing.
#[tokio::test]
async fn nobody_waits_long_for_a_goodbye() {
    let (peer, told) = saying(format!("{UPGRADED}\r\n"), b"").await;
    let pool = fresh_pool();
    let socket = pool
        .websocket(uri(&peer))
        .header(ORIGIN, "http://a".parse().unwrap())
        .await
        .unwrap();
    let closing = timeout(PATIENCE, socket.close(CloseCode::Normal, "bye"));
    assert_eq!(closing.await.unwrap().unwrap(), None);
    assert_eq!(told.lock().len(), 2 + 4 + 2 + 3);
    quiet(&pool).await;
}

/// It answers one ping with a pong, and then no more.
#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_if_that_is_asked_for() {
    let pong = b"\x8a\0";
    let (peer, told) = saying(format!("{UPGRADED}\r\n"), pong).await;
    let pool = fresh_pool();
    let (interval, patience) = (Duration::from_millis(20), Duration::from_millis(60));
    let opening = pool.websocket(uri(&peer)).heartbeat(interval, patience);
    let mut socket = opening.await.unwrap();
    let message = socket.recv().await.unwrap().unwrap();
    assert_eq!(message, Message::Pong(Vec::new().into()));
    let error = socket.recv().await.unwrap().unwrap_err();
    let wanted = Wanted::unsent(ErrorKind::Unresponsive, peer.address);
    wanted.words(&["60ms"]).check(&error);
    assert!(socket.recv().await.is_none());
    assert_eq!(told.lock().first(), Some(&0x89), "a ping");
    drop(socket);
    quiet(&pool).await;
}

/// A message that takes long is no silence.
#[tokio::test]
async fn a_slow_message_is_waited_for() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let head = head(&mut socket).await;
        let (_, key) = head.split_once("sec-websocket-key: ").unwrap();
        let accept = derive_accept_key(key.lines().next().unwrap().as_bytes());
        let answer = format!("{UPGRADED}\r\n").replace("{accept}", &accept);
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.write_all(b"\x82\x28").await.unwrap();
        for _ in 0..40 {
            socket.write_all(b"x").await.unwrap();
            // As a slow network.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = socket.read(&mut [0]).await;
    })
    .await;
    let pool = fresh_pool();
    let half = Duration::from_millis(200);
    let opening = pool.websocket(uri(&peer)).heartbeat(half, half);
    let mut socket = opening.await.unwrap();
    let message = socket.recv().await.unwrap().unwrap();
    assert_eq!(message.len(), 40);
    drop(socket);
    quiet(&pool).await;
}
