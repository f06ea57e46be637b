//! What differs from connection to connection of one profile, and what must not.

mod visitor;

use std::collections::HashSet;

use hotpool::profile::{ClientHello, Profile, is_grease};
use interop::Server;
use visitor::{
    ENCRYPTED_CLIENT_HELLO, KEY_SHARE, Visitor, hello_of, http2, offering, profile, profiles,
};

const CONNECTIONS: usize = 10;

/// The chance that ten shuffles of 17 extensions are two orders is nil; that ten GREASE values of 16 are one, 16^-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_permutes_and_draws() {
    let server = Server::start(http2());
    for name in ["chromium-156", "chrome-156", "chrome-151", "edge-153"] {
        let hellos = ten(&profile(name), &server).await;
        let orders = distinct(&hellos, order);
        assert_eq!(orders, CONNECTIONS, "{name}");
        for hello in &hellos {
            let ids: Vec<_> = hello.extensions().iter().map(|it| it.id()).collect();
            let is_resumed = ids.last() == Some(&visitor::PRE_SHARED_KEY);
            let last = ids.len() - 1 - usize::from(is_resumed);
            assert!(is_grease(ids[0]) && is_grease(ids[last]) && ids[0] != ids[last]);
            let (group, share) = (hello.supported_groups()[0], hello.key_share_groups()[0]);
            assert!(is_grease(group) && group == share, "{name}");
        }
        assert!(
            distinct(&hellos, |hello| hello.cipher_suites()[0]) > 1,
            "{name}"
        );
        assert!(distinct(&hellos, |hello| hello.supported_groups()[0]) > 1);
        assert!(distinct(&hellos, |hello| hello.supported_versions()[0]) > 1);
        assert!(distinct(&hellos, |hello| hello.extensions()[0].id()) > 1);
        let equal = |hello: &ClientHello| hello.cipher_suites()[0] == hello.supported_groups()[0];
        assert!(!hellos.iter().all(equal), "{name}: drawn apart");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grease_ech_is_drawn_anew() {
    let server = Server::start(http2());
    for profile in offering(ENCRYPTED_CLIENT_HELLO) {
        let name = profile.name();
        let hellos = ten(&profile, &server).await;
        let bodies = |hello: &ClientHello| hello.extension(ENCRYPTED_CLIENT_HELLO).cloned();
        assert_eq!(distinct(&hellos, bodies), CONNECTIONS, "{name}");
        let lengths: HashSet<_> = hellos[1..]
            .iter()
            .map(|hello| bodies(hello).unwrap().body().len())
            .collect();
        // Firefox's grows with the hello, and these are all of a length.
        let is_drawn = !name.starts_with("firefox");
        assert!(lengths.len() > 1 || !is_drawn, "{name}: {lengths:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_permutes_nothing_sends_one_order() {
    let server = Server::start(http2());
    for name in [
        "firefox-esr-153",
        "firefox-156",
        "okhttp-5.5",
        "curl-7.88",
        "safari-26",
    ] {
        let hellos = ten(&profile(name), &server).await;
        assert_eq!(distinct(&hellos[1..], order), 1, "{name}");
    }
}

/// The hybrid share ends in an X25519 key: Firefox's separate share has the same, nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_the_shares() {
    let server = Server::start(http2());
    let mut keys = HashSet::new();
    for profile in profiles() {
        for hello in ten(&profile, &server).await {
            let shares = shares(&hello);
            let find = |wanted| shares.iter().find(|(group, _)| *group == wanted);
            if let (Some((_, hybrid)), Some((_, separate))) = (find(0x11ec), find(0x001d)) {
                let is_shared = hybrid.ends_with(separate);
                let name = profile.name();
                assert_eq!(is_shared, name.starts_with("firefox"), "{name}");
            }
            let mut fresh = shares.into_iter().filter(|(group, _)| !is_grease(*group));
            assert!(
                fresh.all(|(_, key)| keys.insert(key)),
                "a key was used twice"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_and_session_id_are_drawn_anew() {
    let server = Server::start(http2());
    for profile in profiles() {
        let hellos = ten(&profile, &server).await;
        assert_eq!(distinct(&hellos, |hello| *hello.random()), CONNECTIONS);
        let ids = distinct(&hellos, |hello| hello.session_id().to_vec());
        assert_eq!(ids, CONNECTIONS, "{}", profile.name());
    }
}

/// What all the tests here rest on: one client's hello is not another's.
#[test]
fn profiles_differ() {
    for (one, other) in [
        ("chromium-156", "firefox-esr-153"),
        ("chromium-156", "chrome-151"),
        ("firefox-156", "firefox-155"),
        ("firefox-155", "firefox-esr-153"),
        ("safari-26", "curl-7.88"),
    ] {
        for (one, other) in [(one, other), (other, one)] {
            let hello = hello_of(&profile(one));
            assert_eq!(profile(one).differences(&hello, None), [], "{one}");
            assert_ne!(
                profile(other).differences(&hello, None),
                [],
                "{one} {other}"
            );
        }
    }
}

/// The first hellos of ten connections, the first of which resumes nothing.
async fn ten(profile: &Profile, server: &Server) -> Vec<ClientHello> {
    let visitor = Visitor::new(profile, server);
    let mut hellos = Vec::new();
    for number in 0..CONNECTIONS {
        let mut visit = visitor.visit().await;
        assert_eq!(visit.agreed().resumed, number > 0);
        hellos.push(visit.hellos.swap_remove(0));
    }
    hellos
}

fn distinct<T: std::hash::Hash + Eq>(
    hellos: &[ClientHello],
    of: impl Fn(&ClientHello) -> T,
) -> usize {
    hellos.iter().map(of).collect::<HashSet<_>>().len()
}

/// The extensions' numbers, those of GREASE left out.
fn order(hello: &ClientHello) -> Vec<u16> {
    let ids = hello.extensions().iter().map(|extension| extension.id());
    ids.filter(|id| !is_grease(*id)).collect()
}

/// Groups and keys.
fn shares(hello: &ClientHello) -> Vec<(u16, Vec<u8>)> {
    let mut rest = &hello.extension(KEY_SHARE).unwrap().body()[2..];
    let mut shares = Vec::new();
    while let [a, b, c, d, after @ ..] = rest {
        let (key, after) = after.split_at(usize::from(u16::from_be_bytes([*c, *d])));
        shares.push((u16::from_be_bytes([*a, *b]), key.to_vec()));
        rest = after;
    }
    shares
}
