//! The command and TLS: whom it believes, as whom it appears, what it insists on.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking, and uses its own part of what is shared"
)]

mod common;
#[path = "cli/echo.rs"]
mod echo;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/world.rs"]
mod world;

use std::sync::Arc;

use common::certificates::Authority;
use run::{file, hotpool};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use world::World;

#[tokio::test]
async fn certificates_are_verified_unless_told_otherwise() {
    let world = World::new("trust", &["h2"]).await;
    let url = world.url.as_str();
    let run = hotpool(&["get", url, "--json"]).await;
    assert_eq!(
        (run.status, run.error_kind().as_str()),
        (Some(1), "certificate-unknown-issuer")
    );
    for insecure in ["-k", "--insecure"] {
        assert_eq!(hotpool(&["get", url, insecure]).await.status, Some(0));
    }
    let address = format!("https://{}", world.peer.address);
    let run = hotpool(&["get", &address, "--cacert", &world.cacert, "--json"]).await;
    assert_eq!(run.error_kind(), "certificate-wrong-name");
}

#[tokio::test]
async fn a_client_certificate_is_presented() {
    let authority = Authority::new();
    let server = authority.issue(&["localhost"]);
    let mut roots = RootCertStore::empty();
    roots.add(authority_der(&authority)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(server.chain.clone(), server.key.clone_key())
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let peer = echo::tls(Arc::new(config)).await;
    let url = format!("https://localhost:{}/", peer.port());
    let cacert = file("client-ca.pem", authority.pem());
    let client = authority.issue(&["client"]);
    let cert = file("client-cert.pem", &client.chain_pem);
    let key = file("client-key.pem", &client.key_pem);
    let both = file(
        "client-both.pem",
        format!("{}{}", client.chain_pem, client.key_pem),
    );
    let base = ["get", url.as_str(), "--cacert", &cacert, "--json"];
    let run = hotpool(&base).await;
    assert_eq!(run.status, Some(1));
    for identity in [
        &["--cert", cert.as_str(), "--key", key.as_str()][..],
        &["--cert", &both],
    ] {
        let run = hotpool(&[&base, identity].concat()).await;
        assert_eq!(run.object()["status"], 200, "{run:?}");
    }
    let run = hotpool(&[&base[..], &["--cert", &cert]].concat()).await;
    assert_eq!(
        run.status,
        Some(2),
        "a certificate without its key: {run:?}"
    );
}

fn authority_der(authority: &Authority) -> rustls::pki_types::CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()
}

#[tokio::test]
async fn http2_is_insisted_on() {
    for (name, alpn) in [("only-h1", &["http/1.1"][..]), ("no-alpn", &[])] {
        let world = World::new(name, alpn).await;
        let run = world.get("/", &["--http2", "--json"]).await;
        assert_eq!(
            (run.status, run.error_kind().as_str()),
            (Some(1), "protocol-not-offered")
        );
        assert_eq!(run.object()["error"]["sent"], false);
        assert_eq!(world.get("/", &[]).await.status, Some(0));
        assert_eq!(world.peer.accepted(), 2, "one dial a run");
    }
}

#[tokio::test]
async fn resolve_names_the_address() {
    let world = World::new("resolve", &["h2"]).await;
    let authority = &world.authority;
    let peer = echo::tls(authority.issue(&["pool.example"]).server_config(&["h2"])).await;
    let url = format!("https://pool.example:{}/", peer.port());
    let entry = format!("pool.example:{}:127.0.0.1", peer.port());
    let elsewhere = "other.example:443:127.0.0.2";
    let run = hotpool(&[
        "get",
        &url,
        "--cacert",
        &world.cacert,
        "--resolve",
        elsewhere,
        "--resolve",
        &entry,
        "--json",
    ])
    .await;
    assert_eq!(
        run.object()["remote_addr"],
        peer.address.to_string(),
        "{run:?}"
    );
}
