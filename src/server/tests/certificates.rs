//! Who shows which certificate, and what comes of it.

use rustls::{HandshakeKind, ServerConfig};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::support::{Authority, Client, Gate, LOOPBACK, NAME, site, tls, until};
use crate::error::ErrorKind;
use crate::registry::{CloseReason, Protocol};
use crate::server::{Listener, ServerTls};

#[tokio::test]
async fn a_client_is_known_by_its_certificate() {
    let authority = Authority::new();
    let clients = Authority::new();
    let tls_settings = authority.server_tls();
    let tls_settings = tls_settings.client_authorities(clients.pem().as_bytes());
    let builder = Listener::builder().tls(tls_settings.unwrap());
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));

    let (chain, key) = clients.issue("ada");
    let certificate = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let connector = authority.client(&["h2"], Some((chain, key)));
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let stream = tls(server.local_addr(), &connector).await.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        let mut client = Client::http2(stream).await;
        assert_eq!(client.ask("/", "").await.unwrap().1, "hello");
        assert_eq!(kind, Some(expected));
        let entry = server.registry().entries().pop().unwrap();
        let identity = entry.identity().peer_certificate;
        assert_eq!(identity.as_deref(), Some(certificate.as_ref()));
        drop(client);
        until("gone", || server.registry().count() == 0).await;
        assert_eq!(entry.close_reason(), Some(CloseReason::PeerClosed));
        assert_eq!(entry.stats().errors(), 0);
    }
}

#[tokio::test]
async fn strangers_are_refused() {
    let authority = Authority::new();
    let clients = Authority::new();
    let tls_settings = authority.server_tls();
    let tls_settings = tls_settings.client_authorities(clients.pem().as_bytes());
    let builder = Listener::builder().tls(tls_settings.unwrap());
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));

    let stranger = Authority::new().issue("eve");
    for (count, identity) in [(1, None), (2, Some(stranger))] {
        // TLS 1.3: the client is done before the server has seen its certificate.
        let _stream = tls(server.local_addr(), &authority.client(&["h2"], identity)).await;
        until("refused", || server.registry().stats().closed == count).await;
    }
    let stats = server.registry().stats();
    assert_eq!(stats.closed_for(CloseReason::HandshakeFailed), 2);
    assert_eq!((stats.requests, stats.errors), (0, 2));
}

#[tokio::test]
async fn a_configuration_of_the_callers_own_is_taken() {
    let authority = Authority::new();
    let (chain, key) = authority.issue(NAME);
    let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let tls_settings = ServerTls::from_config(config);
    let refused = tls_settings
        .clone()
        .client_authorities(authority.pem().as_bytes());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidConfiguration);

    let builder = Listener::builder().tls(tls_settings);
    let server = builder.bind(LOOPBACK).await.unwrap();
    let server = server.serve(site(&Gate::closed()));
    let stream = tls(server.local_addr(), &authority.client(&["h2"], None))
        .await
        .unwrap();
    let version = stream.get_ref().1.protocol_version();
    assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_2));
    let mut client = Client::http2(stream).await;
    client.ask("/", "").await.unwrap();
    assert_eq!(server.registry().count_by_protocol(Protocol::Http2), 1);
}

#[test]
fn unusable_certificates_are_named() {
    let authority = Authority::new();
    let (chain, key) = authority.issue(NAME);
    let (_, other_key) = authority.issue(NAME);
    let refusal = |chain: &str, key: &str| {
        let error = ServerTls::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        error.to_string()
    };
    assert!(refusal("", &key).contains("certificate chain"));
    assert!(refusal(&chain, "").contains("private key"));
    assert!(refusal(&chain, &other_key).contains("cannot be used"));
    let tls_settings = ServerTls::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let error = tls_settings.client_authorities(b"").unwrap_err();
    assert!(error.to_string().contains("client authorities"));
}
