//! Connections through proxies: what the proxy and the host see, who chooses, and which connections are shared.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::proxy::{Manner, ScriptedProxy, Speaks};
use common::relay::Relay;
use common::request::{fetch, plain, read, trusting};
use hotpool::dial::Proxies;
use hotpool::pool::Reconfiguration;
use hotpool::profile::{ClientHello, Profile};
use hotpool::{ErrorKind, Pool, Protocols, Proxy, Target, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};

/// A server for `localhost` that answers `hello`.
async fn server(authority: &Authority) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    Peer::tls(config, |_, stream| http1::serve(stream)).await
}

async fn connect_proxy() -> ScriptedProxy {
    ScriptedProxy::start(Speaks::Connect, Manner::default()).await
}

fn proxy(url: &str) -> Proxy {
    Proxy::parse(url).unwrap()
}

/// The hello that begins `bytes` is this profile's.
fn is_of(profile: &str, bytes: &[u8]) {
    let hello = ClientHello::from_records(bytes).unwrap();
    let differences = Profile::named(profile).unwrap().differences(&hello, None);
    assert!(differences.is_empty(), "{differences:?}");
    let others = Profile::named("curl").unwrap().differences(&hello, None);
    assert!(!others.is_empty(), "anything goes");
}

#[tokio::test]
async fn the_profiles_hello_goes_to_the_host_and_the_proxy_is_told_the_hosts_name_only() {
    let authority = Authority::new();
    let server = server(&authority).await;
    for (speaks, scheme) in [(Speaks::Connect, "http"), (Speaks::Socks5, "socks5h")] {
        let through = ScriptedProxy::start(speaks, Manner::default()).await;
        let builder = trusting(&authority).profile("chrome");
        let pool = builder.proxy(proxy(&through.url(scheme))).build().unwrap();
        let connection = pool.get(server.target().as_str()).await.unwrap();
        assert_eq!(read(&connection).await.unwrap(), "hello");
        assert_eq!(connection.remote_addr(), through.address());
        assert_eq!(connection.proxy().unwrap().port(), through.address().port());
        assert_eq!(connection.origin().port(), server.port());
        assert!(!connection.dial_timing().proxy.is_zero());
        drop(connection);
        let seen = through.last();
        let target = server.target();
        assert_eq!(seen.asked, target);
        if speaks == Speaks::Connect {
            let wanted = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
            assert_eq!(seen.told, wanted);
        }
        // The first byte in the tunnel is the hello's, and no plain text passed.
        is_of("chrome", &seen.sent);
        let has = |text: &[u8]| seen.sent.windows(text.len()).any(|part| part == text);
        assert!(!has(b"GET ") && !has(b"CONNECT"));
        quiet(&pool).await;
        common::wait::until("closed at the proxy", || through.open() == 0).await;
    }
}

/// To the proxy it is rustls's own hello, under a policy of its own; inside, the profile's.
#[tokio::test]
async fn an_https_proxy_is_spoken_to_without_the_profile() {
    let (authority, proxys) = (Authority::new(), Authority::named("the proxy's"));
    let server = server(&authority).await;
    let config = proxys.issue(&["127.0.0.1"]).server_config(&["http/1.1"]);
    let through = ScriptedProxy::tls(
        config,
        Manner {
            wants: Some("Basic dTpwdw=="),
            ..Manner::default()
        },
    )
    .await;
    let relay = Relay::to(through.address()).await;
    let url = format!("https://u:pw@{}", relay.address());
    let trust = Trust::only(proxys.pem().as_bytes()).unwrap();
    let pool = trusting(&authority)
        .profile("chrome")
        .proxy(proxy(&url).trust(trust).unwrap())
        .build()
        .unwrap();
    for _ in 0..2 {
        assert_eq!(fetch(&pool, &server.target()).await.unwrap(), "hello");
    }
    assert_eq!((through.accepted(), server.accepted()), (1, 1));
    is_of("chrome", &through.last().sent);
    let (outer, _) = relay.hellos();
    let chrome = Profile::named("chrome").unwrap();
    assert!(!chrome.differences(&outer, None).is_empty());
    let sent = relay.sent();
    let has = |text: &[u8]| sent.windows(text.len()).any(|part| part == text);
    assert!(has(b"http/1.1") && !has(b"CONNECT") && !has(b"localhost"));
    quiet(&pool).await;
}

#[tokio::test]
async fn credentials_are_given_unasked() {
    for (speaks, scheme, wants) in [
        (Speaks::Connect, "http", "Basic dTpwQHc="),
        (Speaks::Socks5, "socks5h", "u:p@w"),
    ] {
        let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
        let manner = Manner {
            wants: Some(wants),
            ..Manner::default()
        };
        let through = ScriptedProxy::start(speaks, manner).await;
        let address = through.address();
        let pool = Pool::builder()
            .proxy(proxy(&format!("{scheme}://u:p%40w@{address}")))
            .build()
            .unwrap();
        assert_eq!(fetch(&pool, &server.plain_target()).await.unwrap(), "hello");
        assert_eq!(through.accepted(), 1);
        assert!(through.last().told.contains(wants));
        for wrong in [
            format!("{scheme}://u:x@{address}"),
            format!("{scheme}://{address}"),
        ] {
            let target = Target::parse(&server.plain_target())
                .unwrap()
                .proxy(proxy(&wrong));
            let error = pool.get(target).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ProxyAuthRequired, "{error}");
        }
        quiet(&pool).await;
    }
}

/// A server that speaks first may be heard in the same packet as the proxy's answer.
#[tokio::test]
async fn what_follows_the_answer_belongs_to_the_tunnel() {
    let server = Peer::tcp(|_, mut socket| async move {
        let mut early = Http2 { io: &mut socket };
        early.settings(&[]).await;
        let mut preface = [0; 24];
        if tokio::io::AsyncReadExt::read_exact(&mut socket, &mut preface)
            .await
            .is_ok()
        {
            Http2 { io: socket }.serve().await;
        }
    })
    .await;
    let manner = Manner {
        is_late: true,
        ..Manner::default()
    };
    let through = ScriptedProxy::start(Speaks::Connect, manner).await;
    let pool = plain(Protocols::Http2)
        .proxy(proxy(&through.url("http")))
        .build()
        .unwrap();
    let connection = pool.get(server.plain_target().as_str()).await.unwrap();
    let response = connection.send(common::request::get()).await.unwrap();
    assert_eq!(response.status(), 200);
    drop((response, connection));
    quiet(&pool).await;
}

#[tokio::test]
async fn connections_through_different_proxies_are_never_shared() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let (one, two) = (connect_proxy().await, connect_proxy().await);
    let pool = Pool::builder().build().unwrap();
    let ways = [
        None,
        Some(one.url("http")),
        Some(two.url("http")),
        Some(format!("http://a@{}", one.address())),
        Some(format!("http://a:p@{}", one.address())),
        Some(format!("http://b@{}", one.address())),
    ];
    let target = |way: &Option<String>| {
        let target = Target::parse(&server.plain_target()).unwrap();
        match way {
            None => target,
            Some(url) => target.proxy(proxy(url)),
        }
    };
    let mut ids = Vec::new();
    for round in 0..3 {
        for (place, way) in ways.iter().enumerate() {
            let connection = pool.get(target(way)).await.unwrap();
            assert_eq!(read(&connection).await.unwrap(), "hello");
            match round {
                0 => ids.push(connection.id()),
                _ => assert_eq!(connection.id(), ids[place]),
            }
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), ways.len());
    assert_eq!(
        (one.accepted(), two.accepted(), server.accepted()),
        (4, 1, 6)
    );
    quiet(&pool).await;
}

/// A ticket would tell the server that who comes by another way is the same.
#[tokio::test]
async fn sessions_are_resumed_through_the_same_proxy_only() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let (one, two) = (connect_proxy().await, connect_proxy().await);
    let pool = trusting(&authority).build().unwrap();
    let urls = [one.url("http"), two.url("http")];
    let [first, second] = urls.map(|url| proxy(&url));
    for (way, resumed) in [
        (&first, false),
        (&second, false),
        (&first, true),
        (&second, true),
    ] {
        let target = Target::parse(&server.target()).unwrap();
        let connection = pool.get(target.proxy(way.clone())).await.unwrap();
        assert_eq!(read(&connection).await.unwrap(), "hello");
        assert_eq!(connection.tls().unwrap().resumed, resumed, "{way}");
        connection
            .entry()
            .request_close(hotpool::registry::CloseReason::Requested);
        drop(connection);
        common::wait::until("closed", || pool.stats().connections == 0).await;
    }
    let connection = pool.get(server.target().as_str()).await.unwrap();
    assert!(!connection.tls().unwrap().resumed);
    drop(connection);
    quiet(&pool).await;
}

#[tokio::test]
async fn pools_hosts_targets_and_requests_choose() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let [pools, hosts, own] = [
        connect_proxy().await,
        connect_proxy().await,
        connect_proxy().await,
    ];
    let proxies = Proxies::none()
        .for_hosts("127.0.0.0/8", proxy(&hosts.url("http")))
        .unwrap()
        .otherwise(proxy(&pools.url("http")))
        .except("127.0.0.2")
        .unwrap();
    let pool = Pool::builder().proxies(proxies).build().unwrap();
    let accepted = || [pools.accepted(), hosts.accepted(), own.accepted()];
    let named = server.plain_target();
    fetch(&pool, &named).await.unwrap();
    assert_eq!(accepted(), [1, 0, 0]);
    fetch(&pool, &format!("http://127.0.0.1:{}", server.port()))
        .await
        .unwrap();
    assert_eq!(accepted(), [1, 1, 0]);
    let target = || Target::parse(&named).unwrap();
    let connection = pool.get(target().without_proxy()).await.unwrap();
    assert_eq!(connection.remote_addr(), server.address);
    assert!(connection.proxy().is_none());
    let request = || Request::get(format!("{named}/"));
    let send = async |request: http::request::Builder| {
        let response = pool.send(request.body(Empty::<Bytes>::new()).unwrap());
        let body = response.await.unwrap().into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    };
    let way = proxy(&own.url("http"));
    send(request().extension(way.clone())).await;
    assert_eq!(accepted(), [1, 1, 1]);
    send(request().extension(Proxies::from(way))).await;
    send(request().extension(Proxies::none())).await;
    send(request()).await;
    assert_eq!(accepted(), [1, 1, 1]);
    drop(connection);

    let moved = connect_proxy().await;
    let change = Reconfiguration::default().proxies(proxy(&moved.url("http")));
    pool.reconfigure(change).unwrap();
    fetch(&pool, &named).await.unwrap();
    assert_eq!((accepted(), moved.accepted()), ([1, 1, 1], 1));
    quiet(&pool).await;
}

#[tokio::test]
async fn a_host_kept_warm_moves_with_the_pools_proxies() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let (one, two) = (connect_proxy().await, connect_proxy().await);
    let pool = Pool::builder()
        .proxy(proxy(&one.url("http")))
        .build()
        .unwrap();
    assert!(pool.preheat([server.plain_target()]).await.is_complete());
    let change = Reconfiguration::default().proxies(proxy(&two.url("http")));
    pool.reconfigure(change).unwrap();
    common::wait::until("warm through the other", || two.accepted() == 1).await;
    quiet(&pool).await;
}
