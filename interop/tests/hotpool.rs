//! The pool against BoringSSL's server.

use std::time::Duration;

use bytes::Bytes;
use hotpool::pool::PoolBuilder;
use hotpool::registry::Protocol;
use hotpool::{ClientIdentity, ConnectionInfo, Pool, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};
use interop::{Compression, Report, Scenario, Server, Version};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_full_and_resumed() {
    for (version, name) in [(Version::Tls13, "TLSv1.3"), (Version::Tls12, "TLSv1.2")] {
        let server = Server::start(Scenario {
            version,
            ..Scenario::default()
        });
        let pool = builder(&server).build().unwrap();
        for resumed in [false, true, true] {
            let (info, report) = visit(&pool, &server).await;
            let (ours, theirs) = (info.tls().unwrap(), report.agreed());
            assert_eq!((ours.version, &*theirs.version), (name, name));
            assert_eq!(ours.cipher, theirs.cipher);
            if !resumed || version == Version::Tls13 {
                assert_eq!(ours.group.as_deref(), theirs.group.as_deref());
            }
            assert_eq!((ours.resumed, theirs.resumed), (resumed, resumed));
            assert_eq!(theirs.server_name.as_deref(), Some("localhost"));
        }
        pool.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2() {
    let server = Server::start(Scenario {
        alpn: &["h2", "http/1.1"],
        ..Scenario::default()
    });
    let pool = builder(&server).build().unwrap();
    let (info, report) = visit(&pool, &server).await;
    assert_eq!(info.protocol(), Protocol::Http2);
    assert_eq!(report.agreed().alpn.as_deref(), Some("h2"));
    pool.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry() {
    let server = Server::start(Scenario {
        groups: Some("P-384"),
        ..Scenario::default()
    });
    let pool = builder(&server).build().unwrap();
    for resumed in [false, true] {
        let (info, report) = visit(&pool, &server).await;
        assert_eq!(info.tls().unwrap().group.as_deref(), Some("secp384r1"));
        assert_eq!(report.agreed().resumed, resumed);
        assert_eq!(report.agreed().retried, !resumed, "rustls remembers");
    }
    pool.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_certificates() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            client_certificate: true,
            ..Scenario::default()
        });
        let identity = server.authority().issue("client");
        let identity =
            ClientIdentity::from_pem(identity.certificate.as_bytes(), identity.key.as_bytes());
        let pool = builder(&server)
            .identity(identity.unwrap())
            .build()
            .unwrap();
        let (_, report) = visit(&pool, &server).await;
        assert!(report.agreed().client_certificate.is_some());
        pool.shutdown(Duration::from_secs(5)).await;
    }
}

/// A server that could do more does not do it unasked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_an_unshaped_hello_does_not_offer() {
    let server = Server::start(Scenario {
        compression: vec![Compression::Brotli],
        sct: Some(Scenario::sct_list(&[b"a timestamp"])),
        ocsp: Some(b"a response".to_vec()),
        ech: true,
        early_data: true,
        delegated_credential: true,
        trust_anchors: Some(b"\x01\x01".to_vec()),
        ballast: 40_000,
        ..Scenario::default()
    });
    let pool = builder(&server).build().unwrap();
    let (_, report) = visit(&pool, &server).await;
    assert_eq!(report.agreed().compression, None);
    pool.shutdown(Duration::from_secs(5)).await;
}

/// The same server and two browsers' hellos, which offer it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_a_profile_offers() {
    for (profile, compression) in [
        ("chromium-156", Compression::Brotli),
        ("firefox-esr-153", Compression::Zlib),
    ] {
        for groups in [None, Some("P-384")] {
            for client_certificate in [false, true] {
                let server = Server::start(Scenario {
                    groups,
                    client_certificate,
                    alpn: &["h2", "http/1.1"],
                    alps: Some(interop::Alps {
                        new_codepoint: true,
                        settings: b"settings".to_vec(),
                    }),
                    compression: vec![compression],
                    sct: Some(Scenario::sct_list(&[b"a timestamp"])),
                    ocsp: Some(b"a response".to_vec()),
                    ech: true,
                    early_data: true,
                    delegated_credential: true,
                    trust_anchors: Some(b"\x01\x01".to_vec()),
                    ballast: 40_000,
                    ..Scenario::default()
                });
                let mut builder = builder(&server).profile(profile);
                if client_certificate {
                    let certificate = server.authority().issue("client");
                    let identity = ClientIdentity::from_pem(
                        certificate.certificate.as_bytes(),
                        certificate.key.as_bytes(),
                    );
                    builder = builder.identity(identity.unwrap());
                }
                let pool = builder.build().unwrap();
                let (info, report) = visit(&pool, &server).await;
                let (tls, theirs) = (info.tls().unwrap(), report.agreed());
                let is_chromium = profile == "chromium-156";
                assert_eq!(theirs.alps.is_some(), is_chromium);
                assert_eq!(theirs.compression, Some(compression));
                assert_eq!(theirs.client_certificate.is_some(), client_certificate);
                assert_eq!(theirs.retried, groups.is_some());
                // Firefox takes the delegated credential, whose key is on another curve than the certificate's.
                let signature = match is_chromium {
                    true => "ecdsa_secp256r1_sha256",
                    false => "ecdsa_secp384r1_sha384",
                };
                assert_eq!(theirs.signature.as_deref(), Some(signature));
                let settings = is_chromium.then_some(&b"settings"[..]);
                assert_eq!(tls.answers.application_settings.as_deref(), settings);
                assert!(tls.answers.certificate_timestamps.is_some());
                assert!(tls.answers.ech_retry_configs.is_some());
                pool.shutdown(Duration::from_secs(5)).await;
            }
        }
    }
}

fn builder(server: &Server) -> PoolBuilder {
    Pool::builder().trust(Trust::only(server.authority().pem().as_bytes()).unwrap())
}

/// A request and its answer, which is the server's report, and the connection that brought it.
async fn visit(pool: &Pool, server: &Server) -> (ConnectionInfo, Report) {
    let connection = pool.get(server.target()).await.unwrap();
    let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = connection.send(request).await.unwrap();
    let info = response.extensions().get::<ConnectionInfo>().unwrap();
    let info = info.clone();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let report = server.report();
    assert_eq!(body, report.json().to_string());
    (info, report)
}
