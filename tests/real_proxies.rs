//! The pool through proxies that we did not write: tinyproxy, microsocks and dante.
//!
//! A proxy that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use common::certificates::Authority;
use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::process::{Process, folder, free_port, listening};
use common::relay::Relay;
use common::request::{get, trusting};
use hotpool::profile::{ClientHello, Profile};
use hotpool::registry::Protocol;
use hotpool::{ErrorKind, Protocols, Proxy, Target};

const USER: &str = "somebody";
const PASSWORD: &str = "s3cret";

/// Ends with the value.
struct RealProxy {
    _process: Process,
    port: u16,
}

impl RealProxy {
    async fn start(command: impl FnOnce(&Path, u16) -> Command) -> Option<Self> {
        let (folder, port) = (folder("proxy"), free_port());
        fs::create_dir_all(&folder).unwrap();
        let command = command(&folder, port);
        let process = Process::start(command, folder.clone());
        if process.is_none() {
            let _ = fs::remove_dir_all(&folder);
        }
        let process = process?;
        listening(&[port]).await;
        Some(Self {
            _process: process,
            port,
        })
    }

    fn proxy(&self, scheme: &str, user: &str) -> Proxy {
        Proxy::parse(&format!("{scheme}://{user}127.0.0.1:{}", self.port)).unwrap()
    }
}

fn tinyproxy(folder: &Path, port: u16) -> Command {
    let file = folder.join("tinyproxy.conf");
    let configuration = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogFile \"{}\"\nBasicAuth {USER} {PASSWORD}\n",
        folder.join("log").display()
    );
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(file);
    command
}

fn microsocks(_: &Path, port: u16) -> Command {
    let mut command = Command::new("microsocks");
    let port = port.to_string();
    command.args(["-i", "127.0.0.1", "-p", &port, "-u", USER, "-P", PASSWORD]);
    command
}

/// Without authentication: it asks the system's users.
fn dante(folder: &Path, port: u16) -> Command {
    let file = folder.join("danted.conf");
    let configuration = format!(
        "errorlog: {path}/errors\nlogoutput: {path}/log\ninternal: 127.0.0.1 port = {port}\nexternal: lo\n\
         socksmethod: none\nclientmethod: none\nuser.privileged: root\nuser.unprivileged: root\n\
         client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
         socks block {{ from: 0.0.0.0/0 to: 127.0.0.66/32 }}\n\
         socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 protocol: tcp }}\n",
        path = folder.display()
    );
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new("danted");
    let pid = folder.join("pid");
    command
        .arg("-N")
        .arg("1")
        .arg("-f")
        .arg(file)
        .arg("-p")
        .arg(pid);
    command
}

/// HTTP/2 and HTTP/1.1, and a relay before it that keeps what arrives.
struct Host {
    authority: Authority,
    _server: Peer,
    relay: Relay,
}

impl Host {
    async fn start() -> Self {
        let authority = Authority::new();
        let certificate = authority.issue(&["localhost", "127.0.0.1"]);
        let server = Peer::tls(
            certificate.server_config(&["h2", "http/1.1"]),
            |_, stream| async {
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    return http1::serve(stream).await;
                }
                if let Some(mut http2) = Http2::accept(stream, &[]).await {
                    http2.serve().await;
                }
            },
        )
        .await;
        let relay = Relay::to(server.address).await;
        Self {
            authority,
            _server: server,
            relay,
        }
    }

    fn address(&self) -> SocketAddr {
        self.relay.address()
    }
}

/// Both protocols and a request each, in the way of a profile; what arrives at the host begins with the profile's hello.
async fn works(host: &Host, name: &str, proxy: Proxy) {
    let pool = trusting(&host.authority)
        .profile("chrome")
        .proxy(proxy.clone())
        .build()
        .unwrap();
    let url = format!("https://{name}:{}", host.address().port());
    for (protocols, wanted) in [
        (Protocols::Any, Protocol::Http2),
        (Protocols::Http1, Protocol::Http1),
    ] {
        let target = Target::parse(&url).unwrap().protocols(protocols);
        let connection = pool.get(&target).await.unwrap();
        assert_eq!(connection.protocol(), wanted);
        assert_eq!(connection.remote_addr().port(), proxy.port());
        for _ in 0..3 {
            assert_eq!(connection.send(get()).await.unwrap().status(), 200);
        }
        let hello = ClientHello::from_records(&host.relay.sent()).unwrap();
        if protocols == Protocols::Any {
            let differences = Profile::named("chrome").unwrap().differences(&hello, None);
            assert!(differences.is_empty(), "{differences:?}");
        }
    }
    quiet(&pool).await;
}

/// The dial fails in this way, and nothing is left.
async fn fails(host: &Host, name: &str, port: u16, proxy: Proxy, kind: ErrorKind) {
    let pool = trusting(&host.authority).proxy(proxy).build().unwrap();
    let error = pool
        .get(format!("https://{name}:{port}"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
    quiet(&pool).await;
}

fn nobodys_port() -> u16 {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    gone.local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tinyproxy_with_basic_authentication() {
    let Some(proxy) = RealProxy::start(tinyproxy).await else {
        return;
    };
    let host = Host::start().await;
    let user = proxy.proxy("http", &format!("{USER}:{PASSWORD}@"));
    works(&host, "localhost", user.clone()).await;
    works(&host, "127.0.0.1", user.clone()).await;
    let port = host.address().port();
    let wrong = proxy.proxy("http", &format!("{USER}:wrong@"));
    for way in [proxy.proxy("http", ""), wrong] {
        fails(&host, "localhost", port, way, ErrorKind::ProxyAuthRequired).await;
    }
    let refused = ErrorKind::ProxyConnectFailed;
    fails(&host, "localhost", nobodys_port(), user, refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microsocks_with_a_password() {
    let Some(proxy) = RealProxy::start(microsocks).await else {
        return;
    };
    let host = Host::start().await;
    let user = |scheme: &str| proxy.proxy(scheme, &format!("{USER}:{PASSWORD}@"));
    // It tries the first address of a name only, which may be IPv6's: this one is known without a name service.
    works(&host, "127.0.0.1", user("socks5h")).await;
    works(&host, "localhost", user("socks5")).await;
    let port = host.address().port();
    let wrong = proxy.proxy("socks5", &format!("{USER}:wrong@"));
    for way in [proxy.proxy("socks5", ""), wrong] {
        fails(&host, "127.0.0.1", port, way, ErrorKind::ProxyAuthRequired).await;
    }
    let refused = ErrorKind::ProxyConnectFailed;
    fails(&host, "127.0.0.1", nobodys_port(), user("socks5"), refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dante_by_name_and_by_its_rules() {
    let Some(proxy) = RealProxy::start(dante).await else {
        return;
    };
    let host = Host::start().await;
    works(&host, "localhost", proxy.proxy("socks5h", "")).await;
    works(&host, "localhost", proxy.proxy("socks5", "")).await;
    let way = || proxy.proxy("socks5h", "");
    let port = host.address().port();
    fails(&host, "127.0.0.66", port, way(), ErrorKind::ProxyRefused).await;
    fails(
        &host,
        "127.0.0.1",
        nobodys_port(),
        way(),
        ErrorKind::ProxyConnectFailed,
    )
    .await;
}
