//! Profiles against OpenSSL, GnuTLS and NSS, with a relay between them that keeps what really arrived.
//!
//! A server that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use bytes::Bytes;
use common::check::{Wanted, idle, quiet};
use common::relay::Relay;
use common::tls_servers::TlsServer;
use common::wait::until;
use hotpool::profile::Profile;
use hotpool::{ConnectionInfo, Error, ErrorKind, Pool, TlsClient};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};

const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const COOKIE: u16 = 44;

/// Alerts (RFC 8446 section 6.2).
const HANDSHAKE_FAILURE: u8 = 40;
const ILLEGAL_PARAMETER: u8 = 47;
const PROTOCOL_VERSION: u8 = 70;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gnutls_over_both_versions_full_and_resumed() {
    for (version, name) in [("TLS1.3", "TLSv1.3"), ("TLS1.2", "TLSv1.2")] {
        let priority = format!("NORMAL:-VERS-ALL:+VERS-{version}");
        let server = TlsServer::gnutls(&["--priority", &priority]).await;
        full_and_resumed(server, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nss_over_both_versions_full_and_resumed() {
    for (version, name) in [("tls1.3", "TLSv1.3"), ("tls1.2", "TLSv1.2")] {
        let range = format!("{version}:{version}");
        let server = TlsServer::nss(&["-u", "-V", &range]).await;
        full_and_resumed(server, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_over_both_versions_full_and_resumed() {
    for (version, name) in [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")] {
        let server = TlsServer::openssl(&[version]).await;
        full_and_resumed(server, name).await;
        let server = TlsServer::openssl_rsa(&[version]).await;
        full_and_resumed(server, name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_with_nsss_cookie() {
    retried(TlsServer::nss(&["-u", "-I", "P384"]).await, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_of_gnutls() {
    let only = "NORMAL:-GROUP-ALL:+GROUP-SECP384R1";
    retried(TlsServer::gnutls(&["--priority", only]).await, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_of_openssl() {
    let flags = ["-tls1_3", "-groups", "P-384"];
    retried(TlsServer::openssl(&flags).await, false).await;
}

/// Firefox offers it to NSS as it does at home.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_data_with_nss() {
    let Some(server) = TlsServer::nss(&["-u", "-Z", "-V", "tls1.3:tls1.3"]).await else {
        return;
    };
    for name in ["firefox-esr-153", "firefox-156", "chromium-156"] {
        let visitor = Visitor::new(name, &server).await;
        for resumed in [false, true, true] {
            visitor.visit(resumed).await;
            let (hello, _) = visitor.relay.hellos();
            let offers = name.starts_with("firefox") && resumed;
            assert_eq!(hello.extension(EARLY_DATA).is_some(), offers, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_no_larger_than_gnutls_wants() {
    // Of AES-GCM: the tag, and before it TLS 1.2's explicit nonce.
    for (version, overhead) in [("TLS1.3", 16), ("TLS1.2", 8 + 16)] {
        for limit in [512_u16, 2000] {
            let priority = format!("NORMAL:-VERS-ALL:+VERS-{version}");
            let size = limit.to_string();
            let flags = ["--priority", &priority, "--recordsize", &size];
            let Some(server) = TlsServer::gnutls(&flags).await else {
                return;
            };
            for name in ["firefox-esr-153", "firefox-156", "chromium-156"] {
                let visitor = Visitor::new(name, &server).await;
                let info = visitor.try_visit("x".repeat(3000)).await.unwrap();
                let told = info.tls().unwrap().answers.record_size_limit;
                // With the byte that is the content's type in TLS 1.3 (RFC 8449 section 4).
                let with_type = limit + u16::from(version == "TLS1.3");
                let longest = visitor.relay.longest_record();
                match name.starts_with("firefox") {
                    true => {
                        assert_eq!(told, Some(with_type), "{name} {version}");
                        assert_eq!(
                            longest,
                            usize::from(with_type) + overhead,
                            "{name} {version}"
                        );
                    }
                    // Without the extension there is no limit.
                    false => assert!(told.is_none() && longest > 3000, "{name} {version}"),
                }
            }
        }
    }
}

/// RSA key exchange and CBC suites are in the browsers' lists and in nobody's hands here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suite_that_is_only_listed() {
    for (flag, suite) in [
        ("AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
        ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    ] {
        let flags = ["-tls1_2", "-cipher", flag];
        let Some(server) = TlsServer::openssl_rsa(&flags).await else {
            return;
        };
        for name in ["chromium-156", "firefox-esr-153", "safari-26", "curl-7.88"] {
            refused(name, &server, &["cipher suite", suite], HANDSHAKE_FAILURE).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_only_listed() {
    let flags = ["-tls1_3", "-groups", "ffdhe2048"];
    let Some(server) = TlsServer::openssl(&flags).await else {
        return;
    };
    for name in ["firefox-esr-153", "firefox-155", "okhttp-5.5", "curl-7.88"] {
        refused(name, &server, &["group", "ffdhe2048"], ILLEGAL_PARAMETER).await;
    }
    // These do not even list it, so that the server says no.
    for name in ["chromium-156", "firefox-156", "safari-26"] {
        let visitor = Visitor::new(name, &server).await;
        let error = visitor.try_visit(String::new()).await.unwrap_err();
        let wanted = Wanted::unsent(ErrorKind::TlsAlert, visitor.relay.address());
        wanted.words(&["HandshakeFailure"]).check(&error);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_only_listed() {
    let flags = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let Some(server) = TlsServer::openssl_rsa(&flags).await else {
        return;
    };
    refused(
        "curl-7.88",
        &server,
        &["version", "TLS 1.1"],
        PROTOCOL_VERSION,
    )
    .await;
}

async fn full_and_resumed(server: Option<TlsServer>, version: &str) {
    let Some(server) = server else { return };
    for name in PROFILES {
        let visitor = Visitor::new(name, &server).await;
        for resumed in [false, true, true, true] {
            // In TLS 1.2 by the session's id where the profile has no tickets.
            let info = visitor.visit(resumed).await;
            assert_eq!(info.tls().unwrap().version, version, "{name}");
        }
    }
}

async fn retried(server: Option<TlsServer>, has_cookie: bool) {
    let Some(server) = server else { return };
    for name in PROFILES {
        let visitor = Visitor::new(name, &server).await;
        for resumed in [false, true, true] {
            let info = visitor.visit(resumed).await;
            assert_eq!(info.tls().unwrap().group.as_deref(), Some("secp384r1"));
            let (_, retry) = visitor.relay.hellos();
            let retry = retry.unwrap();
            assert_eq!(retry.key_share_groups(), [0x18], "{name}");
            assert_eq!(retry.extension(COOKIE).is_some(), has_cookie, "{name}");
            assert_eq!(retry.extension(PRE_SHARED_KEY).is_some(), resumed, "{name}");
        }
    }
}

/// The dial fails with an error that says `words`, after an alert, and leaves nothing behind.
async fn refused(name: &str, server: &TlsServer, words: &[&str], alert: u8) {
    let visitor = Visitor::new(name, server).await;
    let error = visitor.try_visit(String::new()).await.unwrap_err();
    let wanted = Wanted::unsent(ErrorKind::TlsFailed, visitor.relay.address());
    wanted.words(words).check(&error);
    assert_eq!(error.profile(), Some(name), "{error:?}");
    // It is on its way when the dial has failed.
    until("an alert", || visitor.relay.alert().is_some()).await;
    assert_eq!(visitor.relay.alert(), Some(alert), "{name} {words:?}");
    let (hello, retry) = visitor.relay.hellos();
    assert_eq!(visitor.profile.differences(&hello, retry.as_ref()), []);
}

const PROFILES: [&str; 7] = [
    "chromium-156",
    "chrome-151",
    "firefox-esr-153",
    "firefox-156",
    "safari-26",
    "okhttp-5.5",
    "curl-7.88",
];

/// Each visit is another pool and another connection, with the sessions of those before.
struct Visitor {
    profile: Profile,
    tls: TlsClient,
    relay: Relay,
}

impl Visitor {
    async fn new(name: &str, server: &TlsServer) -> Self {
        Self {
            profile: Profile::named(name).unwrap(),
            tls: TlsClient::new(server.trust(), None).unwrap(),
            relay: Relay::to(server.address()).await,
        }
    }

    async fn visit(&self, resumed: bool) -> ConnectionInfo {
        let name = self.profile.name();
        let info = self.try_visit(String::new()).await;
        let info = info.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(info.tls().unwrap().resumed, resumed, "{name}");
        let (hello, retry) = self.relay.hellos();
        assert_eq!(
            self.profile.differences(&hello, retry.as_ref()),
            [],
            "{name}"
        );
        let fingerprint = info.tls().unwrap().fingerprint.as_ref().unwrap();
        assert_eq!(*fingerprint.ja4, *hello.ja4(), "{name}");
        info
    }

    async fn try_visit(&self, filler: String) -> Result<ConnectionInfo, Error> {
        let pool = Pool::builder()
            .tls(self.tls.clone())
            .profile(self.profile.clone())
            .build()
            .unwrap();
        let outcome = self.request(&pool, filler).await;
        if outcome.is_err() {
            assert_eq!(pool.stats().connections, 0);
        }
        idle(&pool).await;
        quiet(&pool).await;
        outcome
    }

    async fn request(&self, pool: &Pool, filler: String) -> Result<ConnectionInfo, Error> {
        let target = format!("localhost:{}", self.relay.address().port());
        let connection = pool.get(target).await?;
        let request = Request::get("/").header("x-filler", filler);
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = connection.send(request).await?;
        assert_eq!(response.status(), StatusCode::OK);
        let info = response.extensions().get::<ConnectionInfo>().unwrap();
        let info = info.clone();
        response.into_body().collect().await?;
        Ok(info)
    }
}
