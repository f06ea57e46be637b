//! What addresses mean where connections lead through proxies: which are resolved, judged and listed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use common::certificates::Authority;
use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::proxy::{Manner, ScriptedProxy, Speaks};
use common::request::{fetch, plain, read, trusting};
use common::wait::until;
use futures_util::future::BoxFuture;
use hotpool::dial::Proxies;
use hotpool::pool::Reconfiguration;
use hotpool::resolve::{AccessList, Answer, Overrides, Resolve, Resolver};
use hotpool::{Error, ErrorKind, Pool, Protocols, Proxy, Target};

async fn connect_proxy() -> ScriptedProxy {
    ScriptedProxy::start(Speaks::Connect, Manner::default()).await
}

fn proxy(url: &str) -> Proxy {
    Proxy::parse(url).unwrap()
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
    // Absolute for whoever looks it up.
    let target = format!("http://unknown.test.:{}", server.port());
    assert_eq!(fetch(&pool, &target).await.unwrap(), "hello");
    let asked = format!("unknown.test.:{}", server.port());
    assert_eq!(through.last().asked, asked);
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

impl Resolve for Nobody {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        let none = Answer::none(Duration::from_secs(60));
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

/// Addresses that the caller names are the host's, and what the proxy is asked for.
#[tokio::test]
async fn a_targets_addresses_are_asked_for_in_turn() {
    let server = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let through = connect_proxy().await;
    let pool = Pool::builder()
        .proxy(proxy(&through.url("http")))
        .build()
        .unwrap();
    let gone = SocketAddr::from((OTHER, server.port()));
    let target = Target::parse("http://unknown.test").unwrap();
    let connection = pool.get(target.addresses([gone, server.address])).await;
    let connection = connection.unwrap();
    assert_eq!(read(&connection).await.unwrap(), "hello");
    assert_eq!(connection.remote_addr(), through.address());
    let asked: Vec<_> = through.seen().into_iter().map(|seen| seen.asked).collect();
    assert_eq!(asked, [gone.to_string(), server.address.to_string()]);
    drop(connection);
    quiet(&pool).await;
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
    until("left", || later.stats().connections == 0).await;
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
    let short = Duration::from_millis(50);
    let pool = plain(Protocols::Http2)
        .proxy(proxy(&through.url("http")))
        .blacklist_after(1)
        .ping_interval(Some(short))
        .suspect_after(short)
        .ping_timeout(2 * short)
        .build()
        .unwrap();
    assert!(pool.preheat([mute.plain_target()]).await.is_complete());
    until("several ended", || pool.stats().connections_closed >= 3).await;
    assert!(pool.blacklist().list().is_empty());
    let host = pool.snapshot().hosts.pop().unwrap();
    assert_eq!(host.proxy, Some(through.url("http")));
    pool.close();
}

/// Hosts of one certificate and address would share a connection without a proxy; here their address is also the proxy's.
#[tokio::test]
async fn hosts_behind_a_proxy_keep_connections_of_their_own() {
    let authority = Authority::new();
    let certificate = authority.issue(&["a.test", "b.test"]);
    let server = Peer::tls(certificate.server_config(&["h2"]), |_, stream| async move {
        if let Some(mut http2) = Http2::accept(stream, &[]).await {
            http2.serve().await;
        }
    })
    .await;
    let at = SocketAddr::from((OTHER, server.port()));
    let through = ScriptedProxy::at(at, Speaks::Connect, Manner::default()).await;
    let direct = (Proxies::none(), Ipv4Addr::LOCALHOST, 1);
    let proxied = (proxy(&through.url("http")).into(), OTHER, 2);
    for (way, address, connections) in [direct, proxied] {
        let here = &[address];
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
