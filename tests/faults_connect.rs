//! Servers that cannot be connected to, each with its own clear error and nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use common::certificates::Authority;
use common::check::{Wanted, quiet};
use common::http1::{self, answer, reset, silence};
use common::http2::Http2;
use common::peer::Peer;
use common::request::{fetch, get, plain, trusting};
use common::wait::{PATIENCE, until};
use futures_util::future::BoxFuture;
use hotpool::config::Settings;
use hotpool::registry::{CloseReason, Event, State};
use hotpool::resolve::{Answer, Resolve, Resolver};
use hotpool::{Error, ErrorKind, Pool, Protocols};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough for a handshake that works, short enough to wait for one that does not.
const SHORT: Duration = Duration::from_millis(300);

/// A name service that knows no name.
#[derive(Debug)]
struct Ignorant;

impl Resolve for Ignorant {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(async { Ok(Answer::none(Duration::from_secs(60))) })
    }
}

/// A name service that never answers.
#[derive(Debug)]
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(pending())
    }
}

fn asking(upstream: impl Resolve) -> Resolver {
    Resolver::builder().upstream(Arc::new(upstream)).build()
}

/// Asks for the connection alone, then for a warm host: both must fail alike, and leave nothing.
async fn refused(pool: &Pool, target: &str, wanted: &Wanted<'_>) {
    let error = pool.get(target).await.unwrap_err();
    wanted.check(&error);
    let report = pool.preheat([target]).await;
    let (_, error) = report.failed().next().unwrap();
    wanted.check(error);
    let stats = pool.stats();
    assert_eq!((stats.dials_started, stats.dials_failed), (2, 2));
    quiet(pool).await;
}

/// Somebody who holds the registry asks the dial to end as soon as it is in `state`.
async fn asked_to_end(pool: Pool, target: &str, state: State) -> Error {
    let mut events = pool.registry().subscribe();
    let asks = async {
        until("dialing", || pool.registry().count_by_state(state) == 1).await;
        assert_eq!(pool.registry().close_all(CloseReason::Requested), 1);
    };
    let (outcome, ()) = timeout(PATIENCE, async { tokio::join!(pool.get(target), asks) })
        .await
        .unwrap();
    loop {
        if let Event::Closed { reason, .. } = events.recv().await.unwrap() {
            assert_eq!(reason, CloseReason::Requested);
            break;
        }
    }
    quiet(&pool).await;
    outcome.unwrap_err()
}

#[tokio::test]
async fn a_dial_ends_when_the_registry_asks() {
    let pool = Pool::builder().resolver(asking(Silent)).build().unwrap();
    let error = asked_to_end(pool, "no-answer.example", State::Connecting).await;
    Wanted {
        kind: ErrorKind::ClosedLocally,
        host: "no-answer.example",
        address: None,
        sent: false,
        retryable: true,
        words: &[],
    }
    .check(&error);

    let mute = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = Pool::builder().build().unwrap();
    let error = asked_to_end(pool, &mute.target(), State::Handshaking).await;
    Wanted::unsent(ErrorKind::ClosedLocally, mute.address).check(&error);
}

#[tokio::test]
async fn unknown_host() {
    let pool = Pool::builder().resolver(asking(Ignorant)).build().unwrap();
    let wanted = Wanted {
        kind: ErrorKind::HostNotFound,
        host: "no-such-host.example",
        address: None,
        sent: false,
        retryable: false,
        words: &["host not found"],
    };
    refused(&pool, "no-such-host.example", &wanted).await;
}

#[tokio::test]
async fn resolver_that_never_answers() {
    let settings = Settings {
        resolve_timeout: Some(SHORT),
        ..Settings::default()
    };
    let pool = Pool::builder()
        .resolver(asking(Silent))
        .settings(settings)
        .build()
        .unwrap();
    let wanted = Wanted {
        kind: ErrorKind::ResolveTimeout,
        host: "slow.example",
        address: None,
        sent: false,
        retryable: true,
        words: &["name resolution took too long", "300ms"],
    };
    refused(&pool, "slow.example", &wanted).await;
}

#[tokio::test]
async fn refused_port() {
    let address = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let pool = Pool::builder().build().unwrap();
    let wanted = Wanted {
        host: "127.0.0.1",
        words: &["connection refused"],
        ..Wanted::unsent(ErrorKind::ConnectRefused, address)
    };
    refused(&pool, &address.to_string(), &wanted).await;
}

/// An address whose SYNs nobody answers: Linux drops them while the listener's queue is full.
struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    async fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(SHORT, TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
            assert!(queued.len() < 16, "the queue never fills");
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}

#[tokio::test]
async fn black_hole() {
    let hole = BlackHole::new().await;
    let pool = Pool::builder().connect_timeout(SHORT).build().unwrap();
    let wanted = Wanted {
        host: "127.0.0.1",
        words: &["connecting took too long", "300ms"],
        ..Wanted::unsent(ErrorKind::ConnectTimeout, hole.address)
    };
    refused(&pool, &hole.address.to_string(), &wanted).await;
}

fn impatient(authority: &Authority) -> Pool {
    let settings = Settings {
        tls_timeout: Some(SHORT),
        settings_timeout: Some(SHORT),
        ..Settings::default()
    };
    trusting(authority).settings(settings).build().unwrap()
}

#[tokio::test]
async fn accepts_and_says_nothing() {
    let peer = Peer::tcp(|_, socket| silence(socket)).await;
    let pool = impatient(&Authority::new());
    let wanted = Wanted::unsent(ErrorKind::TlsTimeout, peer.address)
        .words(&["the TLS handshake took too long", "300ms"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn stalls_in_the_middle_of_the_handshake() {
    // A record of 122 bytes that holds a ServerHello; a third of it is sent.
    const HALF_A_SERVER_HELLO: &[u8] = &[
        0x16, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7,
    ];
    let peer = Peer::tcp(|_, mut socket| async move {
        let mut hello = [0; 512];
        socket.read_exact(&mut hello).await.unwrap_or_default();
        let _ = socket.write_all(HALF_A_SERVER_HELLO).await;
        silence(socket).await;
    })
    .await;
    let pool = impatient(&Authority::new());
    let wanted = Wanted::unsent(ErrorKind::TlsTimeout, peer.address).words(&["300ms"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn closes_in_the_middle_of_the_handshake() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let mut hello = [0; 512];
        let _ = socket.read(&mut hello).await;
        let _ = socket.shutdown().await;
        silence(socket).await;
    })
    .await;
    let pool = impatient(&Authority::new());
    let wanted = Wanted::unsent(ErrorKind::ConnectionClosed, peer.address)
        .words(&["the server closed the connection", "TLS handshake"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn resets_in_the_middle_of_the_handshake() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let mut hello = [0; 512];
        let _ = socket.read(&mut hello).await;
        reset(socket);
    })
    .await;
    let pool = impatient(&Authority::new());
    let wanted = Wanted::unsent(ErrorKind::ConnectionReset, peer.address)
        .words(&["the connection was reset", "TLS handshake"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn never_sends_settings() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, stream| silence(stream)).await;
    let pool = impatient(&authority);
    let wanted = Wanted::unsent(ErrorKind::SettingsTimeout, peer.address)
        .words(&["no HTTP/2 SETTINGS in time", "300ms"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn closes_instead_of_sending_settings() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, mut stream| async move {
        let _ = stream.shutdown().await;
        silence(stream).await;
    })
    .await;
    let pool = impatient(&authority);
    let wanted = Wanted::unsent(ErrorKind::ConnectionClosed, peer.address)
        .words(&["before any HTTP/2 SETTINGS"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn speaks_http1_after_agreeing_to_http2() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, mut stream| async move {
        answer(&mut stream, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        silence(stream).await;
    })
    .await;
    let pool = impatient(&authority);
    let wanted = Wanted::unsent(ErrorKind::ProtocolViolation, peer.address)
        .words(&["the server broke the protocol"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn plain_http_where_tls_is_expected() {
    let peer = Peer::tcp(|_, mut socket| async move {
        let mut hello = [0; 2048];
        let _ = socket.read(&mut hello).await;
        answer(&mut socket, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        silence(socket).await;
    })
    .await;
    let pool = impatient(&Authority::new());
    let wanted =
        Wanted::unsent(ErrorKind::NotTls, peer.address).words(&["the server does not speak TLS"]);
    refused(&pool, &peer.target(), &wanted).await;
}

#[tokio::test]
async fn three_bad_certificates_are_three_errors() {
    let (ours, theirs) = (Authority::new(), Authority::named("somebody else"));
    let cases = [
        (
            ours.issue_expired(&["localhost"]),
            ErrorKind::CertificateExpired,
            "has expired",
        ),
        (
            ours.issue(&["example.com"]),
            ErrorKind::CertificateWrongName,
            "is for another name",
        ),
        (
            theirs.issue(&["localhost"]),
            ErrorKind::CertificateUnknownIssuer,
            "unknown issuer",
        ),
    ];
    for (certificate, kind, words) in cases {
        let config = certificate.server_config(&["h2", "http/1.1"]);
        let peer = Peer::tls(config, |_, stream| silence(stream)).await;
        let pool = trusting(&ours).build().unwrap();
        let wanted = Wanted {
            words: &[words],
            ..Wanted::unsent(kind, peer.address)
        };
        assert!(kind.is_certificate() && !kind.is_transient());
        refused(&pool, &peer.target(), &wanted).await;
    }
}

#[tokio::test]
async fn http2_asked_for_and_not_offered() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    for alpn in [&["http/1.1"][..], &[]] {
        let peer = Peer::tls(certificate.server_config(alpn), |_, stream| silence(stream)).await;
        let pool = trusting(&authority)
            .protocols(Protocols::Http2)
            .build()
            .unwrap();
        let wanted = Wanted::unsent(ErrorKind::ProtocolNotOffered, peer.address)
            .words(&["does not offer the protocol"]);
        refused(&pool, &peer.target(), &wanted).await;
    }
}

#[tokio::test]
async fn http2_without_tls_at_a_server_that_has_only_http1() {
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        answer(&mut socket, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        silence(socket).await;
    })
    .await;
    let pool = plain(Protocols::Http2).build().unwrap();
    let wanted = Wanted::unsent(ErrorKind::ProtocolViolation, peer.address);
    refused(&pool, &format!("http://{}", peer.target()), &wanted).await;
}

#[tokio::test]
async fn client_certificate_demanded_with_tls12_or_http2() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = certificate.demanding_config(&authority, version, &["h2"]);
        let peer = Peer::tls(config, |_, stream| async move {
            if let Some(mut http2) = Http2::accept(stream, &[]).await {
                http2.serve().await;
            }
        })
        .await;
        let pool = trusting(&authority).build().unwrap();
        let wanted = Wanted::unsent(ErrorKind::TlsAlert, peer.address)
            .words(&["the server refused the TLS handshake", "Certificate"]);
        refused(&pool, &peer.target(), &wanted).await;
    }
}

/// TLS 1.3 lets the client believe that it is done before the server has looked for its certificate: with HTTP/1.1, where the server
/// need not speak first, the refusal meets the first request.
#[tokio::test]
async fn client_certificate_demanded_with_tls13_and_http1() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    let config = certificate.demanding_config(&authority, &rustls::version::TLS13, &["http/1.1"]);
    let peer = Peer::tls(config, |_, stream| http1::serve(stream)).await;
    let pool = trusting(&authority).build().unwrap();
    for _ in 0..3 {
        let connection = pool.get(peer.target()).await.unwrap();
        let error = connection.send(get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TlsAlert, "{error:?}");
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
        assert_eq!(error.host(), Some("localhost"));
        assert_eq!(error.address(), Some(peer.address));
    }
    quiet(&pool).await;
}

#[tokio::test]
async fn a_host_that_comes_back_is_reached_at_once() {
    let address = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let pool = plain(Protocols::Http1).build().unwrap();
    let target = format!("http://{address}");
    let error = fetch(&pool, &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    let peer = Peer::tcp_at(address, |_, socket| http1::serve(socket)).await;
    assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
    assert_eq!(peer.accepted(), 1);
    quiet(&pool).await;
}
