//! Handshakes with OpenSSL, GnuTLS and NSS.
//!
//! A server that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::tls_servers::TlsServer;
use hotpool::{ConnectionInfo, Pool};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gnutls_over_both_tls_versions_full_and_resumed() {
    for (version, name) in [("TLS1.3", "TLSv1.3"), ("TLS1.2", "TLSv1.2")] {
        let priority = format!("NORMAL:-VERS-ALL:+VERS-{version}");
        let Some(server) = TlsServer::gnutls(&["--priority", &priority]).await else {
            return;
        };
        full_and_resumed(&server, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nss_over_both_tls_versions_full_and_resumed() {
    for (version, name) in [("tls1.3", "TLSv1.3"), ("tls1.2", "TLSv1.2")] {
        let range = format!("{version}:{version}");
        let Some(server) = TlsServer::nss(&["-u", "-V", &range]).await else {
            return;
        };
        full_and_resumed(&server, name).await;
    }
}

/// NSS's HelloRetryRequest has a cookie, which must come back; GnuTLS's has none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_with_and_without_a_cookie() {
    let only = "NORMAL:-GROUP-ALL:+GROUP-SECP384R1";
    for server in [
        TlsServer::nss(&["-I", "P384"]).await,
        TlsServer::gnutls(&["--priority", only]).await,
    ] {
        let Some(server) = server else { continue };
        let pool = server.pool();
        let info = visit(&pool, &server).await;
        let tls = info.tls().unwrap();
        assert_eq!(tls.group.as_deref(), Some("secp384r1"));
        pool.shutdown(Duration::from_secs(10)).await;
    }
}

async fn full_and_resumed(server: &TlsServer, version: &str) {
    let pool = server.pool();
    for resumed in [false, true, true] {
        let info = visit(&pool, server).await;
        let tls = info.tls().unwrap();
        assert_eq!((tls.version, tls.resumed), (version, resumed));
    }
    pool.shutdown(Duration::from_secs(10)).await;
    assert_eq!(pool.registry().count(), 0);
}

async fn visit(pool: &Pool, server: &TlsServer) -> ConnectionInfo {
    let connection = pool.get(server.target()).await.unwrap();
    let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = connection.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let info = response.extensions().get::<ConnectionInfo>().unwrap();
    let info = info.clone();
    response.into_body().collect().await.unwrap();
    info
}
