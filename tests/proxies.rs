//! Connections through proxies: what the proxy and the host see, which connections are shared, and what addresses mean.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

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
use hotpool::resolve::{AccessList, Overrides, Resolver};
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

fn resolving(names: &[(&str, &[Ipv4Addr])]) -> Resolver {
    let mut overrides = Overrides::new();
    for (name, addresses) in names {
        let addresses = addresses.iter().copied().map(IpAddr::V4);
        overrides.insert(name, None, addresses).unwrap();
    }
    Resolver::builder().overrides(overrides).build()
}

const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// Happy Eyeballs over the proxy's addresses: nobody listens at the first.
#[tokio::test]
async fn a_proxy_has_addresses_too() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let through = connect_proxy().await;
    let addresses = [OTHER, Ipv4Addr::LOCALHOST];
    let pool = Pool::builder()
        .resolver(resolving(&[("proxy.test", &addresses)]))
        .proxy(proxy(&format!(
            "http://proxy.test:{}",
            through.address().port()
        )))
        .build()
        .unwrap();
    // The host's name is nobody's here.
    let target = format!("http://unknown.test:{}", server.port());
    for _ in 0..2 {
        assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
    }
    assert_eq!(
        through.last().asked,
        format!("unknown.test:{}", server.port())
    );
    quiet(&pool).await;
}

#[tokio::test]
async fn a_proxys_name_that_is_unknown_is_told_from_the_hosts() {
    let empty = std::iter::empty::<&str>();
    let resolver = Resolver::builder().overrides(Overrides::parse(empty).unwrap());
    let pool = Pool::builder()
        .resolver(resolver.upstream(Arc::new(Nobody)).build())
        .proxy(proxy("http://proxy.test:1"))
        .build()
        .unwrap();
    let error = pool.get("host.test").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostNotFound);
    assert_eq!(error.host(), Some("host.test"));
    assert!(
        error
            .to_string()
            .contains("the proxy's address: host not found"),
        "{error}"
    );
    quiet(&pool).await;
}

#[derive(Debug)]
struct Nobody;

impl hotpool::resolve::Resolve for Nobody {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> futures_util::future::BoxFuture<'a, Result<hotpool::resolve::Answer, hotpool::Error>> {
        let none = hotpool::resolve::Answer::none(std::time::Duration::from_secs(60));
        Box::pin(async { Ok(none) })
    }
}

/// What is resolved here is asked for by address, and the next when the first fails.
#[tokio::test]
async fn names_are_resolved_here_or_there() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let port = server.port();
    let manner = Manner {
        refuses: vec![SocketAddr::from((OTHER, port))],
        ..Manner::default()
    };
    let both = [OTHER, Ipv4Addr::LOCALHOST];
    for (speaks, scheme, here) in [
        (Speaks::Socks5, "socks5", true),
        (Speaks::Socks5, "socks5h", false),
        (Speaks::Connect, "http", false),
        (Speaks::Connect, "http", true),
    ] {
        let through = ScriptedProxy::start(speaks, manner.clone()).await;
        let mut way = proxy(&through.url(scheme));
        if here {
            way = way.resolve_here();
        }
        let pool = Pool::builder()
            .resolver(resolving(&[("many.test", &both)]))
            .proxy(way)
            .build()
            .unwrap();
        assert_eq!(
            fetch(&pool, &format!("http://many.test:{port}"))
                .await
                .unwrap(),
            "hello"
        );
        let asked: Vec<_> = through.seen().into_iter().map(|seen| seen.asked).collect();
        let wanted = match here {
            true => vec![format!("{OTHER}:{port}"), format!("127.0.0.1:{port}")],
            false => vec![format!("many.test:{port}")],
        };
        assert_eq!(asked, wanted, "{scheme}");
        assert!(pool.blacklist().list().is_empty());
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn an_access_list_judges_the_proxy_and_what_is_known_of_the_host() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let through = ScriptedProxy::start(Speaks::Socks5, Manner::default()).await;
    let port = server.port();
    let list = |denied: &str| AccessList::allow_all().deny(denied).unwrap();
    let pool = |list, scheme| {
        let resolver = resolving(&[("inside.test", &[OTHER])]);
        let way = proxy(&through.url(scheme));
        Pool::builder()
            .resolver(resolver)
            .access_list(list)
            .proxy(way)
            .build()
            .unwrap()
    };
    let of_proxy = pool(list("127.0.0.1"), "socks5h");
    let error = of_proxy
        .get(format!("http://{OTHER}:{port}"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressDenied);
    assert!(error.to_string().contains("the proxy's address"), "{error}");
    assert_eq!(through.accepted(), 0);

    for (scheme, target) in [
        ("socks5h", format!("http://{OTHER}:{port}")),
        ("socks5", format!("http://inside.test:{port}")),
    ] {
        let of_host = pool(list("127.0.0.9"), scheme);
        let error = of_host.get(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressDenied, "{error}");
        assert!(
            !error.to_string().contains("the proxy's address"),
            "{error}"
        );
        assert_eq!(through.accepted(), 0);
        quiet(&of_host).await;
    }
    quiet(&of_proxy).await;

    // What is denied later is left, also where it is the host's address and not the proxy's.
    let here = Peer::tcp_at(SocketAddr::from((OTHER, 0)), |_, socket| {
        http1::serve(socket)
    })
    .await;
    let later = pool(AccessList::allow_all(), "socks5");
    let target = format!("http://inside.test:{}", here.port());
    assert_eq!(fetch(&later, &target).await.unwrap(), "hello");
    later
        .reconfigure(Reconfiguration::default().access_list(list("127.0.0.9")))
        .unwrap();
    common::wait::until("left", || later.stats().connections == 0).await;
    quiet(&later).await;
}

/// What fails behind a proxy does not list it; what fails at it does.
#[tokio::test]
async fn the_blacklist_is_about_the_proxy_itself() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let through = connect_proxy().await;
    let plain = Peer::tcp(|_, mut socket| async move {
        http1::answer(&mut socket, "HTTP/1.1 400 Bad\r\n\r\n").await;
        http1::silence(socket).await;
    })
    .await;
    let not_tls = plain.target();
    let unreachable = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://localhost:{}", gone.local_addr().unwrap().port())
    };
    let pool = Pool::builder()
        .proxy(proxy(&through.url("http")))
        .build()
        .unwrap();
    for (target, kind) in [
        (&unreachable, ErrorKind::ProxyConnectFailed),
        (&not_tls, ErrorKind::NotTls),
    ] {
        for _ in 0..5 {
            let error = pool.get(target.as_str()).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
    assert!(pool.blacklist().list().is_empty());
    assert_eq!(fetch(&pool, &server.plain_target()).await.unwrap(), "hello");
    quiet(&pool).await;

    let broken = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        http1::answer(&mut socket, "nonsense\r\n\r\n").await;
    })
    .await;
    let way = proxy(&format!("http://{}", broken.address));
    let pool = Pool::builder().proxy(way).build().unwrap();
    for _ in 0..5 {
        let error = pool.get(not_tls.as_str()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProxyProtocol);
    }
    let listed: Vec<_> = pool.blacklist().list();
    assert_eq!(listed.len(), 1, "{listed:?}");
    quiet(&pool).await;
}

/// Nor do connections that fall silent list it: it may be the host that is silent.
#[tokio::test]
async fn a_silent_host_does_not_list_the_proxy() {
    let mute = Peer::tcp(|_, stream| async move {
        let _open = Http2::accept(stream, &[]).await;
        std::future::pending::<()>().await;
    })
    .await;
    let through = connect_proxy().await;
    let short = std::time::Duration::from_millis(50);
    let pool = plain(Protocols::Http2)
        .proxy(proxy(&through.url("http")))
        .blacklist_after(1)
        .ping_interval(Some(short))
        .suspect_after(short)
        .ping_timeout(2 * short)
        .build()
        .unwrap();
    assert!(pool.preheat([mute.plain_target()]).await.is_complete());
    common::wait::until("several ended", || pool.stats().connections_closed >= 3).await;
    assert!(pool.blacklist().list().is_empty());
    let host = pool.snapshot().hosts.pop().unwrap();
    assert_eq!(host.proxy, Some(through.url("http")));
    pool.close();
}

/// Hosts of one certificate and address would share a connection without a proxy.
#[tokio::test]
async fn hosts_behind_a_proxy_keep_connections_of_their_own() {
    let authority = Authority::new();
    let config = authority
        .issue(&["a.test", "b.test"])
        .server_config(&["h2"]);
    let server = Peer::tls(config, |_, stream| async move {
        if let Some(mut http2) = Http2::accept(stream, &[]).await {
            http2.serve().await;
        }
    })
    .await;
    let through = connect_proxy().await;
    for (way, connections) in [
        (Proxies::none(), 1),
        (proxy(&through.url("http")).into(), 2),
    ] {
        let here = &[Ipv4Addr::LOCALHOST];
        let pool = trusting(&authority)
            .coalescing(true)
            .resolver(resolving(&[("a.test", here), ("b.test", here)]))
            .proxies(way)
            .build()
            .unwrap();
        for host in ["a.test", "b.test"] {
            drop(pool.get(format!("{host}:{}", server.port())).await.unwrap());
        }
        assert_eq!(pool.stats().connections, connections);
        quiet(&pool).await;
    }
}
