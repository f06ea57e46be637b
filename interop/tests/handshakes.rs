//! Versions, groups, HelloRetryRequest, certificates: BoringSSL's server against its own client.

mod common;

use boring::ssl::{HandshakeError, SslVersion};
use boring::x509::X509;
use common::{Client, extensions};
use interop::{Scenario, Server, Version};

#[test]
fn both_versions() {
    for (version, name) in [(Version::Tls13, "TLSv1.3"), (Version::Tls12, "TLSv1.2")] {
        let server = Server::start(Scenario {
            version,
            ..Scenario::default()
        });
        let report = Client::new(&server).visit(&server);
        let agreed = report.agreed();
        assert_eq!(agreed.version, name);
        assert_eq!(agreed.server_name.as_deref(), Some("localhost"));
        assert_eq!(agreed.signature.as_deref(), Some("ecdsa_secp256r1_sha256"));
        assert!(!agreed.resumed && !agreed.retried && !agreed.early_data);
        assert_eq!(agreed.alpn, None);
        assert_eq!(report.hellos.len(), 1);
        assert!(extensions(&report.hellos[0]).contains(&0));
    }
}

#[test]
fn each_group_with_and_without_a_retry() {
    for (group, offered, retried) in [
        ("X25519MLKEM768", "X25519MLKEM768:X25519:P-256", false),
        ("X25519", "X25519MLKEM768:X25519:P-256", false),
        ("P-256", "P-256", false),
        ("P-256", "X25519:P-256", true),
        ("P-384", "X25519MLKEM768:X25519:P-256:P-384", true),
        ("P-521", "X25519:P-521", true),
    ] {
        let server = Server::start(Scenario {
            groups: Some(group),
            ..Scenario::default()
        });
        let client = Client::with(&server, |context| {
            context.set_curves_list(offered).unwrap();
        });
        let report = client.visit(&server);
        let agreed = report.agreed();
        assert_eq!(
            (agreed.group.as_deref(), agreed.retried),
            (Some(group), retried)
        );
        assert_eq!(report.hellos.len(), 1 + usize::from(retried), "{group}");
    }
}

#[test]
fn an_rsa_certificate_and_a_chosen_suite() {
    let server = Server::start(Scenario {
        version: Version::Tls12,
        suites: Some("ECDHE-RSA-CHACHA20-POLY1305"),
        rsa: true,
        ..Scenario::default()
    });
    let report = Client::new(&server).visit(&server);
    assert_eq!(
        report.agreed().cipher,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    );
    assert_eq!(
        report.agreed().signature.as_deref(),
        Some("rsa_pss_rsae_sha256")
    );
}

#[test]
fn client_certificates() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            client_certificate: true,
            ..Scenario::default()
        });
        let identity = server.authority().issue("client");
        let certificate = X509::from_pem(identity.certificate.as_bytes()).unwrap();
        let key = boring::pkey::PKey::private_key_from_pem(identity.key.as_bytes()).unwrap();
        let client = Client::with(&server, |context| {
            context.set_certificate(&certificate).unwrap();
            context.set_private_key(&key).unwrap();
        });
        let first = client.visit(&server);
        let der = certificate.to_der().unwrap();
        assert_eq!(first.agreed().client_certificate.as_ref(), Some(&der));
        let second = client.resume(&server, &client.session());
        assert!(second.agreed().resumed, "{version:?}");
        assert_eq!(second.agreed().client_certificate.as_ref(), Some(&der));

        // In TLS 1.3 a client learns of the refusal only after its own handshake.
        let _ = Client::new(&server).connect_with(&server, |_| {});
        let failure = server.report().outcome.unwrap_err();
        assert!(
            failure.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE"),
            "{failure}"
        );
    }
}

#[test]
fn a_failed_handshake_is_reported_with_its_hello() {
    let server = Server::start(Scenario {
        version: Version::Tls12,
        ..Scenario::default()
    });
    let client = Client::with(&server, |context| {
        context
            .set_min_proto_version(Some(SslVersion::TLS1_3))
            .unwrap();
    });
    let refused = client.connect_with(&server, |_| {});
    assert!(matches!(refused, Err(HandshakeError::Failure(_))));
    let report = server.report();
    assert!(report.outcome.is_err());
    assert_eq!(report.hellos.len(), 1);
}
