//! Hosts with several addresses, of which some are denied, gone, leaving or silent; and the addresses that connections come from.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use std::time::Duration;

use common::certificates::Authority;
use common::http1::{self, reset, silence};
use common::http2::{Http2, MAX_CONCURRENT_STREAMS, NO_ERROR};
use common::peer::Peer;
use common::request::read;
use common::wait::{PATIENCE, until};
use futures_util::future::BoxFuture;
use hotpool::client::Probe;
use hotpool::config::{Balance, Settings};
use hotpool::dial::{LocalAddressChoice, LocalAddresses};
use hotpool::pool::{PoolBuilder, PoolEvent, PoolEvents};
use hotpool::registry::CloseReason;
use hotpool::resolve::{AccessList, Answer, DnsResolver, Overrides, Resolve, Resolver};
use hotpool::{Error, ErrorKind, Pool, Protocols, Trust};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SECOND: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// For names that these addresses are to have.
fn resolving(addresses: &[Ipv4Addr]) -> PoolBuilder {
    let mut overrides = Overrides::new();
    for host in ["many.test", "localhost"] {
        let addresses = addresses.iter().copied().map(IpAddr::V4);
        overrides.insert(host, None, addresses).unwrap();
    }
    let settings = Settings {
        settings_timeout: Some(Duration::from_millis(300)),
        ..Settings::default()
    };
    Pool::builder()
        .settings(settings)
        .resolver(Resolver::builder().overrides(overrides).build())
}

async fn serve(stream: TcpStream) {
    if let Some(mut http2) = Http2::accept(stream, &[]).await {
        http2.serve().await;
    }
}

/// The server is about to end.
async fn leave(stream: TcpStream) {
    if let Some(mut http2) = Http2::accept(stream, &[]).await {
        http2.go_away(0, NO_ERROR).await;
    }
}

/// Before any SETTINGS.
async fn close(stream: TcpStream) {
    drop(stream);
}

async fn get(pool: &Pool, port: u16) -> Result<(), Error> {
    let target = format!("http://many.test:{port}");
    timeout(PATIENCE, pool.get(&target))
        .await
        .unwrap()
        .map(drop)
}

#[tokio::test]
async fn an_address_that_fails_behind_tcp_gives_way_to_the_next() {
    type Script = fn(TcpStream) -> BoxFuture<'static, ()>;
    let scripts: [(&str, Script); 3] = [
        ("reset", |stream| Box::pin(async move { reset(stream) })),
        ("leave", |stream| Box::pin(leave(stream))),
        ("silence", |stream| Box::pin(silence(stream))),
    ];
    for (case, script) in scripts {
        let good = Peer::tcp_at((SECOND, 0).into(), |_, stream| serve(stream)).await;
        let bad = Peer::tcp_at((FIRST, good.port()).into(), move |_, s| script(s)).await;
        let pool = resolving(&[FIRST, SECOND]).protocols(Protocols::Http2);
        let pool = pool.build().unwrap();
        get(&pool, good.port()).await.unwrap();
        assert_eq!((bad.accepted(), good.accepted()), (1, 1), "{case}");
        assert_eq!(pool.stats().dials_started, 1, "{case}");
    }
}

#[tokio::test]
async fn tls_that_is_cut_off_goes_on_and_a_bad_certificate_does_not() {
    let authority = Authority::new();
    for (names, wanted) in [
        (["localhost"], None),
        (["other"], Some(ErrorKind::CertificateWrongName)),
    ] {
        let config = authority.issue(&names).server_config(&["http/1.1"]);
        let server = Peer::tls(config, |_, stream| silence(stream)).await;
        let cut = Peer::tcp_at((FIRST, server.port()).into(), |_, stream| close(stream)).await;
        let trust = Trust::only(authority.pem().as_bytes()).unwrap();
        let pool = resolving(&[FIRST, SECOND]).trust(trust).build().unwrap();
        let outcome = pool.get(&server.target()).await.map(drop);
        assert_eq!((cut.accepted(), server.accepted()), (1, 1));
        // A verdict says more than the failure before it.
        assert_eq!(outcome.err().map(|error| error.kind()), wanted);

        let trust = Trust::only(authority.pem().as_bytes()).unwrap();
        let pool = resolving(&[SECOND, FIRST]).trust(trust).build().unwrap();
        let outcome = pool.get(&server.target()).await.map(drop);
        assert_eq!(outcome.err().map(|error| error.kind()), wanted);
        assert_eq!(cut.accepted(), 1, "a verdict ends the dial");
    }
}

#[tokio::test]
async fn a_lone_server_that_leaves_is_dialed_again_once() {
    let peer = Peer::tcp(|number, stream| async move {
        match number {
            0 => leave(stream).await,
            _ => serve(stream).await,
        }
    })
    .await;
    let pool = resolving(&[SECOND]).protocols(Protocols::Http2);
    get(&pool.build().unwrap(), peer.port()).await.unwrap();
    assert_eq!(peer.accepted(), 2);

    let peer = Peer::tcp(|_, stream| close(stream)).await;
    let pool = resolving(&[SECOND]).protocols(Protocols::Http2);
    let error = get(&pool.build().unwrap(), peer.port()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(error.address(), Some(peer.address));
    assert_eq!(peer.accepted(), 2);
}

#[tokio::test]
async fn denied_addresses_are_not_connected_to_whatever_name_leads_there() {
    let peer = Peer::tcp(|_, stream| serve(stream)).await;
    let list = AccessList::allow_all().deny("loopback").unwrap();
    let pool = resolving(&[SECOND]).protocols(Protocols::Http2);
    let pool = pool.access_list(list).build().unwrap();
    for host in ["many.test", "localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let target = format!("http://{host}:{}", peer.port());
        let error = pool.get(&target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressDenied, "{host}: {error}");
        assert!(!error.is_retryable());
        assert!(
            error.to_string().contains("127.0.0.0/8 is denied"),
            "{error}"
        );
        assert!(error.host().is_some());
    }
    assert_eq!(peer.accepted(), 0);
}

#[tokio::test]
async fn where_some_addresses_are_denied_the_others_are_used() {
    let good = Peer::tcp(|_, stream| serve(stream)).await;
    let denied = Peer::tcp_at((FIRST, good.port()).into(), |_, stream| serve(stream)).await;
    let list = AccessList::deny_all().allow("127.0.0.1/32").unwrap();
    let pool = resolving(&[FIRST, SECOND]).protocols(Protocols::Http2);
    get(&pool.access_list(list).build().unwrap(), good.port())
        .await
        .unwrap();
    assert_eq!((denied.accepted(), good.accepted()), (0, 1));
}

#[tokio::test]
async fn connections_come_from_the_local_addresses_in_turn() {
    let seen: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
    let log = Arc::clone(&seen);
    let peer = Peer::tcp(move |_, stream| {
        log.lock().push(stream.peer_addr().unwrap().ip());
        silence(stream)
    })
    .await;
    let locals = [5, 6].map(|last| IpAddr::from([127, 0, 0, last]));
    let local = LocalAddresses::new(locals, LocalAddressChoice::Rotate);
    let pool = resolving(&[SECOND]).local_addresses(local).build().unwrap();
    let target = format!("http://many.test:{}", peer.port());
    // Each HTTP/1.1 connection that is held makes the next call dial.
    let _one = pool.get(&target).await.unwrap();
    let _other = pool.get(&target).await.unwrap();
    let mut seen = seen.lock().clone();
    seen.sort();
    assert_eq!(seen, locals);
}

/// A server that was downgraded takes no session that it gave before, and the client dials it again without one.
#[tokio::test]
async fn a_session_refused_late_is_not_held_against_the_address() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    let config = |version| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificate.chain.clone(), certificate.key.clone_key())
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.max_early_data_size = 1 << 14;
        TlsAcceptor::from(Arc::new(config))
    };
    let (new, old) = (config(&TLS13), config(&TLS12));
    let peer = Peer::tcp(move |number, stream| {
        let (new, old) = (new.clone(), old.clone());
        async move {
            if number == 1 {
                // So long that an attempt of which nothing is heard counts as failed.
                sleep(Duration::from_millis(3_100)).await;
            }
            let acceptor = if number == 0 { new } else { old };
            if let Ok(stream) = acceptor.accept(stream).await {
                http1::serve(stream).await;
            }
        }
    })
    .await;
    let trust = Trust::only(authority.pem().as_bytes()).unwrap();
    let pool = resolving(&[SECOND])
        .trust(trust)
        .profile("firefox")
        .blacklist_after(1)
        .build()
        .unwrap();
    let one = pool.get(&peer.target()).await.unwrap();
    // With its answer comes the ticket.
    read(&one).await.unwrap();
    let other = pool.get(&peer.target()).await.unwrap();
    assert_ne!(one.id(), other.id());
    assert_eq!(peer.accepted(), 3, "one was refused");
    assert!(pool.blacklist().list().is_empty());
}

/// The next address that is listed, why, and whether for all hosts.
async fn listed(events: &mut PoolEvents) -> (SocketAddr, ErrorKind, bool) {
    let listed = async {
        loop {
            if let PoolEvent::AddressListed {
                address,
                error,
                for_all_hosts,
                ..
            } = events.recv().await.unwrap()
            {
                return (address, error.kind(), for_all_hosts);
            }
        }
    };
    timeout(PATIENCE, listed).await.unwrap()
}

#[tokio::test]
async fn an_address_whose_connections_fall_silent_is_listed() {
    let peer = Peer::tcp(|_, stream| async move {
        let _open = Http2::accept(stream, &[]).await;
        std::future::pending::<()>().await;
    })
    .await;
    let pool = resolving(&[SECOND])
        .protocols(Protocols::Http2)
        .blacklist_after(2)
        .ping_interval(Some(Duration::from_millis(50)))
        .suspect_after(Duration::from_millis(50))
        .ping_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    let target = format!("http://many.test:{}", peer.port());
    assert!(pool.preheat([&target]).await.is_complete());
    let wanted = (peer.address, ErrorKind::Unresponsive, true);
    assert_eq!(listed(&mut events).await, wanted);
    assert!(peer.accepted() >= 2);
    assert_eq!(pool.stats().dials_failed, 0);
}

#[tokio::test]
async fn connections_that_were_open_together_are_one_failure() {
    let (falling, fallen) = tokio::sync::watch::channel(0);
    let peer = Peer::tcp(move |number, stream| {
        let mut fallen = fallen.clone();
        async move {
            let settings = [(MAX_CONCURRENT_STREAMS, 1)];
            let mut http2 = Http2::accept(stream, &settings).await.unwrap();
            let told = async { drop(fallen.wait_for(|fallen| number < *fallen).await) };
            tokio::select! {
                _ = http2.serve() => {}
                () = told => std::future::pending().await,
            }
        }
    })
    .await;
    let pool = resolving(&[SECOND])
        .protocols(Protocols::Http2)
        .blacklist_after(2)
        .ping_interval(Some(Duration::from_millis(50)))
        .ping_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let target = format!("http://many.test:{}", peer.port());
    let (one, other) = tokio::join!(pool.get(&target), pool.get(&target));
    let held = [one, other].map(Result::unwrap);
    assert_ne!(held[0].id(), held[1].id());
    for fallen in [1, 2] {
        falling.send(fallen).unwrap();
        until("one more has ended", || {
            let is_there = |id| pool.registry().entry(id).is_some();
            held.iter().filter(|held| !is_there(held.id())).count() == fallen
        })
        .await;
    }
    assert_eq!(pool.stats().addresses_listed, 0);
}

/// Time is paused: only that it passes is waited for.
#[tokio::test(start_paused = true)]
async fn a_connection_that_worked_for_a_minute_may_fall_silent() {
    for (seconds, is_listed) in [(30, true), (90, false)] {
        let peer = Peer::tcp(move |_, stream| async move {
            let mut http2 = Http2::accept(stream, &[]).await.unwrap();
            let _ = timeout(Duration::from_secs(seconds), http2.serve()).await;
            std::future::pending::<()>().await;
        })
        .await;
        let pool = resolving(&[SECOND])
            .protocols(Protocols::Http2)
            .blacklist_after(1)
            .ping_interval(Some(Duration::from_secs(5)))
            .build()
            .unwrap();
        let target = format!("http://many.test:{}", peer.port());
        let mut events = pool.subscribe();
        let held = pool.get(&target).await.unwrap();
        let reason = loop {
            if let PoolEvent::ConnectionRemoved { id, reason, .. } = events.recv().await.unwrap()
                && id == held.id()
            {
                break reason;
            }
        };
        assert_eq!(reason, CloseReason::Unhealthy);
        assert_eq!(pool.stats().addresses_listed > 0, is_listed, "{seconds} s");
    }
}

#[tokio::test]
async fn connections_that_a_server_closes_say_nothing_of_its_address() {
    let peer = Peer::tcp(|_, mut stream| async move {
        http1::request(&mut stream).await;
        http1::answer(&mut stream, http1::HELLO).await;
    })
    .await;
    let pool = resolving(&[SECOND]).blacklist_after(1).build().unwrap();
    let target = format!("http://many.test:{}", peer.port());
    for _ in 0..3 {
        let connection = pool.get(&target).await.unwrap();
        read(&connection).await.unwrap();
        let id = connection.id();
        drop(connection);
        until("it has ended", || pool.registry().entry(id).is_none()).await;
    }
    assert_eq!(pool.stats().addresses_listed, 0);
}

#[tokio::test]
async fn an_address_that_fails_probes_is_listed_for_its_host() {
    let good = Peer::tcp(|_, stream| http1::serve(stream)).await;
    let bad = Peer::tcp_at((FIRST, good.port()).into(), |_, mut stream| async move {
        while http1::request(&mut stream).await.is_some() {
            let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
            http1::answer(&mut stream, answer).await;
        }
    })
    .await;
    let pool = resolving(&[FIRST, SECOND])
        .balance(Balance::LeastLoaded)
        .blacklist_after(2)
        .min_warm(2)
        .build()
        .unwrap();
    let mut events = pool.subscribe();
    let target = format!("http://many.test:{}", good.port());
    let probe = Probe::get("/").unwrap().every(Duration::from_millis(50));
    let _probing = pool.probe(&target, probe).unwrap();
    assert!(pool.preheat([&target]).await.is_complete());
    let wanted = (bad.address, ErrorKind::Unresponsive, false);
    assert_eq!(listed(&mut events).await, wanted);
    assert_eq!(
        pool.blacklist().list()[0].host.as_deref(),
        Some("many.test")
    );
}

/// Of 127.1.0.0/16, where nobody listens.
#[derive(Debug)]
struct Thousand;

impl Resolve for Thousand {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer, Error>> {
        let address = |n: u16| {
            let [high, low] = n.to_be_bytes();
            IpAddr::from([127, 1, high, low])
        };
        let answer = Answer::new((0..1000).map(address), Duration::from_secs(60));
        Box::pin(async { Ok(answer) })
    }
}

#[tokio::test]
async fn a_host_with_a_thousand_addresses_fails_soon_and_with_the_firsts_error() {
    let port = Peer::tcp(|_, stream| close(stream)).await.port();
    let resolver = Resolver::builder().upstream(Arc::new(Thousand)).build();
    let pool = Pool::builder().resolver(resolver).build().unwrap();
    let error = get(&pool, port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectRefused);
    let first = SocketAddr::from(([127, 1, 0, 0], port));
    assert_eq!(error.address(), Some(first));
}

/// Set in the process that may have few descriptors.
const SMALL: &str = "HOTPOOL_TEST_FEW_DESCRIPTORS";

/// A process of its own: the limit is the whole process's.
#[test]
fn out_of_descriptors_is_our_fault_and_passes() {
    if std::env::var_os(SMALL).is_some() {
        return with_few_descriptors();
    }
    let name = "out_of_descriptors_is_our_fault_and_passes";
    let status = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(SMALL, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

fn with_few_descriptors() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let peer = Peer::tcp(|_, stream| serve(stream)).await;
        let pool = resolving(&[SECOND, FIRST]).protocols(Protocols::Http2);
        let pool = pool.build().unwrap();
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        let error = get(&pool, peer.port()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfResources, "{error}");
        assert!(error.is_retryable() && error.fault() == hotpool::error::Fault::Local);
        let name_server = SocketAddr::from(([127, 0, 0, 1], 9));
        let resolver = Resolver::builder()
            .upstream(Arc::new(DnsResolver::with_name_servers([name_server])))
            .build();
        let error = resolver.resolve("many.test", 443).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfResources, "{error:?}");
        drop(files);
        get(&pool, peer.port()).await.unwrap();
    });
}
