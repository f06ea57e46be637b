//! WebSockets as streams of an HTTP/2 connection (RFC 8441), with h2's and tungstenite's servers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::error::Error as _;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::{idle, quiet};
use common::dropping::dropped_everywhere;
use common::peer::Peer;
use common::relay::Relay;
use common::request::{get, plain, trusting};
use common::wait::{PATIENCE, until};
use futures_util::{SinkExt, StreamExt};
use h2::ext::Protocol as ConnectProtocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use hotpool::client::websocket::Refusal;
use hotpool::profile::{Http2Opening, Profile};
use hotpool::registry::{CloseReason, Protocol};
use hotpool::websocket::{CloseCode, Message};
use hotpool::{Error, ErrorKind, Pool, Protocols};
use http::header::COOKIE;
use http::{HeaderValue, Method, Request, Response, Version};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Announces extended CONNECT. Of WebSockets at `/echo` it sends back what it is sent, resets those at `/reset` after the first message,
/// never answers at `/silent`, and has no others; all other requests are answered with 200.
async fn serve<IO: AsyncRead + AsyncWrite + Unpin>(io: IO, announced: bool) {
    let mut builder = h2::server::Builder::new();
    if announced {
        builder.enable_connect_protocol();
    }
    let Ok(mut connection) = builder.handshake::<_, Bytes>(io).await else {
        return;
    };
    let mut streams = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        streams.spawn(answer(request, respond));
    }
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let is_websocket = request.method() == Method::CONNECT;
    if !is_websocket {
        respond.send_response(Response::new(()), true).unwrap();
        return;
    }
    let protocol = request.extensions().get::<ConnectProtocol>().unwrap();
    assert_eq!(protocol.as_str(), "websocket");
    assert_eq!(request.headers()["sec-websocket-version"], "13");
    for name in ["connection", "upgrade", "sec-websocket-key"] {
        assert!(!request.headers().contains_key(name), "{name}");
    }
    let path = request.uri().path().to_owned();
    match &*path {
        "/echo" | "/reset" => {}
        "/silent" => {
            let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            return;
        }
        _ => {
            let missing = Response::builder().status(404).body(()).unwrap();
            respond.send_response(missing, true).unwrap();
            return;
        }
    }
    let mut response = Response::new(());
    if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
        let protocol = protocol.clone();
        response
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
    }
    let mut inbound = request.into_body();
    let mut outbound = respond.send_response(response, false).unwrap();
    if path == "/reset" {
        let _ = inbound.data().await;
        outbound.send_reset(Reason::INTERNAL_ERROR);
        return;
    }
    let (near, far) = duplex(64 * 1024);
    tokio::join!(echo(far), carry(near, inbound, outbound));
}

async fn echo(io: DuplexStream) {
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// A stream's two halves and a pipe.
async fn carry(pipe: DuplexStream, mut inbound: RecvStream, mut outbound: h2::SendStream<Bytes>) {
    let (mut from, mut to) = tokio::io::split(pipe);
    let inward = async {
        while let Some(Ok(data)) = inbound.data().await {
            let _ = inbound.flow_control().release_capacity(data.len());
            if to.write_all(&data).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    let outward = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = tokio::io::AsyncReadExt::read(&mut from, &mut buffer).await;
            let Ok(read @ 1..) = read else {
                let _ = outbound.send_data(Bytes::new(), true);
                return;
            };
            let mut rest = Bytes::copy_from_slice(buffer.get(..read).unwrap());
            while !rest.is_empty() {
                outbound.reserve_capacity(rest.len());
                let room = std::future::poll_fn(|cx| outbound.poll_capacity(cx)).await;
                let Some(Ok(room)) = room else {
                    return;
                };
                let piece = rest.split_to(room.min(rest.len()));
                if outbound.send_data(piece, false).is_err() {
                    return;
                }
            }
        }
    };
    tokio::join!(inward, outward);
}

async fn announcing() -> Peer {
    Peer::tcp(|_, socket| serve(socket, true)).await
}

fn pool() -> Pool {
    plain(Protocols::Http2).build().unwrap()
}

fn uri(peer: &Peer, path: &str) -> String {
    format!("ws://{}{path}", peer.target())
}

#[tokio::test]
async fn it_shares_the_connection_with_requests() {
    let peer = announcing().await;
    let pool = pool();
    assert!(pool.preheat([peer.plain_target()]).await.is_complete());
    let opening = pool.websocket(uri(&peer, "/echo"));
    let mut socket = opening.subprotocols(["chat"]).await.unwrap();
    assert_eq!(socket.subprotocol(), Some("chat"));
    assert_eq!(socket.connection().protocol(), Protocol::Http2);
    assert_eq!(pool.stats().in_use, 1);
    // Larger than the windows, both ways.
    for message in [Message::text("käse"), Message::binary(vec![7; 3 << 20])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), message);
    }
    let connection = pool.get(&peer.plain_target()).await.unwrap();
    assert_eq!(connection.send(get()).await.unwrap().status(), 200);
    assert_eq!(connection.id(), socket.connection().id());
    drop(connection);
    let goodbye = socket.close(CloseCode::Away, "").await.unwrap();
    assert_eq!(goodbye.unwrap().code, CloseCode::Away);
    idle(&pool).await;
    assert_eq!(peer.accepted(), 1);
    let entry = pool.registry().entries().pop().unwrap();
    assert_eq!(entry.stats().errors(), 0);
    quiet(&pool).await;
}

#[tokio::test]
async fn many_share_one_connection() {
    let peer = announcing().await;
    let pool = pool();
    pool.preheat([peer.plain_target()]).await;
    let mut sockets = JoinSet::new();
    for number in 0..50 {
        let opening = pool.websocket(uri(&peer, "/echo"));
        sockets.spawn(async move {
            let mut socket = opening.await.unwrap();
            for round in 0..20 {
                let message = Message::text(format!("{number} {round}"));
                socket.send(message.clone()).await.unwrap();
                assert_eq!(socket.recv().await.unwrap().unwrap(), message);
            }
        });
    }
    sockets.join_all().await;
    idle(&pool).await;
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}

#[tokio::test]
async fn without_a_connection_or_an_announcement_it_is_http1_unless_http2_is_asked_for() {
    let authority = Authority::new();
    let config = authority
        .issue(&["localhost"])
        .server_config(&["h2", "http/1.1"]);
    let peer = Peer::tls(config, |_, stream| async {
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => serve(stream, false).await,
            _ => {
                let _ = tokio_tungstenite::accept_async(stream).await;
            }
        }
    })
    .await;
    let pool = trusting(&authority).build().unwrap();
    let uri = format!("wss://{}/echo", peer.target());
    let socket = pool.websocket(&*uri).await.unwrap();
    assert_eq!(
        socket.connection().protocol(),
        Protocol::Tls,
        "nothing was there"
    );
    drop(socket);
    pool.preheat([peer.target()]).await;
    let socket = pool.websocket(&*uri).await.unwrap();
    assert_eq!(
        socket.connection().protocol(),
        Protocol::Tls,
        "it announced nothing"
    );
    let opening = pool.websocket(&*uri).version(Version::HTTP_2);
    let error = opening.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProtocolNotOffered, "{error}");
    assert!(!error.was_sent() && error.to_string().contains("RFC 8441"));
    let opening = pool.websocket(&*uri).version(Version::HTTP_3);
    assert_eq!(opening.await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn http2_asked_for_makes_the_connection() {
    let peer = announcing().await;
    let pool = pool();
    let opening = pool.websocket(uri(&peer, "/echo"));
    let mut socket = opening.version(Version::HTTP_2).await.unwrap();
    socket.send(Message::text("a")).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::text("a"));
    drop(socket);
    idle(&pool).await;
    quiet(&pool).await;
}

#[tokio::test]
async fn a_profiled_one_is_shaped_and_understood() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, stream| serve(stream, true)).await;
    for profile in ["chrome", "firefox", "safari", "curl"] {
        let builder = trusting(&authority).profile(Profile::named(profile).unwrap());
        let pool = builder.build().unwrap();
        pool.preheat([peer.target()]).await;
        let opening = pool.websocket(format!("wss://{}/echo", peer.target()));
        let mut socket = opening.version(Version::HTTP_2).await.unwrap();
        let message = Message::binary(vec![7; 1 << 20]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), message, "{profile}");
        drop(socket);
        quiet(&pool).await;
    }
}

/// Every header, its place and its bytes, and the frames around them.
#[tokio::test]
async fn a_profiled_one_is_what_its_browser_sends() {
    let peer = announcing().await;
    for name in ["chrome", "firefox"] {
        let relay = Relay::to(peer.address).await;
        let profile = Profile::named(name).unwrap();
        let builder = plain(Protocols::Http2).profile(profile.clone());
        let pool = builder.build().unwrap();
        let host = format!("localhost:{}", relay.address().port());
        let connection = pool.get(&format!("http://{host}")).await.unwrap();
        connection.send(get()).await.unwrap();
        let opening = pool.websocket(format!("ws://{host}/echo"));
        let opening = opening.subprotocols(["chat"]);
        let opening = opening.header(
            COOKIE,
            HeaderValue::from_static("a=b; session=0123456789abcdef"),
        );
        let mut socket = opening.await.unwrap();
        socket.send(Message::text("a")).await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), Message::text("a"));
        let sent = Http2Opening::parse(&relay.sent());
        let [_, request] = sent.requests() else {
            panic!("{} requests", sent.requests().len());
        };
        let header = |name: &str| request.header(name).map(<[u8]>::to_vec);
        assert_eq!(header(":protocol"), Some(b"websocket".to_vec()));
        assert_eq!(
            header("origin"),
            Some(format!("http://{host}").into_bytes())
        );
        assert!(header("sec-websocket-extensions").is_some());
        assert_eq!(profile.opening_differences(&sent), [], "{name}");
        drop((connection, socket));
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn a_refusal_says_what_was_answered_and_the_connection_goes_on() {
    let peer = announcing().await;
    let pool = pool();
    pool.preheat([peer.plain_target()]).await;
    let error = pool.websocket(uri(&peer, "/none")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WebSocketRefused);
    assert!(error.was_sent() && !error.is_retryable());
    assert_eq!(error.address(), Some(peer.address));
    let refusal = error.source().unwrap().downcast_ref::<Refusal>().unwrap();
    assert_eq!(refusal.status(), 404);
    idle(&pool).await;
    let connection = pool.get(&peer.plain_target()).await.unwrap();
    assert_eq!(connection.send(get()).await.unwrap().status(), 200);
    assert_eq!(peer.accepted(), 1);
    drop(connection);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_stream_that_is_reset_is_an_error_of_its_websocket_alone() {
    let peer = announcing().await;
    let pool = pool();
    pool.preheat([peer.plain_target()]).await;
    let mut other = pool.websocket(uri(&peer, "/echo")).await.unwrap();
    let mut socket = pool.websocket(uri(&peer, "/reset")).await.unwrap();
    socket.send(Message::text("a")).await.unwrap();
    let error: Error = socket.recv().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamReset, "{error}");
    assert_eq!(error.host(), Some("localhost"));
    assert!(socket.recv().await.is_none());
    other.send(Message::text("b")).await.unwrap();
    assert_eq!(other.recv().await.unwrap().unwrap(), Message::text("b"));
    drop((socket, other));
    quiet(&pool).await;
}

#[tokio::test]
async fn what_the_pool_ended_is_said_to_be_its_doing() {
    let peer = announcing().await;
    let pool = pool();
    pool.preheat([peer.plain_target()]).await;
    let mut socket = pool.websocket(uri(&peer, "/echo")).await.unwrap();
    let entry = pool.registry().entry(socket.connection().id()).unwrap();
    entry.request_close(CloseReason::Requested);
    let error = timeout(PATIENCE, socket.recv()).await.unwrap();
    let error = error.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClosedLocally, "{error}");
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_as_long_as_was_said() {
    let peer = announcing().await;
    let pool = pool();
    pool.preheat([peer.plain_target()]).await;
    let opening = pool.websocket(uri(&peer, "/silent"));
    let opening = opening.answer_timeout(std::time::Duration::from_millis(50));
    let error = opening.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTimeout);
    assert!(
        error.was_sent() && error.to_string().contains("50ms"),
        "{error}"
    );
    until("the stream's end", || pool.stats().in_use == 0).await;
    quiet(&pool).await;
}

#[tokio::test]
async fn dropping_the_opening_anywhere_leaves_nothing() {
    let peer = announcing().await;
    dropped_everywhere(
        async || {
            let pool = pool();
            pool.preheat([peer.plain_target()]).await;
            pool
        },
        async |pool: &Pool| pool.websocket(uri(&peer, "/echo")).open().await.unwrap(),
        async |pool, socket| {
            drop(socket);
            quiet(&pool).await;
        },
    )
    .await;
}
