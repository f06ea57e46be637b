//! What a listener knows of real clients: curl, nginx, OpenSSL, and this crate's own pool.
//!
//! A program that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::process::{Process, folder, free_port, listening};
use common::request::{get, trusting};
use common::wait::until;
use hotpool::registry::{CloseReason, Entry};
use hotpool::server::{
    AddressHeader, ClientAddress, ClientFingerprint, Fingerprints, Listener, ListenerBuilder,
    ProxyProtocol, Server, ServerTls, Verdict,
};
use http::{Request, Response};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;

/// What a handler was told of a request's client.
type Told = Arc<Mutex<Vec<(IpAddr, ClientFingerprint)>>>;

fn over_tls(authority: &Authority) -> ListenerBuilder {
    let certificate = authority.issue(&["localhost", "127.0.0.1"]);
    let (chain, key) = (certificate.chain_pem, certificate.key_pem);
    let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    Listener::builder().tls(tls)
}

async fn serve(builder: ListenerBuilder) -> (Server, Told) {
    let told = Told::default();
    let listener = builder.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let handlers = Arc::clone(&told);
    let server = listener.serve(move |request: Request<Incoming>, _: Arc<Entry>| {
        let client = request.extensions().get::<ClientAddress>().unwrap().ip();
        let fingerprint = request.extensions().get().cloned();
        handlers.lock().push((client, fingerprint.unwrap()));
        async { Response::new(Empty::<Bytes>::new()) }
    });
    (server, told)
}

#[tokio::test]
async fn the_server_sees_what_the_pool_says_it_sent() {
    let authority = Authority::new();
    let (server, told) = serve(over_tls(&authority).fingerprints(Fingerprints::Hello)).await;
    let target = format!("localhost:{}", server.local_addr().port());
    for profile in ["chromium", "firefox"] {
        let pool = trusting(&authority).profile(profile).build().unwrap();
        let connection = pool.get(&target).await.unwrap();
        connection.send(get()).await.unwrap();
        let sent = connection.fingerprint();
        let (_, seen) = told.lock().pop().unwrap();
        let sent_tls = sent.tls.unwrap();
        assert_eq!(seen.ja4(), Some(&*sent_tls.ja4), "{profile}");
        assert_eq!(seen.ja3_hash(), Some(&*sent_tls.ja3_hash), "{profile}");
        assert_eq!(
            seen.hello().map(|hello| hello.ja4_r().into()),
            Some(sent_tls.ja4_r.clone())
        );
        assert_eq!(seen.akamai(), sent.akamai.as_deref(), "{profile}");
        assert!(seen.akamai().is_some_and(|akamai| !akamai.is_empty()));
        drop(connection);
        pool.shutdown(Duration::from_secs(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_behind_a_proxy_header_is_known() {
    let authority = Authority::new();
    let builder = over_tls(&authority)
        .proxy_protocol(ProxyProtocol::Required)
        .trusted_proxies(["127.0.0.1/32".parse().unwrap()]);
    let (server, told) = serve(builder).await;
    let url = format!("https://{}/", server.local_addr());
    let mut akamai = Vec::new();
    for version in ["--http1.1", "--http2"] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--insecure", "--max-time", "20"]);
        curl.args(["--noproxy", "*", "--haproxy-protocol", version, &url]);
        curl.args(["--header", "X-Forwarded-For: 192.0.2.1"]);
        if Process::run(curl).is_none() {
            return;
        }
        // curl speaks for itself, so it is its own trusted proxy.
        let (client, seen) = told.lock().pop().unwrap();
        assert_eq!(client.to_string(), "192.0.2.1");
        assert!(seen.ja4().unwrap().starts_with("t13i"), "{seen}");
        akamai.push(seen.akamai().map(str::to_owned));
    }
    // nghttp2's order.
    assert!(
        akamai[0].is_none() && akamai[1].as_ref().unwrap().ends_with("|m,p,s,a"),
        "{akamai:?}"
    );

    let mut without = Command::new("curl");
    without.args([
        "--silent",
        "--insecure",
        "--max-time",
        "20",
        "--noproxy",
        "*",
        &url,
    ]);
    assert!(!without.status().unwrap().success());
    let registry = server.registry();
    until("refused", || {
        registry.stats().closed_for(CloseReason::ProxyHeader) == 1
    })
    .await;
}

/// nginx adds to what the client sent, and lets the header pass that it does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_each_client_has_its_own_address() {
    let builder = Listener::builder().trusted_proxies(["127.0.0.1/32".parse().unwrap()]);
    let any = echoing(builder.clone()).await;
    let told = echoing(builder.address_header(AddressHeader::XForwardedFor)).await;
    let (port, folder) = (free_port(), folder("nginx"));
    fs::create_dir_all(&folder).unwrap();
    let location = |server: &Server| {
        format!(
            "proxy_pass http://{}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            server.local_addr()
        )
    };
    let configuration = format!(
        "user root; pid {0}/pid; error_log {0}/errors; worker_processes 1; daemon off;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0};\n\
         uwsgi_temp_path {0}; scgi_temp_path {0};\n\
         server {{ listen 127.0.0.1:{port}; location /any {{ {1} }} location /told {{ {2} }} }} }}\n",
        folder.display(),
        location(&any),
        location(&told),
    );
    fs::write(folder.join("nginx.conf"), configuration).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-c").arg(folder.join("nginx.conf"));
    let Some(_nginx) = Process::start(nginx, folder) else {
        return;
    };
    listening(&[port]).await;
    if !is_installed("curl", "--version") {
        return;
    }
    let (forged_x, forged) = ("X-Forwarded-For: 192.0.2.66", "Forwarded: for=192.0.2.66");
    for (path, header, is_known) in [
        ("any", "X-A: b", true),
        ("any", forged_x, true),
        ("any", forged, false),
        ("told", forged, true),
    ] {
        for client in ["127.0.0.2", "127.0.0.3"] {
            let url = format!("http://127.0.0.1:{port}/{path}");
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--max-time", "20", "--noproxy", "*"]);
            curl.args(["--interface", client, "--header", header, &url]);
            let output = curl.output().unwrap();
            let expected = if is_known { client } else { "127.0.0.1" };
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                expected,
                "{path} {header}"
            );
        }
    }
}

/// A server that answers with the client's address.
async fn echoing(builder: ListenerBuilder) -> Server {
    let listener = builder.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    listener.serve(|request: Request<Incoming>, _: Arc<Entry>| {
        let client = request.extensions().get::<ClientAddress>().unwrap();
        let answer = Response::new(Full::new(Bytes::from(client.ip().to_string())));
        async { answer }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_is_told_that_it_is_refused() {
    let authority = Authority::new();
    let builder = over_tls(&authority).accept_hook(|info| {
        match info
            .fingerprint()
            .ja4()
            .is_some_and(|ja4| ja4.starts_with("t12"))
        {
            true => Verdict::Refuse,
            false => Verdict::Accept,
        }
    });
    let (server, _) = serve(builder).await;
    let address = server.local_addr().to_string();
    if !is_installed("openssl", "version") {
        return;
    }
    for (version, is_refused) in [("-tls1_2", true), ("-tls1_3", false)] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", &address, version]);
        let output = openssl.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.contains("alert access denied"), is_refused, "{said}");
    }
    let registry = server.registry();
    until("counted", || {
        registry.stats().closed_for(CloseReason::Refused) == 1
    })
    .await;
}

fn is_installed(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument);
    Process::run(command).is_some()
}
