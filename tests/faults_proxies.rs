//! Proxies that open no tunnel, each with its own clear error and nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::certificates::Authority;
use common::check::{Wanted, gone, quiet};
use common::http1::{answer, request, reset, silence};
use common::peer::Peer;
use common::request::trusting;
use common::wait::until;
use hotpool::config::Settings;
use hotpool::pool::PoolBuilder;
use hotpool::{ErrorKind, Pool, Proxy, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for what works, short enough to wait for what does not.
const SHORT: Duration = Duration::from_millis(300);

/// What every error is searched for.
const SECRET: &str = "s3cr3t";

/// What a proxy does after what it has read.
#[derive(Clone, Copy)]
enum Does {
    Says(&'static [u8]),
    Endlessly(&'static [u8]),
    Closes(&'static [u8]),
    Resets,
}

use Does::{Closes, Endlessly, Resets, Says};

async fn act(mut socket: TcpStream, does: Does) {
    match does {
        Says(bytes) => {
            let _ = socket.write_all(bytes).await;
            silence(socket).await;
        }
        Closes(bytes) => {
            let _ = socket.write_all(bytes).await;
            let _ = socket.shutdown().await;
        }
        Endlessly(piece) => while socket.write_all(piece).await.is_ok() {},
        Resets => reset(socket),
    }
}

fn impatient() -> PoolBuilder {
    Pool::builder().settings(Settings {
        proxy_timeout: Some(SHORT),
        ..Settings::default()
    })
}

/// The connection fails in this way; whose fault it is, is told, and nothing is left.
async fn fails(pool: PoolBuilder, proxy: Proxy, wanted: &Wanted<'_>) {
    let name = proxy.to_string();
    let pool = pool.proxy(proxy).build().unwrap();
    let error = pool.get("localhost:4433").await.unwrap_err();
    wanted.check(&error);
    assert_eq!(error.proxy(), Some(name.as_str()));
    let text = format!("{error} {error:?} {pool:?}");
    assert!(error.to_string().contains(&name), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    let report = pool.preheat(["localhost:4433"]).await;
    wanted.check(report.failed().next().unwrap().1);
    quiet(&pool).await;
}

#[tokio::test]
async fn connect_is_answered_otherwise() {
    use ErrorKind::{
        ProxyAuthRequired, ProxyClosed, ProxyConnectFailed, ProxyProtocol, ProxyRefused,
        ProxyTimeout,
    };
    let endless = Endlessly(b"a: b\r\nc: d\r\n");
    for (does, kind, words) in [
        (
            Says(b"HTTP/1.1 403 Not that\r\n\r\n"),
            ProxyRefused,
            "403 Not that",
        ),
        (
            Says(b"HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n"),
            ProxyRefused,
            "302",
        ),
        (
            Says(b"HTTP/1.1 401 Wrong\r\n\r\n"),
            ProxyAuthRequired,
            "401 Wrong: it does not take",
        ),
        (Says(b"HTTP/1.1 501 No\r\n\r\n"), ProxyRefused, "501"),
        (
            Says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
            ProxyConnectFailed,
            "502 Bad",
        ),
        (Says(b"HTTP/1.0 503\r\n\r\n"), ProxyConnectFailed, "503"),
        (
            Closes(b"HTTP/1.1 504 Late\r\n\r\n"),
            ProxyConnectFailed,
            "504 Late",
        ),
        (
            Says(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n"),
            ProxyAuthRequired,
            "it does not take those it was given; it asks for Basic",
        ),
        (Closes(b""), ProxyClosed, "before its answer"),
        (
            Closes(b"HTTP/1.1 200 OK\r\nVia: x\r\n"),
            ProxyClosed,
            "within its answer",
        ),
        (Resets, ProxyClosed, "proxy"),
        (Says(b"SSH-2.0-OpenSSH_9.2\r\n"), ProxyProtocol, "HTTP/1"),
        (Says(b"\x15\x03\x03\0\x02\x02\x28"), ProxyProtocol, "HTTP/1"),
        (
            Says(b"HTTP/1.1 twohundred\r\n\r\n"),
            ProxyProtocol,
            "status line",
        ),
        (
            Says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            ProxyProtocol,
            "switches",
        ),
        (endless, ProxyProtocol, "16384"),
        (Says(b""), ProxyTimeout, "300ms"),
        (Says(b"HTTP/1.1 200 OK\r\n"), ProxyTimeout, "300ms"),
        (
            Says(b"HTTP/1.1 100 Continue\r\n\r\n"),
            ProxyTimeout,
            "300ms",
        ),
    ] {
        let peer = Peer::tcp(move |_, mut socket| async move {
            request(&mut socket).await;
            if let Endlessly(..) = does {
                answer(&mut socket, "HTTP/1.1 200 OK\r\n").await;
            }
            act(socket, does).await;
        })
        .await;
        let url = format!("http://user:{SECRET}@{}", peer.address);
        let words = [words];
        let wanted = Wanted::unsent(kind, peer.address).words(&words);
        fails(impatient(), Proxy::parse(&url).unwrap(), &wanted).await;
    }
}

/// Where no credentials were given, the error says that instead.
#[tokio::test]
async fn credentials_are_missing() {
    let peer = Peer::tcp(|_, mut socket| async move {
        request(&mut socket).await;
        answer(&mut socket, "HTTP/1.1 407 Who\r\n\r\n").await;
    })
    .await;
    let proxy = Proxy::parse(&format!("http://{}", peer.address)).unwrap();
    let wanted = Wanted::unsent(ErrorKind::ProxyAuthRequired, peer.address);
    fails(impatient(), proxy, &wanted.words(&["it was given none"])).await;
}

/// What the proxy says to the greeting, to the password, and to the request.
type Replies = [Does; 3];

const METHOD: Does = Says(&[5, 2]);
const WELCOME: Does = Says(&[1, 0]);

#[tokio::test]
async fn socks5_is_answered_otherwise() {
    use ErrorKind::{
        ProxyAuthRequired, ProxyClosed, ProxyConnectFailed, ProxyProtocol, ProxyRefused,
        ProxyTimeout,
    };
    let greeting = |does| [does, Says(b""), Says(b"")];
    let password = |does| [METHOD, does, Says(b"")];
    let reply = |does| [METHOD, WELCOME, does];
    let table: [(Replies, ErrorKind, &str); 24] = [
        (greeting(Says(&[4, 0])), ProxyProtocol, "version 4"),
        (
            greeting(Says(b"HTTP/1.1 400 Bad\r\n\r\n")),
            ProxyProtocol,
            "HTTP server",
        ),
        (greeting(Says(&[5, 1])), ProxyProtocol, "method 1"),
        (
            greeting(Says(&[5, 0xff])),
            ProxyAuthRequired,
            "wants others",
        ),
        (greeting(Closes(b"")), ProxyClosed, "before its answer"),
        (greeting(Closes(&[5])), ProxyClosed, "before its answer"),
        (greeting(Says(b"")), ProxyTimeout, "300ms"),
        (greeting(Resets), ProxyClosed, "proxy"),
        (
            password(Says(&[1, 1])),
            ProxyAuthRequired,
            "those it was given",
        ),
        (password(Says(&[5, 0])), ProxyProtocol, "version 5"),
        (password(Closes(&[1])), ProxyClosed, "before its answer"),
        (password(Says(b"")), ProxyTimeout, "300ms"),
        (
            reply(Says(&[5, 1, 0, 1])),
            ProxyConnectFailed,
            "general failure",
        ),
        (reply(Says(&[5, 2, 0, 1])), ProxyRefused, "not allowed"),
        (
            reply(Says(&[5, 3, 0, 1])),
            ProxyConnectFailed,
            "network unreachable",
        ),
        (
            reply(Says(&[5, 4, 0, 1])),
            ProxyConnectFailed,
            "host unreachable",
        ),
        (
            reply(Says(&[5, 5, 0, 1])),
            ProxyConnectFailed,
            "connection refused",
        ),
        (reply(Says(&[5, 8, 0, 1])), ProxyRefused, "address type"),
        (reply(Says(&[4, 0, 0, 1])), ProxyProtocol, "version 4"),
        (reply(Says(&[5, 0, 0, 9])), ProxyProtocol, "type 9"),
        (
            reply(Closes(&[5, 0, 0, 1, 127, 0])),
            ProxyClosed,
            "before its answer",
        ),
        (reply(Says(&[5, 0, 0, 3, 200, b'a'])), ProxyTimeout, "300ms"),
        (reply(Says(b"")), ProxyTimeout, "300ms"),
        (reply(Resets), ProxyClosed, "proxy"),
    ];
    for (replies, kind, words) in table {
        let peer = Peer::tcp(move |_, socket| socks5(socket, replies)).await;
        let url = format!("socks5h://user:{SECRET}@{}", peer.address);
        let words = [words];
        let wanted = Wanted::unsent(kind, peer.address).words(&words);
        fails(impatient(), Proxy::parse(&url).unwrap(), &wanted).await;
    }
}

async fn socks5(mut socket: TcpStream, replies: Replies) {
    let lengths = [4, 3 + "user".len() + SECRET.len(), 7 + "localhost".len()];
    for (place, (length, does)) in lengths.into_iter().zip(replies).enumerate() {
        let mut told = vec![0; length];
        if socket.read_exact(&mut told).await.is_err() {
            return;
        }
        let goes_on = match (place, does) {
            (0, Says(&[5, 2])) | (1, Says(&[1, 0])) => does,
            _ => return act(socket, does).await,
        };
        if let Says(bytes) = goes_on {
            let _ = socket.write_all(bytes).await;
        }
    }
}

#[tokio::test]
async fn https_proxies_fail_in_tls() {
    let (authority, other) = (Authority::new(), Authority::named("another"));
    let config = other.issue(&["127.0.0.1"]).server_config(&["http/1.1"]);
    let peer = Peer::tls(config, |_, stream| silence(stream)).await;
    let proxy = Proxy::parse(&format!("https://{}", peer.address)).unwrap();
    let wanted = Wanted::unsent(ErrorKind::ProxyTlsFailed, peer.address);
    let pool = trusting(&authority);
    fails(pool, proxy.clone(), &wanted.words(&["unknown issuer"])).await;

    let trust = Trust::only(other.pem().as_bytes()).unwrap();
    let trusted = proxy.trust(trust).unwrap();
    let wanted = Wanted::unsent(ErrorKind::ProxyTimeout, peer.address);
    fails(impatient(), trusted, &wanted).await;

    let peer = Peer::tcp(|_, socket| act(socket, Says(b"HTTP/1.1 400 Bad\r\n\r\n"))).await;
    let proxy = Proxy::parse(&format!("https://{}", peer.address)).unwrap();
    let wanted = Wanted::unsent(ErrorKind::ProxyTlsFailed, peer.address);
    fails(impatient(), proxy, &wanted.words(&["does not speak TLS"])).await;

    for (does, kind) in [
        (Closes(b""), ErrorKind::ProxyClosed),
        (Resets, ErrorKind::ProxyClosed),
        (Says(b""), ErrorKind::ProxyTimeout),
    ] {
        let peer = Peer::tcp(move |_, mut socket| async move {
            let _ = socket.read(&mut [0; 4096]).await;
            act(socket, does).await;
        })
        .await;
        let proxy = Proxy::parse(&format!("https://{}", peer.address)).unwrap();
        let wanted = Wanted::unsent(kind, peer.address);
        fails(impatient(), proxy, &wanted).await;
    }
}

#[tokio::test]
async fn nobody_is_where_the_proxy_should_be() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let proxy = Proxy::parse(&format!("http://user:{SECRET}@{address}")).unwrap();
    let wanted = Wanted::unsent(ErrorKind::ConnectRefused, address);
    fails(impatient(), proxy, &wanted).await;
}

/// A dial that waits for a proxy ends with its pool, and leaves the proxy.
#[tokio::test]
async fn a_pool_ends_while_a_proxy_is_waited_for() {
    let left = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&left);
    let peer = Peer::tcp(move |_, socket| {
        let counts = Arc::clone(&counts);
        async move {
            silence(socket).await;
            counts.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    for scheme in ["http", "https", "socks5h"] {
        let proxy = Proxy::parse(&format!("{scheme}://{}", peer.address)).unwrap();
        let pool = Pool::builder().proxy(proxy).build().unwrap();
        let (before, gone) = (peer.accepted(), left.load(Ordering::SeqCst));
        let ends = async {
            until("dialing", || peer.accepted() > before).await;
            quiet_now(&pool).await;
        };
        let (outcome, ()) = tokio::join!(pool.get("localhost:4433"), ends);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::PoolClosed);
        until("the proxy is left", || left.load(Ordering::SeqCst) > gone).await;
    }
}

async fn quiet_now(pool: &Pool) {
    let report = pool.shutdown(Duration::from_secs(10)).await;
    assert_eq!(report.cut, 0, "{report:?}");
    gone(pool);
}

/// The host's own TLS fails inside the tunnel: that is told as it is without a proxy.
#[tokio::test]
async fn the_host_fails_behind_a_tunnel_that_works() {
    let peer = Peer::tcp(|_, mut socket| async move {
        request(&mut socket).await;
        answer(
            &mut socket,
            "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad\r\n\r\n",
        )
        .await;
        silence(socket).await;
    })
    .await;
    let proxy = Proxy::parse(&format!("http://{}", peer.address)).unwrap();
    let wanted = Wanted::unsent(ErrorKind::NotTls, peer.address);
    fails(impatient(), proxy, &wanted).await;
}
