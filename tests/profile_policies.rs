//! Pools with several profiles: who gets which, and that a connection's hello, opening and requests are always of one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::HashMap;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::quiet;
use common::http1;
use common::peer::Peer;
use common::request::trusting;
use hotpool::client::RequestOptions;
use hotpool::pool::{PoolBuilder, Reconfiguration};
use hotpool::profile::{Profile, ProfilePolicy, ProfileSet};
use hotpool::resolve::{Overrides, Resolver};
use hotpool::{Connection, ConnectionInfo, Pool, Protocols, Target};
use http::header::USER_AGENT;
use http_body_util::{BodyExt, Empty};

/// Their hellos differ in the cipher suites, which JA4 tells whether a session is resumed or not.
const NAMES: [&str; 3] = ["chrome", "firefox-esr-153", "safari"];

/// Dials of a test that counts them.
const DIALS: usize = 80;

/// Hosts and sources of a test that looks who is who.
const SUBJECTS: usize = 12;

/// What a server sees of a client.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    /// JA4's part that resuming a session does not change: the cipher suites.
    ciphers: String,
    akamai: Option<String>,
    user_agent: String,
}

/// Answers with the user agent, over HTTP/2.
async fn server(authority: &Authority) -> Peer {
    let hosts: Vec<String> = (0..SUBJECTS).map(host).collect();
    let mut names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    names.push("localhost");
    let config = authority.issue(&names).server_config(&["h2"]);
    Peer::tls(config, |_, stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let agent = request.headers()[USER_AGENT].as_bytes().to_vec();
            let mut body = respond
                .send_response(http::Response::new(()), false)
                .unwrap();
            body.send_data(Bytes::from(agent), true).unwrap();
        }
    })
    .await
}

fn host(number: usize) -> String {
    format!("host-{number}.test")
}

fn builder(authority: &Authority) -> PoolBuilder {
    let mut overrides = Overrides::new();
    for number in 0..SUBJECTS {
        let address = [127, 0, 0, 1].into();
        overrides.insert(&host(number), None, [address]).unwrap();
    }
    trusting(authority)
        .profile_seed(7)
        .resolver(Resolver::builder().overrides(overrides).build())
}

fn all() -> ProfileSet {
    ProfileSet::new(NAMES).unwrap()
}

/// Asks on this connection and looks at what came of it.
async fn look(connection: &Connection) -> (String, Seen) {
    let request = http::Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = connection.send(request).await.unwrap();
    let info = response.extensions().get::<ConnectionInfo>().unwrap();
    let profile = info.profile().to_owned();
    let fingerprint = info.fingerprint();
    let ja4 = &fingerprint.tls.unwrap().ja4;
    let ciphers = ja4.split('_').nth(1).unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let seen = Seen {
        ciphers,
        akamai: fingerprint.akamai,
        user_agent: String::from_utf8(body.to_vec()).unwrap(),
    };
    (profile, seen)
}

/// What each profile looks like, by its name; no two look the same in any of it.
async fn known(authority: &Authority, target: &str) -> HashMap<String, Seen> {
    let mut known = HashMap::new();
    for name in NAMES {
        let pool = builder(authority).profile(name).build().unwrap();
        let connection = pool.get(target).await.unwrap();
        let (profile, seen) = look(&connection).await;
        assert_eq!(profile, **Profile::named(name).unwrap().name());
        known.insert(profile, seen);
    }
    let seen: Vec<&Seen> = known.values().collect();
    for (place, one) in seen.iter().enumerate() {
        for other in seen.iter().skip(place + 1) {
            assert!(one.ciphers != other.ciphers, "{one:?}, {other:?}");
            assert!(one.user_agent != other.user_agent, "{one:?}, {other:?}");
        }
    }
    known
}

/// One dial after the other, each checked to be one profile through and through; returns how often each was drawn.
async fn drawn(pool: &Pool, target: &str, known: &HashMap<String, Seen>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for _ in 0..DIALS {
        let connection = pool.get(target).await.unwrap();
        assert!(!connection.is_reused());
        // The second request on it is no other client's either.
        for _ in 0..2 {
            let (profile, seen) = look(&connection).await;
            assert_eq!(profile, connection.profile());
            assert_eq!(seen, known[&profile]);
        }
        *counts.entry(connection.profile().to_owned()).or_insert(0) += 1;
        drop(connection);
        assert_eq!(pool.flush(), 1);
    }
    counts
}

#[tokio::test]
async fn each_connection_draws_and_keeps_to_what_it_drew() {
    let authority = Authority::new();
    let peer = server(&authority).await;
    let target = peer.target();
    let known = known(&authority, &target).await;
    let weighted = ProfileSet::weighted(NAMES.into_iter().zip([6, 3, 1])).unwrap();
    for (policy, weights) in [
        (ProfilePolicy::Random(all()), [1, 1, 1]),
        (ProfilePolicy::Weighted(weighted), [6, 3, 1]),
    ] {
        let pool = builder(&authority).profiles(policy).build().unwrap();
        let counts = drawn(&pool, &target, &known).await;
        assert_eq!(pool.stats().hosts, 1, "one host, whatever is drawn");
        let total: u32 = weights.iter().sum();
        for (name, weight) in NAMES.into_iter().zip(weights) {
            let profile = Profile::named(name).unwrap();
            let part = f64::from(weight) / f64::from(total);
            let wanted = DIALS as f64 * part;
            // The seed is fixed, so this holds always or never: three standard deviations of a binomial distribution.
            let slack = 3.0 * (wanted * (1.0 - part)).sqrt();
            let count = counts.get(&**profile.name()).copied().unwrap_or_default() as f64;
            assert!((count - wanted).abs() <= slack, "{counts:?}");
        }
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn connections_side_by_side_and_requests_sent_again_wear_their_own() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    let peer = Peer::tls(config, |number, mut stream| async move {
        let mut first = true;
        while let Some(head) = http1::request(&mut stream).await {
            // Every third connection ends under its second request.
            if number % 3 == 2 && !first {
                return;
            }
            first = false;
            let agent = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("user-agent").then_some(value)
            });
            let agent = agent.unwrap();
            let length = agent.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{agent}");
            http1::answer(&mut stream, &answer).await;
        }
    })
    .await;
    let target = peer.target();
    let known = known(&authority, &target).await;
    let random = builder(&authority).profiles(ProfilePolicy::Random(all()));
    let pool = random.protocols(Protocols::Http1).build().unwrap();
    let mut held = Vec::new();
    for _ in 0..9 {
        held.push(pool.get(&target).await.unwrap());
    }
    let mut worn = HashMap::new();
    for connection in &held {
        let (profile, seen) = look(connection).await;
        assert_eq!(profile, connection.profile());
        assert_eq!(seen.user_agent, known[&profile].user_agent);
        *worn.entry(profile).or_insert(0) += 1;
    }
    assert!(worn.len() > 1, "{worn:?}");
    let snapshot = pool.snapshot();
    let mut shown: Vec<_> = snapshot.hosts[0]
        .connections
        .iter()
        .map(|one| &one.profile)
        .collect();
    let mut wanted: Vec<_> = held.iter().map(|one| one.profile()).collect();
    shown.sort();
    wanted.sort_unstable();
    assert_eq!(shown, wanted);

    let mut moved = 0;
    for connection in &held {
        let request = http::Request::get("/")
            .extension(RequestOptions::new().replayable())
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = connection.send(request).await.unwrap();
        let info = response.extensions().get::<ConnectionInfo>().unwrap();
        let profile = info.profile().to_owned();
        moved += usize::from(profile != connection.profile());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, known[&profile].user_agent);
    }
    assert!(moved > 0, "no request changed over to another profile");
    drop(held);
    quiet(&pool).await;
}

/// The profiles that these get, in order; each is dialed twice.
async fn chosen(pool: &Pool, targets: impl IntoIterator<Item = Target>) -> Vec<String> {
    let mut chosen = Vec::new();
    for target in targets {
        let first = pool.get(&target).await.unwrap().profile().to_owned();
        pool.flush();
        let second = pool.get(&target).await.unwrap();
        assert!(!second.is_reused());
        assert_eq!(second.profile(), first);
        chosen.push(first);
    }
    chosen
}

fn several(chosen: &[String]) -> bool {
    chosen
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one != other))
}

#[tokio::test]
async fn a_host_or_a_source_keeps_its_profile() {
    let authority = Authority::new();
    let peer = server(&authority).await;
    let port = peer.port();
    let at = |host: usize| Target::parse(&format!("host-{host}.test:{port}")).unwrap();
    let hosts = || (0..SUBJECTS).map(at);
    let sources = |host| (0..SUBJECTS).map(move |source| at(host).partition(&source.to_string()));

    let per_host = || builder(&authority).profiles(ProfilePolicy::PerHostSticky(all()));
    let pool = per_host().build().unwrap();
    let of_hosts = chosen(&pool, hosts()).await;
    assert!(several(&of_hosts), "{of_hosts:?}");
    assert_eq!(
        chosen(&per_host().build().unwrap(), hosts()).await,
        of_hosts
    );
    let other_seed = per_host().profile_seed(8).build().unwrap();
    assert_ne!(chosen(&other_seed, hosts()).await, of_hosts);

    let per_source = builder(&authority).profiles(ProfilePolicy::PerSource(all()));
    let per_source = per_source.build().unwrap();
    let of_sources = chosen(&per_source, sources(0)).await;
    assert!(several(&of_sources), "{of_sources:?}");
    assert_eq!(chosen(&per_source, sources(1)).await, of_sources);
    assert!(
        !several(&chosen(&per_source, hosts()).await),
        "nobody's is one source"
    );
}

#[tokio::test]
async fn who_names_a_profile_gets_it_and_the_policy_can_be_changed() {
    let authority = Authority::new();
    let peer = server(&authority).await;
    let target = peer.target();
    let pool = builder(&authority).profiles(ProfilePolicy::Random(all()));
    let pool = pool.build().unwrap();
    let curl = Profile::named("curl-7.88").unwrap();
    let named = Target::parse(&target).unwrap().profile(curl.clone());
    assert_eq!(pool.get(&named).await.unwrap().profile(), "curl-7.88");
    pool.preheat([&target]).await;
    let drawn = pool.get(&target).await.unwrap();
    assert!(drawn.is_reused());
    assert_ne!(drawn.profile(), "curl-7.88");

    let mut events = pool.subscribe();
    let change = Reconfiguration::default().profiles(ProfilePolicy::Fixed(curl));
    pool.reconfigure(change).unwrap();
    assert_eq!(events.try_recv().unwrap().name(), "reconfigured");
    assert_eq!(pool.get(&target).await.unwrap().profile(), "curl-7.88");
    let same = Reconfiguration::default().profiles(ProfilePolicy::Random(all()));
    pool.reconfigure(same).unwrap();
    // The same set and rule is the same host: its connection is still there.
    let again = pool.get(&target).await.unwrap();
    assert_eq!(again.id(), drawn.id());
    drop((drawn, again));
    quiet(&pool).await;
}
