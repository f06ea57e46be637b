//! Listeners' WebSockets, with tungstenite's client, the pool's, and clients that break the rules.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::quiet;
use common::request::{get, plain, trusting};
use common::wait::{PATIENCE, until};
use futures_util::{SinkExt, StreamExt};
use hotpool::registry::{Activity, CloseReason, Entry, Protocol};
use hotpool::server::websocket::{WebSocket, WebSocketUpgrade};
use hotpool::server::{Listener, ListenerBuilder, Server, ServerTls};
use hotpool::websocket::{CloseCode, Message};
use hotpool::{ErrorKind, Protocols};
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Sends back what it is sent.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Never reads.
async fn deaf(socket: WebSocket) {
    let _socket = socket;
    std::future::pending::<()>().await;
}

type Answer = Response<Full<Bytes>>;

/// Sends without end.
async fn flood(mut socket: WebSocket) {
    while socket.send(Message::binary(vec![0; 1 << 16])).await.is_ok() {}
}

/// What a layer around the handler may do.
fn refused(mut opened: Answer) -> Answer {
    *opened.status_mut() = StatusCode::FORBIDDEN;
    opened
}

fn answer(mut request: Request<Incoming>, _: Arc<Entry>) -> std::future::Ready<Answer> {
    let path = request.uri().path().to_owned();
    let is_deaf = request.uri().path() == "/deaf";
    let compresses = request.uri().path() == "/compressed";
    std::future::ready(match WebSocketUpgrade::of(&mut request) {
        Ok(upgrade) if is_deaf => upgrade.serve(deaf),
        Ok(upgrade) if path == "/refused" => refused(upgrade.serve(echo)),
        Ok(upgrade) if path == "/flood" => upgrade
            .write_timeout(Duration::from_millis(100))
            .serve(flood),
        Ok(upgrade) if path == "/patient" => upgrade.serve(echo),
        Ok(upgrade) => upgrade
            .subprotocols(["chat.v1", "chat.v2"])
            .compression(compresses)
            .heartbeat(Duration::from_millis(100), Duration::from_millis(100))
            .serve(echo),
        Err(_) if request.uri().path() == "/page" => Answer::default(),
        Err(refusal) => refusal.into_response(),
    })
}

async fn serving(builder: ListenerBuilder) -> Server {
    builder.bind(LOOPBACK).await.unwrap().serve(answer)
}

async fn tls(authority: &Authority) -> Server {
    let certificate = authority.issue(&["localhost"]);
    let (chain, key) = (certificate.chain_pem, certificate.key_pem);
    let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    serving(Listener::builder().tls(tls).extended_connect(true)).await
}

/// tungstenite's client.
async fn stock(server: &Server, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let uri = format!("ws://localhost{path}");
    tokio_tungstenite::client_async(uri, stream)
        .await
        .unwrap()
        .0
}

fn only_entry(server: &Server) -> Arc<Entry> {
    let [entry] = server.registry().entries().try_into().unwrap();
    entry
}

/// It ends in order, and leaves nothing.
async fn ended(server: &Server) {
    let report = server.shutdown(PATIENCE).await;
    assert_eq!(report.cut, 0, "{report:?}");
    assert_eq!((server.tasks(), server.registry().count()), (0, 0));
}

#[tokio::test]
async fn a_connection_becomes_a_websocket_in_the_registry() {
    let server = serving(Listener::builder()).await;
    let mut socket = stock(&server, "/").await;
    for message in [
        tungstenite::Message::text("käse"),
        tungstenite::Message::binary(vec![7; 1 << 20]),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    let entry = only_entry(&server);
    assert_eq!(entry.protocol(), Protocol::WebSocket);
    assert_eq!(entry.activity(), Activity::Active);
    assert_eq!(
        entry.remote_addr(),
        Some(socket.get_ref().local_addr().unwrap())
    );
    // The request and its answer count too.
    assert_eq!(entry.stats().messages_received(), 3);
    assert_eq!(entry.stats().messages_sent(), 3);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    until("its end", || server.connections() == 0).await;
    assert_eq!(entry.close_reason(), Some(CloseReason::LocalClose));
    ended(&server).await;
}

#[tokio::test]
async fn the_pools_websockets_over_both_versions() {
    let authority = Authority::new();
    let server = tls(&authority).await;
    let host = format!("localhost:{}", server.local_addr().port());
    for profile in ["rustls", "chrome", "firefox"] {
        let pool = trusting(&authority).profile(profile).build().unwrap();
        for version in [Version::HTTP_11, Version::HTTP_2] {
            for path in ["", "compressed"] {
                let opening = pool
                    .websocket(format!("wss://{host}/{path}"))
                    .version(version);
                let opening = opening
                    .subprotocols(["chat.v2", "chat.v1"])
                    .compression(true);
                let mut socket = opening.await.unwrap();
                assert_eq!(socket.subprotocol(), Some("chat.v2"));
                assert_eq!(socket.is_compressed(), path == "compressed", "{profile}");
                for length in [0, 1, 1000, 1 << 20] {
                    let message = Message::text("x".repeat(length));
                    socket.send(message.clone()).await.unwrap();
                    assert_eq!(socket.recv().await.unwrap().unwrap(), message);
                }
                let found = server.registry().by_protocol(Protocol::WebSocket);
                assert_eq!(found.len(), 1, "{version:?}");
                let goodbye = socket.close(CloseCode::Normal, "").await.unwrap();
                assert_eq!(goodbye.unwrap().code, CloseCode::Normal);
                let registry = server.registry();
                until("its end", || {
                    registry.by_protocol(Protocol::WebSocket).is_empty()
                })
                .await;
            }
        }
        quiet(&pool).await;
    }
    ended(&server).await;
}

#[tokio::test]
async fn a_shutdown_takes_leave_of_all() {
    let authority = Authority::new();
    let server = tls(&authority).await;
    let host = format!("localhost:{}", server.local_addr().port());
    let pool = trusting(&authority).build().unwrap();
    let mut sockets = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2, Version::HTTP_2] {
        let opening = pool.websocket(format!("wss://{host}/")).version(version);
        sockets.push(opening.await.unwrap());
    }
    let reading = async {
        for socket in &mut sockets {
            let mut goodbye = None;
            while let Some(Ok(message)) = socket.recv().await {
                if let Message::Close(frame) = message {
                    goodbye = frame;
                }
            }
            assert_eq!(goodbye.unwrap().code, CloseCode::Away);
        }
    };
    let (report, ()) = tokio::join!(server.shutdown(PATIENCE), reading);
    assert_eq!((report.drained, report.cut), (2, 0), "{report:?}");
    assert_eq!((server.tasks(), server.registry().count()), (0, 0));
    drop(sockets);
    quiet(&pool).await;
}

#[tokio::test]
async fn whoever_is_kicked_is_told() {
    let authority = Authority::new();
    let server = tls(&authority).await;
    let host = format!("localhost:{}", server.local_addr().port());
    let pool = trusting(&authority).build().unwrap();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let opening = pool.websocket(format!("wss://{host}/")).version(version);
        let mut socket = opening.await.unwrap();
        let [entry] = server
            .registry()
            .by_protocol(Protocol::WebSocket)
            .try_into()
            .unwrap();
        entry.request_close(CloseReason::Requested);
        let goodbye = timeout(PATIENCE, socket.recv())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let Message::Close(Some(frame)) = goodbye else {
            panic!("{goodbye:?}");
        };
        assert_eq!(frame.code, CloseCode::Policy);
        assert!(timeout(PATIENCE, socket.recv()).await.unwrap().is_none());
        let registry = server.registry();
        until("its end", || {
            registry.by_protocol(Protocol::WebSocket).is_empty()
        })
        .await;
        assert_eq!(entry.close_reason(), Some(CloseReason::Requested));
        drop(socket);
    }
    // The HTTP/2 connection goes on.
    let connection = pool.get(&host).await.unwrap();
    assert_eq!(
        connection.send(get()).await.unwrap().status(),
        StatusCode::UPGRADE_REQUIRED
    );
    drop(connection);
    quiet(&pool).await;
    ended(&server).await;
}

/// One does not answer the Close frame, one's server side does not read at all.
#[tokio::test]
async fn who_does_not_leave_is_cut() {
    for path in ["/", "/deaf"] {
        let builder = Listener::builder().close_grace(Duration::from_millis(50));
        let server = serving(builder).await;
        let socket = stock(&server, path).await;
        let entry = only_entry(&server);
        let mut stream = socket.into_inner();
        entry.request_close(CloseReason::Requested);
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .unwrap();
        let told: &[u8] = if path == "/" {
            b"\x88\x02\x03\xf0"
        } else {
            b""
        };
        assert!(rest.ends_with(told), "{rest:?}");
        until("its end", || server.connections() == 0).await;
        assert_eq!(entry.close_reason(), Some(CloseReason::Requested));
        ended(&server).await;

        let server = serving(Listener::builder()).await;
        let _socket = stock(&server, path).await;
        let report = server.shutdown(Duration::from_millis(50)).await;
        assert_eq!((report.drained, report.cut), (0, 1), "{path}");
        assert_eq!((server.tasks(), server.registry().count()), (0, 0));
    }
}

#[tokio::test]
async fn who_falls_silent_is_pinged_and_given_up() {
    let server = serving(Listener::builder()).await;
    let socket = stock(&server, "/").await;
    let entry = only_entry(&server);
    let mut stream = socket.into_inner();
    let mut said = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    end.unwrap().unwrap();
    assert_eq!(said, b"\x89\0", "a ping, and no Close frame to nobody");
    until("its end", || server.connections() == 0).await;
    assert_eq!(entry.stats().errors(), 1);
    ended(&server).await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused() {
    let server = serving(Listener::builder()).await;
    let pool = plain(Protocols::Any).build().unwrap();
    let uri = format!("ws://localhost:{}/", server.local_addr().port());
    let mut socket = pool.websocket(uri).await.unwrap();
    // The server need not have read all of it before it closes.
    let _ = socket.send(Message::binary(vec![0; (1 << 20) + 1])).await;
    match timeout(PATIENCE, socket.recv()).await.unwrap().unwrap() {
        Ok(Message::Close(frame)) => assert_eq!(frame.unwrap().code, CloseCode::Size),
        Ok(other) => panic!("{other:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    drop(socket);
    quiet(&pool).await;
    ended(&server).await;
}

#[tokio::test]
async fn what_asks_for_none_or_wrongly_is_answered_in_http() {
    let server = serving(Listener::builder()).await;
    let head = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
    for (request, answer) in [
        (
            "GET /page HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK",
        ),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
            "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13",
        ),
        (
            format!("{head}sec-websocket-version: 8\r\n\r\n"),
            "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13",
        ),
        (
            format!("{head}sec-websocket-version: 13\r\nsec-websocket-key: x\r\n\r\n"),
            "HTTP/1.1 400 Bad Request",
        ),
    ] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with(answer), "{request}: {head}");
    }
    until("their end", || server.connections() == 0).await;
    ended(&server).await;
}

/// hyper upgrades a connection whatever the answer was, once HTTP on it is over.
#[tokio::test]
async fn an_upgrade_that_was_refused_is_not_spoken() {
    let server = serving(Listener::builder()).await;
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let request = "GET /refused HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 403"));
    let _ = stream.write_all(b"\x81\x81\0\0\0\0a").await;
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said))
        .await
        .unwrap();
    assert_eq!(said, b"", "nobody speaks WebSocket there");
    until("its end", || server.connections() == 0).await;
    ended(&server).await;
}

#[tokio::test]
async fn who_takes_nothing_is_given_up() {
    let server = serving(Listener::builder()).await;
    let socket = stock(&server, "/flood").await;
    let entry = only_entry(&server);
    until("its end", || server.connections() == 0).await;
    assert_eq!(entry.stats().errors(), 1);
    drop(socket);
    ended(&server).await;
}

/// Pings, whose pongs nobody takes: after a while they are not read either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_pings_is_not_kept_in_memory() {
    let server = serving(Listener::builder()).await;
    let mut stream = stock(&server, "/patient").await.into_inner();
    let pings = b"\x89\x81\0\0\0\0a".repeat(1024);
    let mut written = 0;
    let still = Duration::from_secs(2);
    // What is left of a ping goes first.
    while let Ok(outcome) = timeout(still, stream.write(&pings[written % pings.len()..])).await {
        written += outcome.unwrap();
        // Sockets hold some 10 MB.
        assert!(written < 40 << 20, "it reads on and on");
    }
    assert!(written > 1 << 16);
    let report = server.shutdown(Duration::from_millis(50)).await;
    assert_eq!(report.cut, 1);
    assert_eq!((server.tasks(), server.registry().count()), (0, 0));
}
