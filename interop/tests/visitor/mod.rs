//! A pool with a profile visits BoringSSL's server: what arrived must be what the profile's client sends.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::time::Duration;

use bytes::Bytes;
use hotpool::dial::TlsAnswers;
use hotpool::profile::{ClientHello, Profile, SampleOptions, catalogue};
use hotpool::{ClientIdentity, ConnectionInfo, Error, Pool, Protocols, TlsClient, Trust};
use http::Request;
use http_body_util::{BodyExt, Empty};
use interop::{Agreed, Alps, Report, Scenario, Server};

pub const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
pub const COMPRESS_CERTIFICATE: u16 = 27;
pub const DELEGATED_CREDENTIAL: u16 = 34;
pub const SESSION_TICKET: u16 = 35;
pub const PRE_SHARED_KEY: u16 = 41;
pub const EARLY_DATA: u16 = 42;
pub const KEY_SHARE: u16 = 51;
pub const ALPS_OLD: u16 = 0x4469;
pub const ALPS_NEW: u16 = 0x44cd;
pub const TRUST_ANCHORS: u16 = 0xca34;
pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// A group by BoringSSL's name, by the pool's, and its number.
pub const GROUPS: [(&str, &str, u16); 5] = [
    ("X25519MLKEM768", "X25519MLKEM768", 0x11ec),
    ("X25519", "X25519", 0x001d),
    ("P-256", "secp256r1", 0x0017),
    ("P-384", "secp384r1", 0x0018),
    ("P-521", "secp521r1", 0x0019),
];

/// Profile, and its fingerprints without a session, with one, and with early data.
const JA4: [(&str, [&str; 3]); 2] = [
    (
        "chromium-156",
        [
            "t13d1517h2_8daaf6152771_cb7bf5808d99",
            "t13d1518h2_8daaf6152771_e2d80978ab2e",
            "",
        ],
    ),
    (
        "firefox-esr-153",
        [
            "t13d1617h2_86a278354501_3cbfd9057e0d",
            "t13d1617h2_86a278354501_e6dcd7ae0a9e",
            "t13d1618h2_86a278354501_e7cacf613b58",
        ],
    ),
];

/// Each visit is another pool and another connection, with the sessions of those before.
pub struct Visitor<'a> {
    pub profile: Profile,
    server: &'a Server,
    tls: TlsClient,
    protocols: Protocols,
}

/// One connection, as each side tells of it.
pub struct Visit {
    pub info: ConnectionInfo,
    pub report: Report,
    pub hellos: Vec<ClientHello>,
}

impl<'a> Visitor<'a> {
    pub fn new(profile: &Profile, server: &'a Server) -> Self {
        Self::with(profile, server, None)
    }

    /// With a client certificate of the server's authority.
    pub fn identified(profile: &Profile, server: &'a Server) -> Self {
        let identity = server.authority().issue("client");
        let (certificate, key) = (identity.certificate, identity.key);
        let identity = ClientIdentity::from_pem(certificate.as_bytes(), key.as_bytes());
        Self::with(profile, server, Some(identity.unwrap()))
    }

    pub fn protocols(self, protocols: Protocols) -> Self {
        Self { protocols, ..self }
    }

    pub async fn visit(&self) -> Visit {
        let name = self.profile.name();
        let pool = self.pool();
        let connection = pool
            .get(self.server.target())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}, {:?}", self.server.report()));
        let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
        let response = connection.send(request).await.unwrap();
        let info = response.extensions().get::<ConnectionInfo>().unwrap();
        let info = info.clone();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        drop(connection);
        pool.shutdown(Duration::from_secs(5)).await;
        assert_eq!(pool.registry().count(), 0);
        let report = self.report();
        assert_eq!(body, report.json().to_string(), "{name}");
        let visit = Visit {
            hellos: hellos(&report),
            info,
            report,
        };
        self.check(&visit);
        visit
    }

    /// A visit that must fail, leaving nothing behind.
    pub async fn fail(&self) -> (Error, Report) {
        let pool = self.pool();
        let error = pool.get(self.server.target()).await.unwrap_err();
        let stats = pool.stats();
        let left = (
            stats.dialing,
            stats.waiting,
            stats.in_use,
            stats.connections,
        );
        assert_eq!(left, (0, 0, 0, 0), "{stats:?}");
        pool.shutdown(Duration::from_secs(5)).await;
        assert_eq!((pool.stats().tasks, pool.registry().count()), (0, 0));
        assert_eq!(error.host(), Some("localhost"), "{error:?}");
        assert!(!error.was_sent() && !error.is_retryable(), "{error:?}");
        let report = self.report();
        self.check_hellos(&hellos(&report));
        (error, report)
    }

    fn with(profile: &Profile, server: &'a Server, identity: Option<ClientIdentity>) -> Self {
        let trust = Trust::only(server.authority().pem().as_bytes()).unwrap();
        Self {
            profile: profile.clone(),
            server,
            tls: TlsClient::new(trust, identity).unwrap(),
            protocols: Protocols::Any,
        }
    }

    fn pool(&self) -> Pool {
        Pool::builder()
            .tls(self.tls.clone())
            .profile(self.profile.clone())
            .protocols(self.protocols)
            .build()
            .unwrap()
    }

    /// Of the next connection on which anything was said.
    fn report(&self) -> Report {
        loop {
            let report = self.server.report();
            if !report.hellos.is_empty() {
                return report;
            }
        }
    }

    /// Both sides agree, and the hellos are the profile's.
    fn check(&self, visit: &Visit) {
        let name = self.profile.name();
        self.check_hellos(&visit.hellos);
        let (ours, theirs) = (visit.info.tls().unwrap(), visit.agreed());
        let fingerprint = ours.fingerprint.as_ref().unwrap();
        assert_eq!(*fingerprint.ja4, *visit.hello().ja4(), "{name}");
        assert_eq!(ours.version, theirs.version, "{name}");
        assert_eq!(ours.cipher, theirs.cipher, "{name}");
        assert_eq!(ours.alpn.as_deref(), theirs.alpn.as_deref(), "{name}");
        assert_eq!(ours.resumed, theirs.resumed, "{name}");
        assert_eq!(theirs.server_name.as_deref(), Some("localhost"), "{name}");
        assert_eq!(visit.hellos.len() == 2, theirs.retried, "{name}");
        // BoringSSL knows the group of a resumed TLS 1.2 session, rustls does not.
        if ours.version == "TLSv1.3" || !ours.resumed {
            let group = GROUPS
                .iter()
                .find(|(theirs_name, ..)| Some(*theirs_name) == theirs.group.as_deref());
            assert_eq!(
                ours.group.as_deref(),
                group.map(|(_, ours, _)| *ours),
                "{name}"
            );
        }
        assert!(!theirs.ech_accepted, "{name}");
        assert_eq!(visit.info.profile(), &**name);
    }

    fn check_hellos(&self, hellos: &[ClientHello]) {
        let name = self.profile.name();
        let [hello, rest @ ..] = hellos else {
            panic!("{name}: no hello")
        };
        assert_eq!(self.profile.differences(hello, rest.first()), [], "{name}");
        let is_fresh = hello.extension(PRE_SHARED_KEY).is_none();
        let known = JA4.iter().find(|(known, _)| *known == &**name);
        if let (Some((_, fingerprints)), true) = (known, self.protocols == Protocols::Any) {
            let [fresh, resumed, early] = fingerprints;
            let is_early = hello.extension(EARLY_DATA).is_some();
            let wanted = match (is_fresh, is_early) {
                (true, _) => fresh,
                (false, false) => resumed,
                (false, true) => early,
            };
            assert_eq!(hello.ja4(), *wanted, "{name}");
        }
    }
}

impl Visit {
    pub fn hello(&self) -> &ClientHello {
        &self.hellos[0]
    }

    pub fn agreed(&self) -> &Agreed {
        self.report.agreed()
    }

    pub fn answers(&self) -> &TlsAnswers {
        &self.info.tls().unwrap().answers
    }

    pub fn offers(&self, extension: u16) -> bool {
        self.hello().extension(extension).is_some()
    }
}

/// Every profile that shapes anything.
pub fn profiles() -> Vec<Profile> {
    let mut all = catalogue().unwrap();
    all.retain(|profile| &**profile.name() != "rustls");
    assert!(all.len() >= 12, "{}", all.len());
    all
}

/// Those of them whose fresh hello has the extension.
pub fn offering(extension: u16) -> Vec<Profile> {
    let mut offering = profiles();
    offering.retain(|profile| hello_of(profile).extension(extension).is_some());
    assert!(!offering.is_empty());
    offering
}

/// A fresh hello, to see what the profile offers.
pub fn hello_of(profile: &Profile) -> ClientHello {
    let sampled = profile.sample(&SampleOptions::default(), &mut rand::rng());
    ClientHello::from_records(&sampled.unwrap().first).unwrap()
}

pub fn profile(name: &str) -> Profile {
    Profile::named(name).unwrap()
}

/// A server that speaks HTTP/2, as a browser's mostly do.
pub fn http2() -> Scenario {
    Scenario {
        alpn: &["h2", "http/1.1"],
        ..Scenario::default()
    }
}

/// By the codepoint of today's browsers.
pub fn alps(settings: &[u8]) -> Alps {
    Alps {
        new_codepoint: true,
        settings: settings.to_vec(),
    }
}

fn hellos(report: &Report) -> Vec<ClientHello> {
    let read = |hello: &Vec<u8>| ClientHello::from_records(hello).unwrap();
    report.hellos.iter().map(read).collect()
}
