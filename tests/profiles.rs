//! Connections of a pool that look like other clients'.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use bytes::Bytes;
use common::certificates::Authority;
use common::peer::Peer;
use hotpool::profile::{IntoProfile, Profile, catalogue};
use hotpool::{Connection, ErrorKind, Pool, Protocols, Target, TlsClient, Trust};
use http_body_util::{BodyExt, Empty};

async fn peer(authority: &Authority, alpn: &'static [&'static str]) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(alpn);
    Peer::tls(config, |_, stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((_request, mut respond))) = connection.accept().await {
            let mut body = respond
                .send_response(http::Response::new(()), false)
                .unwrap();
            body.send_data(Bytes::from_static(b"hello"), true).unwrap();
        }
    })
    .await
}

fn builder(authority: &Authority) -> hotpool::pool::PoolBuilder {
    Pool::builder().trust(Trust::only(authority.pem().as_bytes()).unwrap())
}

async fn body(connection: &Connection) -> Bytes {
    let request = http::Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = connection.send(request).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes()
}

fn ja4(connection: &Connection) -> String {
    connection
        .tls()
        .unwrap()
        .fingerprint
        .as_ref()
        .unwrap()
        .ja4
        .to_string()
}

#[tokio::test]
async fn every_profile_is_what_it_sends() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let target = format!("localhost:{}", peer.port());
    for profile in catalogue().unwrap() {
        let name = profile.name().clone();
        let pool = builder(&authority)
            .profile(profile)
            .protocols(Protocols::Http2)
            .build()
            .unwrap();
        let connection = pool
            .get(&target)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(connection.profile(), &*name);
        assert_eq!(body(&connection).await, "hello");
        assert_eq!(connection.tls().unwrap().alpn.as_deref(), Some("h2"));
    }
}

#[tokio::test]
async fn a_profile_by_name_is_found_in_the_fingerprint() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let target = format!("localhost:{}", peer.port());
    for (name, fresh, resumed) in [
        (
            "chrome",
            "t13d1517h2_8daaf6152771_cb7bf5808d99",
            "t13d1518h2_8daaf6152771_e2d80978ab2e",
        ),
        (
            "firefox-esr-153",
            "t13d1617h2_86a278354501_3cbfd9057e0d",
            "t13d1617h2_86a278354501_e6dcd7ae0a9e",
        ),
        (
            "safari",
            "t13d2013h2_a09f3c656075_7f0f34a4126d",
            "t13d2014h2_a09f3c656075_e42f34c56612",
        ),
    ] {
        let tls = TlsClient::new(Trust::only(authority.pem().as_bytes()).unwrap(), None).unwrap();
        let pool = || {
            Pool::builder()
                .tls(tls.clone())
                .profile(name)
                .build()
                .unwrap()
        };
        let connection = pool().get(&target).await.unwrap();
        assert_eq!(ja4(&connection), fresh, "{name}");
        assert_eq!(body(&connection).await, "hello");
        let info = connection.tls().unwrap();
        let agreed = (info.version, info.group.as_deref());
        assert_eq!(agreed, ("TLSv1.3", Some("X25519MLKEM768")), "{name}");
        // The session's ticket came with the answer; another pool's connection presents it.
        let again = pool().get(&target).await.unwrap();
        assert!(again.tls().unwrap().resumed, "{name}");
        if name != "safari" {
            assert_eq!(ja4(&again), resumed, "{name}");
        }
        assert_eq!(body(&again).await, "hello");
    }
}

#[tokio::test]
async fn profiles_share_neither_connections_nor_tickets() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = builder(&authority).profile("chrome").build().unwrap();
    let url = format!("https://localhost:{}/", peer.port());
    let target = Target::parse(&url).unwrap();
    let chrome = pool.get(&target).await.unwrap();
    assert_eq!(body(&chrome).await, "hello");
    let firefox = Profile::named("firefox").unwrap();
    let other = pool
        .get(target.clone().profile(firefox.clone()))
        .await
        .unwrap();
    assert_ne!(chrome.id(), other.id());
    assert_eq!(other.profile(), "firefox-156");
    assert!(
        !other.tls().unwrap().resumed,
        "the ticket is the other profile's"
    );

    let mut request = http::Request::get(&url)
        .body(Empty::<Bytes>::new())
        .unwrap();
    request.extensions_mut().insert(firefox);
    let response = pool.send(request).await.unwrap();
    let info = response
        .extensions()
        .get::<hotpool::ConnectionInfo>()
        .unwrap();
    assert_eq!((info.profile(), info.id()), ("firefox-156", other.id()));
}

#[tokio::test]
async fn verification_is_as_strict_as_ever() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    for profile in ["chrome", "firefox", "safari", "okhttp", "curl"] {
        let pool = Pool::builder().profile(profile).build().unwrap();
        let error = pool
            .get(&format!("localhost:{}", peer.port()))
            .await
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::CertificateUnknownIssuer,
            "{profile}: {error}"
        );
        assert!(error.profile().unwrap().starts_with(profile), "{error}");
        assert!(!error.was_sent());
        let stranger = builder(&authority).profile(profile).build().unwrap();
        let error = stranger
            .get(&format!("127.0.0.1:{}", peer.port()))
            .await
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::CertificateWrongName,
            "{profile}: another name"
        );
        assert_eq!(pool.stats().connections, 0);
    }
}

#[tokio::test]
async fn http1_alone_is_what_a_websocket_of_the_profile_offers() {
    let authority = Authority::new();
    let peer = peer(&authority, &["http/1.1"]).await;
    let pool = builder(&authority)
        .profile("chromium-156")
        .protocols(Protocols::Http1)
        .build()
        .unwrap();
    let connection = pool
        .get(&format!("localhost:{}", peer.port()))
        .await
        .unwrap();
    assert_eq!(ja4(&connection), "t13d1516h1_8daaf6152771_5b37b36a67c0");
}

#[tokio::test]
async fn a_profile_that_is_none_is_refused_by_name() {
    let error = Pool::builder().profile("netscape-4").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    assert!(error.to_string().contains("netscape-4"), "{error}");
    assert!("netscape-4".into_profile().is_err());
}
