//! The pool against servers that we did not write: nginx and `openssl s_server`.
//!
//! A server that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::process::{Process, folder, free_port, listening};
use common::tls_servers::TlsServer;
use common::wait::until;
use hotpool::registry::{CloseReason, Protocol};
use hotpool::{ClientIdentity, ConnectionInfo, ErrorKind, Pool, Protocols, Target, Trust};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Full};

/// nginx closes a connection after so many requests: an HTTP/2 connection with GOAWAY, an HTTP/1.1 one with `Connection: close`.
const REQUESTS_PER_CONNECTION: usize = 50;

const LARGE: usize = 3 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_over_http2_and_http1() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    let pool = nginx.pool();
    let report = pool.preheat([nginx.h2(), nginx.http1()]).await;
    assert!(report.is_complete(), "{report:?}");
    for (target, protocol) in [
        (nginx.h2(), Protocol::Http2),
        (nginx.http1(), Protocol::Http1),
    ] {
        let connection = pool.get(&target).await.unwrap();
        assert!(connection.is_reused());
        assert_eq!(connection.protocol(), protocol);
        assert_eq!(connection.tls().unwrap().version, "TLSv1.3");
        let response = connection.send(get("/small")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()["server"]
                .to_str()
                .unwrap()
                .split('/')
                .next(),
            Some("nginx")
        );
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "small\n"
        );
        let large = connection.send(get("/large")).await.unwrap();
        assert_eq!(
            large.into_body().collect().await.unwrap().to_bytes().len(),
            LARGE
        );
        let missing = connection.send(get("/missing")).await.unwrap();
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    }
    let h1_only = Target::parse(&nginx.h2())
        .unwrap()
        .protocols(Protocols::Http1);
    assert_eq!(
        pool.get(&h1_only).await.unwrap().protocol(),
        Protocol::Http1
    );
    let h2_only = Target::parse(&nginx.http1())
        .unwrap()
        .protocols(Protocols::Http2);
    assert_eq!(
        pool.get(&h2_only).await.unwrap_err().kind(),
        ErrorKind::ProtocolNotOffered
    );
    gone(pool).await;
}

/// nginx ends connections while requests are under way; nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_ends_connections_under_load_and_no_request_fails() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    for target in [nginx.h2(), nginx.http1()] {
        let pool = nginx.pool();
        pool.preheat([&target]).await;
        let workers = (0..8).map(|_| async {
            for _ in 0..REQUESTS_PER_CONNECTION {
                let connection = pool.get(&target).await.unwrap();
                let response = connection.send(get("/small")).await.unwrap();
                assert_eq!(response.status(), StatusCode::OK);
                assert_eq!(
                    response.into_body().collect().await.unwrap().to_bytes(),
                    "small\n"
                );
            }
        });
        futures_util::future::join_all(workers).await;
        let opened = pool.stats().connections_opened;
        assert!(
            opened >= 8,
            "{opened} connections for {} requests",
            8 * REQUESTS_PER_CONNECTION
        );
        gone(pool).await;
    }
}

/// nginx closes idle connections after a second; the next request does not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_closes_an_idle_connection() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    for target in [nginx.h2(), nginx.http1()] {
        let pool = nginx.pool();
        let first = pool.get(&target).await.unwrap();
        first
            .send(get("/small"))
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap();
        let id = first.id();
        drop(first);
        until("nginx closed the idle connection", || {
            pool.registry().entry(id).is_none()
        })
        .await;
        let second = pool.get(&target).await.unwrap();
        assert_ne!(second.id(), id);
        assert_eq!(
            second.send(get("/small")).await.unwrap().status(),
            StatusCode::OK
        );
        drop(second);
        gone(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_reloads_under_load() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    let pool = nginx.pool();
    let target = nginx.h2();
    pool.preheat([&target]).await;
    let load = async {
        for _ in 0..400 {
            let response = pool
                .get(&target)
                .await
                .unwrap()
                .send(get("/small"))
                .await
                .unwrap();
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                "small\n"
            );
        }
    };
    let reloads = async {
        for _ in 0..3 {
            nginx.signal("reload").await;
        }
    };
    tokio::join!(load, reloads);
    gone(pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_takes_uploads() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    let pool = nginx.pool();
    for target in [nginx.h2(), nginx.http1()] {
        let upload = Request::post("/upload")
            .body(Full::new(Bytes::from(vec![b'x'; LARGE])))
            .unwrap();
        let response = pool.get(&target).await.unwrap().send(upload).await.unwrap();
        let status = response.status();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            (status, &*answer),
            (StatusCode::OK, LARGE.to_string().as_bytes())
        );
    }
    gone(pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_asks_for_a_client_certificate() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    let target = format!("localhost:{}", nginx.mutual);
    let stranger = nginx.pool();
    let response = stranger
        .get(&target)
        .await
        .unwrap()
        .send(get("/small"))
        .await
        .unwrap();
    assert_eq!(
        response.status(),
        StatusCode::BAD_REQUEST,
        "nginx answers 400 without a certificate"
    );
    let client = nginx.authority.issue(&["client"]);
    let identity = ClientIdentity::from_pem(client.chain_pem.as_bytes(), client.key_pem.as_bytes());
    let known = nginx.builder().identity(identity.unwrap()).build().unwrap();
    let response = known
        .get(&target)
        .await
        .unwrap()
        .send(get("/small"))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    gone(stranger).await;
    gone(known).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_over_both_tls_versions_full_and_resumed() {
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let Some(server) = TlsServer::openssl(&[flag]).await else {
            return;
        };
        let pool = server.pool();
        let mut resumed = Vec::new();
        for _ in 0..3 {
            // `s_server -www` answers in HTTP/1.0 and closes.
            let connection = pool.get(server.target()).await.unwrap();
            let response = connection.send(get("/")).await.unwrap();
            let info = response.extensions().get::<ConnectionInfo>().unwrap();
            let tls = info.tls().unwrap();
            assert_eq!((tls.version, tls.alpn.as_deref()), (version, None));
            resumed.push(tls.resumed);
            assert_eq!(response.version(), http::Version::HTTP_10);
            let page = response.into_body().collect().await.unwrap().to_bytes();
            assert!(String::from_utf8_lossy(&page).contains(version));
        }
        assert_eq!(resumed, [false, true, true], "{version}");
        let closed = pool.registry().stats();
        assert!(
            closed.closed_for(CloseReason::PeerClosed) >= 2,
            "{closed:?}"
        );
        gone(pool).await;
    }
}

/// `s_server` picks each group and suite that we offer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_chooses_group_and_suite() {
    for (flags, group, cipher) in [
        (&["-groups", "P-384"][..], Some("secp384r1"), None),
        (&["-groups", "X25519"], Some("X25519"), None),
        (
            &["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
            None,
            Some("TLS_CHACHA20_POLY1305_SHA256"),
        ),
    ] {
        let Some(server) = TlsServer::openssl(flags).await else {
            return;
        };
        let pool = server.pool();
        let connection = pool.get(server.target()).await.unwrap();
        let tls = connection.tls().unwrap();
        assert!(
            group.is_none_or(|group| tls.group.as_deref() == Some(group)),
            "{tls:?}"
        );
        assert!(cipher.is_none_or(|cipher| tls.cipher == cipher), "{tls:?}");
        drop(connection);
        gone(pool).await;
    }
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).body(Empty::new()).unwrap()
}

async fn gone(pool: Pool) {
    pool.shutdown(Duration::from_secs(10)).await;
    let stats = pool.stats();
    assert_eq!(
        (
            stats.connections,
            stats.places_taken,
            stats.tasks,
            stats.in_use
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(pool.registry().count(), 0);
}

struct Nginx {
    _process: Process,
    folder: PathBuf,
    authority: Arc<Authority>,
    h2: u16,
    http1: u16,
    mutual: u16,
}

impl Nginx {
    async fn start() -> Option<Self> {
        let authority = Authority::new();
        let certificate = authority.issue(&["localhost"]);
        // nginx reads an upload whole before it passes it on, and tells the sink its length.
        let [h2, http1, mutual, sink] = [(); 4].map(|()| free_port());
        let folder = folder("nginx");
        fs::create_dir_all(folder.join("files")).unwrap();
        fs::write(folder.join("files/small"), "small\n").unwrap();
        fs::write(folder.join("files/large"), vec![b'x'; LARGE]).unwrap();
        fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
        fs::write(folder.join("certificate.pem"), certificate.chain_pem).unwrap();
        fs::write(folder.join("key.pem"), certificate.key_pem).unwrap();
        let path = folder.display();
        let configuration = format!(
            "pid {path}/nginx.pid;\nerror_log {path}/error.log;\nworker_processes 1;\nevents {{ worker_connections 256; }}\n\
             http {{\n access_log off;\n client_body_temp_path {path}/body;\n proxy_temp_path {path}/proxy;\n\
             fastcgi_temp_path {path}/fastcgi;\n uwsgi_temp_path {path}/uwsgi;\n scgi_temp_path {path}/scgi;\n\
             ssl_protocols TLSv1.2 TLSv1.3;\n ssl_certificate {path}/certificate.pem;\n ssl_certificate_key {path}/key.pem;\n\
             keepalive_requests {REQUESTS_PER_CONNECTION};\n keepalive_timeout 1s;\n client_max_body_size 10m;\n\
             default_type text/plain;\n\
             server {{ listen 127.0.0.1:{h2} ssl http2; root {path}/files; location /upload {{ proxy_pass http://127.0.0.1:{sink}; }} }}\n\
             server {{ listen 127.0.0.1:{http1} ssl; root {path}/files; location /upload {{ proxy_pass http://127.0.0.1:{sink}; }} }}\n\
             server {{ listen 127.0.0.1:{mutual} ssl; root {path}/files; ssl_client_certificate {path}/authority.pem; ssl_verify_client on; }}\n\
             server {{ listen 127.0.0.1:{sink}; location / {{ return 200 $http_content_length; }} }}\n\
             }}\n"
        );
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new("nginx");
        command
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .args(["-g", "daemon off;"]);
        let process = Process::start(command, folder.clone())?;
        listening(&[h2, http1, mutual]).await;
        Some(Self {
            _process: process,
            folder,
            authority: Arc::new(authority),
            h2,
            http1,
            mutual,
        })
    }

    fn builder(&self) -> hotpool::pool::PoolBuilder {
        Pool::builder().trust(Trust::only(self.authority.pem().as_bytes()).unwrap())
    }

    fn pool(&self) -> Pool {
        self.builder().build().unwrap()
    }

    fn h2(&self) -> String {
        format!("localhost:{}", self.h2)
    }

    fn http1(&self) -> String {
        format!("localhost:{}", self.http1)
    }

    async fn signal(&self, signal: &str) {
        let configuration = self.folder.join("nginx.conf");
        let mut command = tokio::process::Command::new("nginx");
        command.arg("-c").arg(configuration).args(["-s", signal]);
        assert!(
            command
                .stderr(Stdio::null())
                .status()
                .await
                .unwrap()
                .success()
        );
    }
}
