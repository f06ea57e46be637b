//! What a browser's hello offers beyond a plain one: BoringSSL's server against its own client.

mod common;

use std::sync::Arc;

use boring::ssl::SslVerifyMode;
use common::{Client, alpn, extensions};
use interop::{Alps, Compression, Scenario, Server, Version, native};
use parking_lot::Mutex;

const ALPS_OLD: u16 = 0x4469;
const ALPS_NEW: u16 = 0x44cd;
const TRUST_ANCHORS: u16 = 0xca34;

#[test]
fn alpn_by_the_servers_preference() {
    for (theirs, chosen) in [
        (&["h2", "http/1.1"][..], Some("http/1.1")),
        (&["h2"], Some("h2")),
        (&["h3"], None),
    ] {
        let server = Server::start(Scenario {
            alpn: &["http/1.1", "h2"],
            ..Scenario::default()
        });
        let client = Client::with(&server, |context| {
            context.set_alpn_protos(&alpn(theirs)).unwrap();
        });
        let stream = client.connect(&server);
        assert_eq!(server.report().agreed().alpn.as_deref(), chosen);
        drop(stream);
    }
}

#[test]
fn alps_with_each_codepoint() {
    for (new_codepoint, codepoint) in [(true, ALPS_NEW), (false, ALPS_OLD)] {
        let server = Server::start(Scenario {
            alpn: &["http/1.1"],
            alps: Some(Alps {
                new_codepoint,
                settings: b"of the server".to_vec(),
            }),
            ..Scenario::default()
        });
        let client = Client::with(&server, |context| {
            context.set_alpn_protos(&alpn(&["http/1.1"])).unwrap();
        });
        for resumed in [false, true] {
            let session = resumed.then(|| client.session());
            let mut stream = client
                .connect_with(&server, |ssl| {
                    native::set_settings(ssl, "http/1.1", b"of the client", new_codepoint);
                    if let Some(session) = &session {
                        common::offer(ssl, session);
                    }
                })
                .unwrap();
            let of_server = native::peer_settings(stream.ssl());
            assert_eq!(of_server.as_deref(), Some(&b"of the server"[..]));
            let report = server.report();
            let agreed = report.agreed();
            assert_eq!(agreed.alps.as_deref(), Some(&b"of the client"[..]));
            assert_eq!(agreed.resumed, resumed);
            assert!(extensions(&report.hellos[0]).contains(&codepoint));
            common::get(&mut stream);
        }
        let other = client.visit_with(&server, |ssl| {
            native::set_settings(ssl, "http/1.1", b"of the client", !new_codepoint);
        });
        assert_eq!(other.agreed().alps, None);
    }
}

#[test]
fn scts_and_ocsp_by_extension() {
    let list = Scenario::sct_list(&[b"one timestamp", b"another"]);
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            sct: Some(list.clone()),
            ocsp: Some(b"a response".to_vec()),
            ..Scenario::default()
        });
        let stream = Client::new(&server).connect(&server);
        assert_eq!(native::sct_list(stream.ssl()), list, "{version:?}");
        assert_eq!(native::ocsp_response(stream.ssl()), b"a response");
    }
}

#[test]
fn certificate_compression() {
    for (algorithm, ballast) in [
        (Compression::Brotli, 0),
        (Compression::Zlib, 0),
        (Compression::Zstd, 0),
        (Compression::Brotli, 40_000),
    ] {
        let server = Server::start(Scenario {
            compression: vec![algorithm],
            ballast,
            sct: Some(Scenario::sct_list(&[b"a timestamp"])),
            ..Scenario::default()
        });
        let client = Client::with(&server, |context| algorithm.add_to(context));
        let stream = client.connect(&server);
        assert_eq!(server.report().agreed().compression, Some(algorithm));
        assert!(!native::sct_list(stream.ssl()).is_empty());
    }
}

#[test]
fn a_large_certificate_uncompressed() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            ballast: 40_000,
            ..Scenario::default()
        });
        let stream = Client::new(&server).connect(&server);
        let certificate = stream.ssl().peer_certificate().unwrap().to_der().unwrap();
        assert!(certificate.len() > 40_000);
    }
}

/// GREASE ECH goes through, answered by retry configurations that nobody reads.
#[test]
fn ech_grease() {
    let server = Server::start(Scenario {
        ech: true,
        ..Scenario::default()
    });
    let client = Client::new(&server);
    let report = client.visit_with(&server, |ssl| ssl.set_enable_ech_grease(true));
    assert!(extensions(&report.hellos[0]).contains(&0xfe0d));
    assert!(!report.agreed().ech_accepted);
}

/// The keys are real: who has their configuration is accepted, who has another gets it.
#[test]
fn ech_accepted_and_retried() {
    let scenario = Scenario {
        ech: true,
        ..Scenario::default()
    };
    let (server, stranger) = (Server::start(scenario.clone()), Server::start(scenario));
    let client = Client::with(&server, |context| context.set_verify(SslVerifyMode::NONE));
    let report = client.visit_with(&server, |ssl| {
        ssl.set_ech_config_list(server.ech_configs()).unwrap();
    });
    assert!(report.agreed().ech_accepted);
    let rejected = client.connect_with(&stranger, |ssl| {
        ssl.set_ech_config_list(server.ech_configs()).unwrap();
    });
    let Err(boring::ssl::HandshakeError::Failure(middle)) = rejected else {
        panic!("accepted with another's keys");
    };
    let retry = middle.ssl().get_ech_retry_configs();
    assert_eq!(retry, Some(stranger.ech_configs()));
}

#[test]
fn trust_anchors() {
    let ids = b"\x03\x01\x02\x03\x01\x09";
    let server = Server::start(Scenario {
        trust_anchors: Some(ids.to_vec()),
        ..Scenario::default()
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&seen);
    let client = Client::with(&server, |context| {
        native::set_requested_trust_anchors(context, &[]);
        context.set_custom_verify_callback(SslVerifyMode::PEER, move |ssl| {
            *store.lock() = native::available_trust_anchors(ssl);
            Ok(())
        });
    });
    let report = client.visit(&server);
    assert!(extensions(&report.hellos[0]).contains(&TRUST_ANCHORS));
    assert_eq!(*seen.lock(), ids);
}

/// BoringSSL's client does not ask for one, NSS's does.
#[test]
fn a_delegated_credential_that_nobody_asked_for() {
    let server = Server::start(Scenario {
        delegated_credential: true,
        ..Scenario::default()
    });
    let report = Client::new(&server).visit(&server);
    assert_eq!(
        report.agreed().signature.as_deref(),
        Some("ecdsa_secp256r1_sha256")
    );
}
