//! Tickets, PSK resumption and early data: BoringSSL's server against its own client.

mod common;

use common::{Client, extensions, get, offer};
use interop::{Scenario, Server, Version, native};

const PRE_SHARED_KEY: u16 = 41;

#[test]
fn tickets_of_both_versions() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            ..Scenario::default()
        });
        let client = Client::new(&server);
        assert!(!client.visit(&server).agreed().resumed);
        for _ in 0..2 {
            let report = client.resume(&server, &client.session());
            assert!(report.agreed().resumed, "{version:?}");
            assert!(!report.agreed().early_data);
            let offered = extensions(&report.hellos[0]).contains(&PRE_SHARED_KEY);
            assert_eq!(offered, version == Version::Tls13);
            if version == Version::Tls12 {
                // A TLS 1.2 server gives no new ticket while the old one is young.
                break;
            }
        }
    }
}

#[test]
fn no_tickets() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(Scenario {
            version,
            tickets: false,
            ..Scenario::default()
        });
        let client = Client::new(&server);
        client.visit(&server);
        assert!(client.sessions().is_empty(), "{version:?}");
    }
}

/// A HelloRetryRequest in the middle: the second hello's binder covers both.
#[test]
fn resumption_with_a_retry() {
    let server = Server::start(Scenario {
        groups: Some("P-384"),
        ..Scenario::default()
    });
    let client = Client::new(&server);
    client.visit(&server);
    let report = client.resume(&server, &client.session());
    let agreed = report.agreed();
    assert!(agreed.resumed && agreed.retried);
    let [first, second] = &report.hellos[..] else {
        panic!("{} hellos", report.hellos.len())
    };
    for hello in [first, second] {
        assert_eq!(extensions(hello).last(), Some(&PRE_SHARED_KEY));
    }
}

#[test]
fn early_data() {
    let server = Server::start(Scenario {
        early_data: true,
        ..Scenario::default()
    });
    let client = Client::with(&server, |context| native::enable_early_data(context));
    assert!(!client.visit(&server).agreed().early_data);
    let session = client.session();
    let mut stream = client
        .connect_with(&server, |ssl| offer(ssl, &session))
        .unwrap();
    assert!(native::in_early_data(stream.ssl()));
    let answer = get(&mut stream);
    let report = server.report();
    assert_eq!(answer, report.json().to_string());
    assert!(native::early_data_accepted(stream.ssl()));
    assert!(report.agreed().early_data && report.agreed().resumed);
}

/// As Firefox does when it has nothing to send: it offers and sends none.
#[test]
fn early_data_accepted_and_none_sent() {
    let server = Server::start(Scenario {
        early_data: true,
        ..Scenario::default()
    });
    let client = Client::with(&server, |context| native::enable_early_data(context));
    client.visit(&server);
    let session = client.session();
    let mut stream = client
        .connect_with(&server, |ssl| offer(ssl, &session))
        .unwrap();
    stream.do_handshake().unwrap();
    assert!(!native::in_early_data(stream.ssl()));
    let report = server.report();
    assert!(report.agreed().early_data);
    assert_eq!(get(&mut stream), report.json().to_string());
}
