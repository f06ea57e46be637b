//! WebSockets by HTTP/1.1's upgrade, with tungstenite's server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::certificates::Authority;
use common::check::quiet;
use common::dropping::dropped_everywhere;
use common::peer::Peer;
use common::request::{plain, trusting};
use common::wait::{PATIENCE, until};
use futures_util::{SinkExt, StreamExt};
use hotpool::client::RequestOptions;
use hotpool::pool::PoolBuilder;
use hotpool::profile::Profile;
use hotpool::registry::{Activity, Protocol};
use hotpool::websocket::{CloseCode, Message};
use hotpool::{Pool, Protocols, Target};
use http::HeaderValue;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// Sends back what it is sent, by the subprotocol `echo` if that is offered.
async fn echo<IO: AsyncRead + AsyncWrite + Unpin>(io: IO) {
    #[allow(clippy::result_large_err, reason = "tungstenite's callback")]
    let choose = |request: &Request, mut response: Response| {
        let offered = request.headers().get("sec-websocket-protocol");
        let echo = HeaderValue::from_static("echo");
        if offered.is_some_and(|offered| offered.to_str().unwrap().contains("echo")) {
            response
                .headers_mut()
                .insert("sec-websocket-protocol", echo);
        }
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(io, choose).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn echoing() -> Peer {
    Peer::tcp(|_, socket| echo(socket)).await
}

fn uri(peer: &Peer) -> String {
    format!("ws://{}/", peer.target())
}

#[tokio::test]
async fn messages_go_both_ways_and_are_counted() {
    let peer = echoing().await;
    let pool = Pool::builder().build().unwrap();
    let mut socket = pool.websocket(uri(&peer)).await.unwrap();
    assert!(!socket.connection().is_reused());
    assert_eq!(socket.subprotocol(), None);
    for message in [
        Message::text("käse"),
        Message::text(""),
        Message::binary(vec![7; 1 << 20]),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.recv().await.unwrap().unwrap(), message);
    }
    socket.send(Message::Ping("x".into())).await.unwrap();
    let pong = socket.recv().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("x".into()));

    let entry = pool.registry().entry(socket.connection().id()).unwrap();
    assert_eq!(entry.protocol(), Protocol::WebSocket);
    let stats = entry.stats();
    assert_eq!((stats.messages_sent(), stats.messages_received()), (3, 3));
    assert_eq!((stats.requests(), stats.errors()), (1, 0));
    assert_eq!(entry.activity(), Activity::Active);
    assert_eq!(pool.stats().places_taken, 1);
    let goodbye = socket.close(CloseCode::Normal, "done").await.unwrap();
    assert_eq!(goodbye.unwrap().code, CloseCode::Normal);
    quiet(&pool).await;
}

#[tokio::test]
async fn it_can_be_split_and_fed() {
    let peer = echoing().await;
    let pool = Pool::builder().build().unwrap();
    let socket = pool.websocket(uri(&peer)).await.unwrap();
    let (mut sink, stream) = socket.split();
    let sending = async {
        for number in 0..1000 {
            sink.feed(Message::text(number.to_string())).await.unwrap();
        }
        sink.flush().await.unwrap();
    };
    let texts = stream
        .take(1000)
        .map(|message| message.unwrap().to_string());
    let ((), texts) = tokio::join!(sending, texts.collect::<Vec<String>>());
    assert!(
        texts
            .iter()
            .enumerate()
            .all(|(number, text)| *text == number.to_string())
    );
    drop(sink);
    quiet(&pool).await;
}

/// One task is stuck in a write, and the other has to say something meanwhile.
#[tokio::test]
async fn its_halves_do_not_keep_each_other_from_waking() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let head = head(&mut socket).await;
        socket.write_all(switching(&head).as_bytes()).await.unwrap();
        // The writer is stuck, and the first pings are due.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut all = tokio::io::sink();
        let _ = tokio::io::copy(&mut socket, &mut all).await;
    })
    .await;
    let pool = Pool::builder().build().unwrap();
    let opening = pool
        .websocket(uri(&peer))
        .heartbeat(Duration::from_millis(20), 2 * PATIENCE);
    let (mut sink, mut stream) = opening.await.unwrap().split();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        stream.next().await;
    });
    let large = Message::binary(vec![0; 32 << 20]);
    // Not `timeout`: it would look at the sink once more, which is what nobody may have to do.
    tokio::select! {
        biased;
        () = tokio::time::sleep(PATIENCE) => panic!("it is not woken"),
        sent = sink.send(large) => sent.unwrap(),
    }
    tasks.shutdown().await;
    drop(sink);
    quiet(&pool).await;
}

#[tokio::test]
async fn a_warm_stream_is_taken_and_another_warmed() {
    let authority = Authority::new();
    let config = authority
        .issue(&["localhost"])
        .server_config(&["h2", "http/1.1"]);
    let peer = Peer::tls(config, |_, stream| async {
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        echo(stream).await;
    })
    .await;
    let pool = trusting(&authority).build().unwrap();
    let target = Target::parse(&peer.target()).unwrap();
    let streams = target.protocols(Protocols::Http1);
    assert!(pool.preheat_streams([&streams]).await.is_complete());
    let uri = format!("wss://{}/", peer.target());
    let mut socket = pool
        .websocket(uri)
        .subprotocols(["other", "echo"])
        .await
        .unwrap();
    assert!(socket.connection().is_reused());
    assert_eq!(socket.subprotocol(), Some("echo"));
    until("another", || pool.stats().idle == 1).await;
    assert_eq!(peer.accepted(), 2);
    socket.send(Message::text("a")).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::text("a"));
    drop(socket);
    assert!(pool.cool(streams).unwrap());
    quiet(&pool).await;
}

/// A frame in the segment of the upgrade's answer.
#[tokio::test]
async fn what_comes_with_the_answer_is_read_first() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let head = head(&mut socket).await;
        let mut answer = switching(&head).into_bytes();
        answer.extend(b"\x81\x05first\x81\x06second");
        socket.write_all(&answer).await.unwrap();
        let _ = socket.read(&mut [0]).await;
    })
    .await;
    let pool = Pool::builder().build().unwrap();
    let mut socket = pool.websocket(uri(&peer)).await.unwrap();
    for text in ["first", "second"] {
        assert_eq!(socket.recv().await.unwrap().unwrap(), Message::text(text));
    }
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn the_server_may_take_leave_first() {
    let peer = Peer::tcp(|_, socket| async move {
        let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let pool = Pool::builder().build().unwrap();
    let mut socket = pool.websocket(uri(&peer)).await.unwrap();
    let goodbye = socket.recv().await.unwrap().unwrap();
    assert_eq!(goodbye, Message::Close(None));
    assert!(timeout(PATIENCE, socket.recv()).await.unwrap().is_none());
    let late = socket.send(Message::text("late")).await.unwrap_err();
    assert_eq!(late.kind(), hotpool::ErrorKind::ConnectionClosed);
    assert!(!late.was_sent());
    drop(socket);
    quiet(&pool).await;
}

#[tokio::test]
async fn dropping_the_opening_anywhere_leaves_nothing() {
    let peer = echoing().await;
    dropped_everywhere(
        async || plain(Protocols::Any).build().unwrap(),
        async |pool: &Pool| pool.websocket(uri(&peer)).open().await.unwrap(),
        async |pool, socket| {
            drop(socket);
            quiet(&pool).await;
        },
    )
    .await;
}

#[tokio::test]
async fn chromiums_openings_are_the_profiles() {
    openings_are_the_profiles("http1-chromium-156.jsonl", "chromium-156").await;
}

#[tokio::test]
async fn firefoxs_openings_are_the_profiles() {
    openings_are_the_profiles("http1-firefox-153.jsonl", "firefox-esr-153").await;
}

async fn openings_are_the_profiles(file: &str, profile: &str) {
    let authority = Authority::new();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&heads);
    let config = authority
        .issue(&["localhost"])
        .server_config(&["h2", "http/1.1"]);
    let peer = Peer::tls(config, move |_, mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            let head = head(&mut stream).await;
            let mut answer = switching(&head);
            if let Some(protocol) = value(&head, "sec-websocket-protocol") {
                let chosen = format!("\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n");
                answer = answer.replace("\r\n\r\n", &chosen);
            }
            seen.lock().push(head);
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.read(&mut [0]).await;
        }
    })
    .await;
    let with_profile = |builder: PoolBuilder| builder.profile(Profile::named(profile).unwrap());
    let pool = with_profile(trusting(&authority)).build().unwrap();
    let captures = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(file);
    let captures = fs::read_to_string(captures).unwrap();
    let mut compared = 0;
    for line in captures.lines() {
        let capture: Value = serde_json::from_str(line).unwrap();
        if capture["kind"] != "websocket" {
            continue;
        }
        let raw = capture["raw"].as_str().unwrap();
        let path = raw.split(' ').nth(1).unwrap();
        let mut request = pool.websocket(format!("wss://{}{path}", peer.target()));
        let mut options = RequestOptions::new();
        for name in [
            "host",
            "origin",
            "user-agent",
            "cookie",
            "sec-fetch-site",
            "accept-language",
        ] {
            match value(raw, name) {
                Some(value) => {
                    request = request.header(name.parse().unwrap(), value.parse().unwrap());
                }
                None => options = options.without(name.parse().unwrap()),
            }
        }
        if let Some(protocols) = value(raw, "sec-websocket-protocol") {
            request = request.subprotocols([protocols]);
        }
        let socket = request.options(options).await.unwrap();
        let tls = socket.connection().tls().unwrap();
        let ja4 = &tls.fingerprint.as_ref().unwrap().ja4;
        assert!(ja4.starts_with("t13d") && ja4.contains("h1_"), "{ja4}");
        let sent = heads.lock().pop().unwrap();
        assert_eq!(without_key(&sent), without_key(raw));
        compared += 1;
    }
    assert!(compared >= 2, "only {compared} openings");
    quiet(&pool).await;
}

async fn head(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

fn switching(head: &str) -> String {
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
    let key = value(head, "sec-websocket-key").unwrap();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

fn value<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value)
}

fn without_key(head: &str) -> String {
    head.replace(value(head, "sec-websocket-key").unwrap(), "")
}
