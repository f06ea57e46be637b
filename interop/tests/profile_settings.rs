//! Application settings (ALPS): Chromium's profiles and BoringSSL's server.

mod visitor;

use hotpool::Protocols;
use hotpool::profile::Profile;
use interop::{Alps, Scenario, Server, Version};
use visitor::{
    ALPS_NEW, ALPS_OLD, PRE_SHARED_KEY, Visit, Visitor, alps, http2, offering, profile, profiles,
};

const SETTINGS: &[u8] = b"of the server";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taken_up_full_and_resumed() {
    for groups in [None, Some("P-256"), Some("P-384")] {
        let server = server(groups, false);
        for profile in offering(ALPS_NEW) {
            let visitor = Visitor::new(&profile, &server);
            for resumed in [false, true, true, true] {
                let visit = visitor.visit().await;
                assert_eq!(visit.agreed().resumed, resumed, "{}", profile.name());
                assert_eq!(visit.agreed().retried, groups.is_some());
                assert!(visit.offers(ALPS_NEW) && !visit.offers(ALPS_OLD));
                taken_up(&visit, SETTINGS);
            }
        }
    }
}

/// The client's settings come before its certificate (draft-vvv-tls-alps section 4).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taken_up_with_a_client_certificate() {
    for groups in [None, Some("P-384")] {
        let server = server(groups, true);
        for profile in offering(ALPS_NEW) {
            let visitor = Visitor::identified(&profile, &server);
            for resumed in [false, true, true] {
                let visit = visitor.visit().await;
                assert_eq!(visit.agreed().resumed, resumed, "{}", profile.name());
                assert!(visit.agreed().client_certificate.is_some());
                taken_up(&visit, SETTINGS);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_and_large_settings() {
    for settings in [vec![], vec![7; 20_000]] {
        let server = Server::start(Scenario {
            alps: Some(alps(&settings)),
            tickets: false,
            ..http2()
        });
        let visitor = Visitor::new(&profile("chromium-156"), &server);
        for _ in 0..2 {
            taken_up(&visitor.visit().await, &settings);
        }
    }
}

/// BoringSSL keeps its settings in its tickets, which may then be too long for any hello: the session is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_too_long_for_the_hello() {
    let settings = vec![7; 20_000];
    let server = Server::start(Scenario {
        alps: Some(alps(&settings)),
        ..http2()
    });
    let visitor = Visitor::new(&profile("chromium-156"), &server);
    for _ in 0..3 {
        let visit = visitor.visit().await;
        assert!(!visit.agreed().resumed && !visit.offers(PRE_SHARED_KEY));
        taken_up(&visit, &settings);
    }
}

/// Who does not offer them gets none, nor does anyone in TLS 1.2, nor for a protocol without settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_taken_up() {
    let server = server(None, false);
    let (chromiums, mut others) = (offering(ALPS_NEW), profiles());
    others.retain(|profile| !chromiums.contains(profile));
    for profile in &others {
        let visit = Visitor::new(profile, &server).visit().await;
        not_there(&visit);
    }
    let older = Server::start(Scenario {
        version: Version::Tls12,
        alps: Some(alps(SETTINGS)),
        ..http2()
    });
    let http1 = Server::start(Scenario {
        alpn: &["http/1.1"],
        alps: Some(alps(SETTINGS)),
        ..Scenario::default()
    });
    let older_codepoint = Server::start(Scenario {
        alps: Some(Alps {
            new_codepoint: false,
            ..alps(SETTINGS)
        }),
        ..http2()
    });
    for profile in &chromiums {
        for server in [&older, &http1, &older_codepoint] {
            let visit = Visitor::new(profile, server).visit().await;
            assert!(visit.offers(ALPS_NEW));
            not_there(&visit);
        }
        let visitor = Visitor::new(profile, &http1).protocols(Protocols::Http1);
        for _ in 0..2 {
            let visit = visitor.visit().await;
            assert!(!visit.offers(ALPS_NEW), "there are settings for h2 alone");
            not_there(&visit);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_codepoint_by_a_file() {
    let profile = older_chromium();
    let server = Server::start(Scenario {
        alps: Some(Alps {
            new_codepoint: false,
            ..alps(SETTINGS)
        }),
        ..http2()
    });
    let visitor = Visitor::new(&profile, &server);
    for resumed in [false, true, true] {
        let visit = visitor.visit().await;
        assert!(visit.offers(ALPS_OLD) && !visit.offers(ALPS_NEW));
        assert_eq!(visit.agreed().resumed, resumed);
        taken_up(&visit, SETTINGS);
    }
}

fn server(groups: Option<&'static str>, client_certificate: bool) -> Server {
    Server::start(Scenario {
        groups,
        client_certificate,
        alps: Some(alps(SETTINGS)),
        ..http2()
    })
}

/// Chromium's with what it offered up to version 132.
fn older_chromium() -> Profile {
    let json = profile("chromium-156").to_json();
    let mut document: serde_json::Value = serde_json::from_str(&json).unwrap();
    document["name"] = "older chromium".into();
    let extensions = &mut document["client_hello"]["extensions"];
    for extension in extensions.as_array_mut().unwrap() {
        if extension == "application_settings" {
            *extension = "application_settings_old".into();
        }
    }
    Profile::from_json("a file", &document.to_string()).unwrap()
}

#[track_caller]
fn taken_up(visit: &Visit, settings: &[u8]) {
    let ours = visit.answers().application_settings.as_deref();
    assert_eq!(ours, Some(settings));
    assert_eq!(visit.agreed().alps.as_deref(), Some(&[][..]));
}

#[track_caller]
fn not_there(visit: &Visit) {
    assert_eq!(visit.answers().application_settings, None);
    assert_eq!(visit.agreed().alps, None);
}
