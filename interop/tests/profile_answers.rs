//! What a profile's hello offers beyond rustls's own, taken up by BoringSSL.

mod visitor;

use interop::{Compression, Scenario, Server, Version};
use tokio::task::JoinSet;
use visitor::{
    ALPS_NEW, COMPRESS_CERTIFICATE, DELEGATED_CREDENTIAL, ENCRYPTED_CLIENT_HELLO, SESSION_TICKET,
    SIGNED_CERTIFICATE_TIMESTAMP, TRUST_ANCHORS, Visit, Visitor, hello_of, http2, offering,
    profiles,
};

/// With the certificate in TLS 1.3, in the server's hello before; a resumed session brings none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_timestamps_and_ocsp() {
    let list = Scenario::sct_list(&[b"one timestamp", b"another"]);
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            sct: Some(list.clone()),
            ocsp: Some(b"a response".to_vec()),
            ..http2()
        });
        for profile in profiles() {
            let offers = hello_of(&profile)
                .extension(SIGNED_CERTIFICATE_TIMESTAMP)
                .is_some();
            let visitor = Visitor::new(&profile, &server);
            for _ in 0..3 {
                let visit = visitor.visit().await;
                let wanted = (offers && !visit.agreed().resumed).then_some(&*list);
                let got = visit.answers().certificate_timestamps.as_deref();
                assert_eq!(got, wanted, "{} {version:?}", profile.name());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_compressed_and_large() {
    let list = Scenario::sct_list(&[b"a timestamp"]);
    for algorithm in [Compression::Zlib, Compression::Brotli, Compression::Zstd] {
        for ballast in [0, 45_000] {
            let server = Server::start(Scenario {
                compression: vec![algorithm],
                sct: Some(list.clone()),
                ballast,
                ..http2()
            });
            for profile in profiles() {
                let hello = hello_of(&profile);
                let visitor = Visitor::new(&profile, &server);
                for resumed in [false, true] {
                    let visit = visitor.visit().await;
                    let context = format!("{} {algorithm:?} {ballast}", profile.name());
                    let is_offered = compressions(&hello).contains(&(algorithm as u16));
                    let wanted = (is_offered && !resumed).then_some(algorithm);
                    assert_eq!(visit.agreed().compression, wanted, "{context}");
                    assert_eq!(visit.agreed().resumed, resumed, "{context}");
                    let has_list = hello.extension(SIGNED_CERTIFICATE_TIMESTAMP).is_some();
                    let wanted = (has_list && !resumed).then_some(&*list);
                    let got = visit.answers().certificate_timestamps.as_deref();
                    assert_eq!(got, wanted, "{context}");
                }
            }
        }
    }
}

/// Chromium takes brotli, Safari zlib, Firefox all three.
#[test]
fn who_offers_which_compression() {
    for (name, algorithms) in [
        ("chromium-156", &[2][..]),
        ("safari-26", &[1]),
        ("firefox-156", &[1, 2, 3]),
        ("okhttp-5.5", &[]),
    ] {
        assert_eq!(compressions(&hello_of(&visitor::profile(name))), algorithms);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_certificate_uncompressed_in_both_versions() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            ballast: 45_000,
            ..http2()
        });
        for profile in profiles() {
            let visitor = Visitor::new(&profile, &server);
            for _ in 0..2 {
                visitor.visit().await;
            }
        }
    }
}

/// The configurations come with every connection, resumed ones too, and after a retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grease_ech_answered_by_configurations() {
    for groups in [None, Some("P-384")] {
        let server = Server::start(Scenario {
            ech: true,
            groups,
            ..http2()
        });
        for profile in profiles() {
            let offers = hello_of(&profile)
                .extension(ENCRYPTED_CLIENT_HELLO)
                .is_some();
            let visitor = Visitor::new(&profile, &server);
            for resumed in [false, true, true] {
                let visit = visitor.visit().await;
                assert_eq!(visit.agreed().resumed, resumed);
                assert_eq!(visit.agreed().retried, groups.is_some());
                let wanted = offers.then_some(server.ech_configs());
                let got = visit.answers().ech_retry_configs.as_deref();
                assert_eq!(got, wanted, "{}", profile.name());
            }
        }
    }
}

/// A server of TLS 1.2 knows nothing of ECH, GREASE or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grease_ech_in_tls12() {
    let server = Server::start(Scenario {
        version: Version::Tls12,
        ech: true,
        ..http2()
    });
    for profile in offering(ENCRYPTED_CLIENT_HELLO) {
        let visit = Visitor::new(&profile, &server).visit().await;
        assert_eq!(visit.answers().ech_retry_configs, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_anchors_answered() {
    for groups in [None, Some("P-384")] {
        let server = Server::start(Scenario {
            trust_anchors: Some(b"\x03\x01\x02\x03\x01\x09".to_vec()),
            groups,
            ..http2()
        });
        for profile in offering(TRUST_ANCHORS) {
            let visitor = Visitor::new(&profile, &server);
            for resumed in [false, true] {
                let visit = visitor.visit().await;
                assert!(visit.offers(TRUST_ANCHORS));
                assert_eq!(visit.agreed().resumed, resumed);
            }
        }
    }
}

/// Everything that a server may say at once, around a retry, with a client certificate asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once() {
    let list = Scenario::sct_list(&[b"a timestamp"]);
    for groups in [None, Some("P-384")] {
        let server = Server::start(Scenario {
            groups,
            alps: Some(visitor::alps(b"of the server")),
            compression: vec![Compression::Brotli, Compression::Zlib, Compression::Zstd],
            sct: Some(list.clone()),
            ocsp: Some(b"a response".to_vec()),
            ech: true,
            early_data: true,
            client_certificate: true,
            delegated_credential: true,
            trust_anchors: Some(b"\x03\x01\x02\x03".to_vec()),
            ballast: 45_000,
            ..http2()
        });
        for profile in profiles() {
            let visitor = Visitor::identified(&profile, &server);
            for resumed in [false, true, true] {
                let visit = visitor.visit().await;
                let agreed = visit.agreed();
                assert_eq!(agreed.resumed, resumed, "{}", profile.name());
                assert_eq!(agreed.retried, groups.is_some(), "{}", profile.name());
                assert!(agreed.client_certificate.is_some(), "{}", profile.name());
                let offers_compression = !compressions(visit.hello()).is_empty();
                let is_compressed = offers_compression && !resumed;
                assert_eq!(agreed.compression.is_some(), is_compressed);
                if !resumed {
                    let is_delegated = visit.offers(DELEGATED_CREDENTIAL);
                    signed_by(&visit, is_delegated);
                }
                let offers_ech = visit.offers(ENCRYPTED_CLIENT_HELLO);
                let wanted = offers_ech.then_some(server.ech_configs());
                let got = visit.answers().ech_retry_configs.as_deref();
                assert_eq!(got, wanted, "{}", profile.name());
                let offers_list = visit.offers(SIGNED_CERTIFICATE_TIMESTAMP);
                let wanted = (offers_list && !resumed).then_some(&*list);
                let got = visit.answers().certificate_timestamps.as_deref();
                assert_eq!(got, wanted, "{}", profile.name());
            }
        }
    }
}

/// TLS 1.2's client signs every message so far, as the server sent them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_in_tls12() {
    let list = Scenario::sct_list(&[b"a timestamp"]);
    for (rsa, groups) in [(false, None), (true, Some("P-384"))] {
        let server = Server::start(Scenario {
            version: Version::Tls12,
            groups,
            alps: Some(visitor::alps(b"of the server")),
            compression: vec![Compression::Brotli, Compression::Zlib, Compression::Zstd],
            sct: Some(list.clone()),
            ocsp: Some(b"a response".to_vec()),
            ech: true,
            early_data: true,
            client_certificate: true,
            trust_anchors: Some(b"\x03\x01\x02\x03".to_vec()),
            ballast: 45_000,
            rsa,
            ..http2()
        });
        for profile in profiles() {
            let visitor = Visitor::identified(&profile, &server);
            for number in 0..3 {
                let visit = visitor.visit().await;
                let name = profile.name();
                let has_tickets = visit.offers(SESSION_TICKET);
                assert_eq!(visit.agreed().resumed, has_tickets && number > 0, "{name}");
                assert!(visit.agreed().client_certificate.is_some(), "{name}");
                let offers_list = visit.offers(SIGNED_CERTIFICATE_TIMESTAMP);
                let wanted = (offers_list && !visit.agreed().resumed).then_some(&*list);
                let got = visit.answers().certificate_timestamps.as_deref();
                assert_eq!(got, wanted, "{name}");
            }
        }
    }
}

/// Handshakes that run at the same time on the same threads have nothing to do with each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_profiles_at_the_same_time() {
    let mut visits = JoinSet::new();
    for (number, profile) in profiles().into_iter().cycle().take(36).enumerate() {
        visits.spawn(async move {
            let settings = number.to_string().into_bytes();
            let list = Scenario::sct_list(&[&settings]);
            let server = Server::start(Scenario {
                groups: [None, Some("P-384")][number % 2],
                alps: Some(visitor::alps(&settings)),
                compression: vec![Compression::Brotli, Compression::Zlib],
                sct: Some(list.clone()),
                ech: true,
                early_data: true,
                client_certificate: true,
                delegated_credential: true,
                ..http2()
            });
            let visitor = Visitor::identified(&profile, &server);
            for resumed in [false, true, true] {
                let visit = visitor.visit().await;
                assert_eq!(visit.agreed().resumed, resumed, "{}", profile.name());
                let answers = visit.answers();
                let wanted = visit.offers(ALPS_NEW).then_some(&*settings);
                assert_eq!(answers.application_settings.as_deref(), wanted);
                let offers_list = visit.offers(SIGNED_CERTIFICATE_TIMESTAMP);
                let wanted = (offers_list && !resumed).then_some(&*list);
                assert_eq!(answers.certificate_timestamps.as_deref(), wanted);
                let offers_ech = visit.offers(ENCRYPTED_CLIENT_HELLO);
                let wanted = offers_ech.then_some(server.ech_configs());
                assert_eq!(answers.ech_retry_configs.as_deref(), wanted);
            }
        });
    }
    while let Some(visited) = visits.join_next().await {
        visited.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delegated_credential() {
    for compression in [vec![], vec![Compression::Zstd]] {
        let server = Server::start(Scenario {
            delegated_credential: true,
            compression,
            ..http2()
        });
        for profile in profiles() {
            let offers = hello_of(&profile).extension(DELEGATED_CREDENTIAL).is_some();
            let visitor = Visitor::new(&profile, &server);
            for resumed in [false, true] {
                let visit = visitor.visit().await;
                assert_eq!(visit.agreed().resumed, resumed);
                if !resumed {
                    signed_by(&visit, offers);
                }
            }
        }
    }
}

#[track_caller]
fn signed_by(visit: &Visit, is_delegated: bool) {
    let scheme = match is_delegated {
        true => "ecdsa_secp384r1_sha384",
        false => "ecdsa_secp256r1_sha256",
    };
    let signature = visit.agreed().signature.as_deref();
    assert_eq!(signature, Some(scheme), "{}", visit.info.profile());
}

/// The numbers that compress_certificate lists.
fn compressions(hello: &hotpool::profile::ClientHello) -> Vec<u16> {
    let extension = hello.extension(COMPRESS_CERTIFICATE);
    let body = extension.map_or(&[0][..], |extension| extension.body());
    let pairs = body[1..].chunks_exact(2);
    pairs
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}
