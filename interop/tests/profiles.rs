//! Every shipped profile against BoringSSL: versions, groups, sessions, retries.

mod visitor;

use hotpool::{ErrorKind, Protocols};
use interop::{Scenario, Server, Version};
use visitor::{
    ALPS_NEW, EARLY_DATA, GROUPS, PRE_SHARED_KEY, SESSION_TICKET, Visitor, hello_of, http2,
    profile, profiles,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls13_full_and_resumed() {
    let server = Server::start(http2());
    for profile in profiles() {
        let visitor = Visitor::new(&profile, &server);
        for resumed in [false, true, true, true] {
            let visit = visitor.visit().await;
            assert_eq!(visit.agreed().version, "TLSv1.3");
            assert_eq!(visit.agreed().resumed, resumed, "{}", profile.name());
            assert_eq!(visit.offers(PRE_SHARED_KEY), resumed, "{}", profile.name());
            assert_eq!(visit.agreed().alpn.as_deref(), Some("h2"));
        }
    }
}

/// What has no session_ticket extension has no TLS 1.2 session to resume: the server keeps none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls12_full_and_by_ticket() {
    let server = Server::start(Scenario {
        version: Version::Tls12,
        ..http2()
    });
    for profile in profiles() {
        let has_tickets = hello_of(&profile).extension(SESSION_TICKET).is_some();
        let visitor = Visitor::new(&profile, &server);
        for resumed in [false, true, true, true] {
            let visit = visitor.visit().await;
            assert_eq!(visit.agreed().version, "TLSv1.2");
            let wanted = resumed && has_tickets;
            assert_eq!(visit.agreed().resumed, wanted, "{}", profile.name());
            if has_tickets {
                let ticket = visit.hello().extension(SESSION_TICKET).unwrap().body();
                assert_eq!(!ticket.is_empty(), resumed, "{}", profile.name());
            }
            assert!(!visit.offers(PRE_SHARED_KEY));
        }
    }
}

/// A group with a share among the first is taken at once; any other listed one costs a retry, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_group_of_every_profile_full_and_resumed() {
    for (name, _, number) in GROUPS {
        let server = Server::start(Scenario {
            groups: Some(name),
            ..http2()
        });
        for profile in profiles() {
            let hello = hello_of(&profile);
            if !hello.supported_groups().contains(&number) {
                continue;
            }
            let is_shared = hello.key_share_groups().contains(&number);
            let visitor = Visitor::new(&profile, &server);
            for resumed in [false, true, true] {
                let visit = visitor.visit().await;
                let context = format!("{} {name}", profile.name());
                let agreed = visit.agreed();
                assert_eq!(agreed.group.as_deref(), Some(name), "{context}");
                assert_eq!(agreed.resumed, resumed, "{context}");
                assert_eq!(agreed.retried, !is_shared, "{context}");
                if let [_, second] = &visit.hellos[..] {
                    assert_eq!(second.key_share_groups(), [number], "{context}");
                    let has_key = second.extension(PRE_SHARED_KEY).is_some();
                    assert_eq!(has_key, resumed, "{context}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_curve_in_tls12() {
    for (name, _, number) in GROUPS.into_iter().skip(1) {
        let server = Server::start(Scenario {
            version: Version::Tls12,
            groups: Some(name),
            ..http2()
        });
        for profile in profiles() {
            if hello_of(&profile).supported_groups().contains(&number) {
                let visit = Visitor::new(&profile, &server).visit().await;
                assert_eq!(visit.agreed().group.as_deref(), Some(name));
            }
        }
    }
}

/// Suites of TLS 1.2 that profiles list and the pool can do, with each kind of certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_suite_in_tls12() {
    for (rsa, suites) in [
        (
            false,
            [
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-CHACHA20-POLY1305",
            ],
        ),
        (
            true,
            [
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-RSA-CHACHA20-POLY1305",
            ],
        ),
    ] {
        for suite in suites {
            let server = Server::start(Scenario {
                version: Version::Tls12,
                suites: Some(suite),
                rsa,
                ..http2()
            });
            for profile in profiles() {
                Visitor::new(&profile, &server).visit().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_rsa_certificate_in_tls13() {
    let server = Server::start(Scenario {
        rsa: true,
        ..http2()
    });
    for profile in profiles() {
        let visitor = Visitor::new(&profile, &server);
        for resumed in [false, true] {
            assert_eq!(visitor.visit().await.agreed().resumed, resumed);
        }
    }
}

/// A server without HTTP/2, and a client that offers HTTP/1.1 alone, as for a WebSocket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1() {
    let server = Server::start(Scenario {
        alpn: &["http/1.1"],
        ..Scenario::default()
    });
    for profile in profiles() {
        for protocols in [Protocols::Any, Protocols::Http1] {
            let visitor = Visitor::new(&profile, &server).protocols(protocols);
            for resumed in [false, true, true] {
                let visit = visitor.visit().await;
                assert_eq!(visit.agreed().alpn.as_deref(), Some("http/1.1"));
                assert_eq!(visit.agreed().resumed, resumed, "{}", profile.name());
                let offered: Vec<_> = visit.hello().alpn_protocols().collect();
                let wanted: &[&[u8]] = match protocols {
                    Protocols::Http1 => &[b"http/1.1"],
                    _ => &[b"h2", b"http/1.1"],
                };
                assert_eq!(offered, wanted, "{}", profile.name());
                if protocols == Protocols::Http1 {
                    assert!(!visit.offers(ALPS_NEW), "{}", profile.name());
                }
            }
        }
    }
}

/// Firefox offers it with a ticket that allows it, and has nothing to send; the others never do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_data_that_a_server_accepts() {
    let server = Server::start(Scenario {
        early_data: true,
        ..http2()
    });
    for profile in profiles() {
        let offers = profile.name().starts_with("firefox");
        let visitor = Visitor::new(&profile, &server);
        for resumed in [false, true, true, true] {
            let visit = visitor.visit().await;
            let early = offers && resumed;
            assert_eq!(visit.offers(EARLY_DATA), early, "{}", profile.name());
            assert_eq!(visit.agreed().early_data, early, "{}", profile.name());
            assert_eq!(visit.agreed().resumed, resumed, "{}", profile.name());
        }
    }
}

/// A retry is the end of early data (RFC 8446 section 4.2.10).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_data_and_a_retry() {
    let server = Server::start(Scenario {
        early_data: true,
        groups: Some("P-384"),
        ..http2()
    });
    for name in ["firefox-esr-153", "firefox-155", "firefox-156"] {
        let visitor = Visitor::new(&profile(name), &server);
        for resumed in [false, true, true] {
            let visit = visitor.visit().await;
            assert_eq!(visit.offers(EARLY_DATA), resumed, "{name}");
            assert!(visit.hellos[1].extension(EARLY_DATA).is_none(), "{name}");
            assert!(!visit.agreed().early_data, "{name}");
            assert_eq!(visit.agreed().resumed, resumed, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tickets() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            tickets: false,
            ..http2()
        });
        for profile in profiles() {
            let visitor = Visitor::new(&profile, &server);
            for _ in 0..2 {
                assert!(!visitor.visit().await.agreed().resumed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_certificates_in_both_versions() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            client_certificate: true,
            ..http2()
        });
        for profile in profiles() {
            let visitor = Visitor::identified(&profile, &server);
            for _ in 0..3 {
                let visit = visitor.visit().await;
                assert!(
                    visit.agreed().client_certificate.is_some(),
                    "{}",
                    profile.name()
                );
            }
        }
    }
}

/// Its signature covers both hellos and the retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_certificates_after_a_retry() {
    let server = Server::start(Scenario {
        groups: Some("P-384"),
        client_certificate: true,
        ..http2()
    });
    for profile in profiles() {
        let visit = Visitor::identified(&profile, &server).visit().await;
        assert!(visit.agreed().retried && visit.agreed().client_certificate.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_demands_a_certificate_of_who_has_none() {
    let server = Server::start(Scenario {
        version: Version::Tls12,
        client_certificate: true,
        ..http2()
    });
    for profile in profiles() {
        let (error, report) = Visitor::new(&profile, &server).fail().await;
        assert_eq!(error.kind(), ErrorKind::TlsAlert, "{error}");
        let failure = report.outcome.unwrap_err();
        assert!(failure.contains("CERTIFICATE"), "{failure}");
    }
}
