//! Requests as the profile's client would send them, and answers decoded as it would read them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::convert::Infallible;

use bytes::Bytes;
use common::certificates::Authority;
use common::check;
use common::http1;
use common::peer::Peer;
use common::request::{plain, trusting};
use futures_util::stream;
use hotpool::client::RequestOptions;
use hotpool::pool::PoolBuilder;
use hotpool::profile::AcceptLanguage;
use hotpool::{ErrorKind, Pool, Protocols};
use http::Request;
use http::header::{ACCEPT_LANGUAGE, CONTENT_LENGTH, TE};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};

/// Answers each request with its header lines, but for `host`'s and with those of pseudo-headers left out.
async fn mirror(authority: &Authority) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    Peer::tls(config, |_, stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let mut lines = String::new();
            for (name, value) in request.headers() {
                lines += &format!("{name}: {}\n", value.to_str().unwrap());
            }
            let response = http::Response::new(());
            let mut body = respond.send_response(response, false).unwrap();
            body.send_data(lines.into(), true).unwrap();
        }
    })
    .await
}

fn pool(authority: &Authority, profile: &str) -> Pool {
    trusting(authority).profile(profile).build().unwrap()
}

fn empty(request: http::request::Builder, options: RequestOptions) -> Request<Empty<Bytes>> {
    request.extension(options).body(Empty::new()).unwrap()
}

/// The header lines that the mirror saw.
async fn seen<B>(pool: &Pool, peer: &Peer, request: Request<B>) -> Vec<String>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connection = pool.get(&peer.target()).await.unwrap();
    let response = connection.send(request).await.unwrap();
    let lines = response.into_body().collect().await.unwrap().to_bytes();
    let lines = String::from_utf8(lines.into()).unwrap();
    lines.lines().map(str::to_owned).collect()
}

fn names(lines: &[String]) -> Vec<&str> {
    let name = |line: &'_ String| line.split(": ").next().unwrap().len();
    lines.iter().map(|line| &line[..name(line)]).collect()
}

#[tokio::test]
async fn a_get_is_a_navigation_unless_said_otherwise() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    let pool = pool(&authority, "chromium-156");
    let lines = seen(
        &pool,
        &peer,
        empty(Request::get("/"), RequestOptions::new()),
    )
    .await;
    assert_eq!(
        names(&lines),
        [
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "sec-ch-ua-platform",
            "upgrade-insecure-requests",
            "user-agent",
            "accept",
            "sec-fetch-site",
            "sec-fetch-mode",
            "sec-fetch-user",
            "sec-fetch-dest",
            "accept-encoding",
            "accept-language",
            "priority"
        ]
    );
    assert!(lines.contains(&"accept-encoding: gzip, deflate, br, zstd".to_owned()));
}

#[tokio::test]
async fn own_headers_win_and_stand_where_the_client_puts_them() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    let pool = pool(&authority, "chromium-156");
    let request = Request::post("/api")
        .header("x-own", "7")
        .header("cookie", "a=1; b=2")
        .header("content-type", "application/json")
        .header("user-agent", "mine")
        .extension(RequestOptions::new().kind("fetch"))
        .body(Full::<Bytes>::from("{}"))
        .unwrap();
    let lines = seen(&pool, &peer, request).await;
    assert_eq!(
        names(&lines),
        [
            "content-length",
            "sec-ch-ua-platform",
            "x-own",
            "user-agent",
            "sec-ch-ua",
            "content-type",
            "sec-ch-ua-mobile",
            "accept",
            "origin",
            "sec-fetch-site",
            "sec-fetch-mode",
            "sec-fetch-dest",
            "referer",
            "accept-encoding",
            "accept-language",
            // h2's server puts the crumbs together again.
            "cookie",
            "cookie",
            "priority"
        ]
    );
    let origin = format!("https://{}", peer.target());
    for line in [
        "user-agent: mine",
        "cookie: b=2",
        "accept: */*",
        &format!("origin: {origin}"),
        &format!("referer: {origin}/"),
    ] {
        assert!(lines.iter().any(|seen| seen == line), "{line}: {lines:?}");
    }
}

#[tokio::test]
async fn defaults_can_be_left_out_one_by_one_or_all() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    let pool = pool(&authority, "firefox-esr-153");
    let without = RequestOptions::new().without(TE).without(ACCEPT_LANGUAGE);
    let lines = seen(&pool, &peer, empty(Request::get("/"), without)).await;
    assert!(!names(&lines).contains(&"te") && !names(&lines).contains(&"accept-language"));
    assert!(names(&lines).contains(&"user-agent"));
    let request = Request::get("/")
        .header("te", "trailers")
        .header("user-agent", "x");
    let own = RequestOptions::new().own_headers_only();
    let lines = seen(&pool, &peer, empty(request, own)).await;
    assert_eq!(lines, ["user-agent: x", "te: trailers"]);
}

#[tokio::test]
async fn an_unknown_kind_is_refused_before_anything_is_sent() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    let pool = pool(&authority, "firefox-esr-153");
    let connection = pool.get(&peer.target()).await.unwrap();
    let request = empty(Request::get("/"), RequestOptions::new().kind("telepathy"));
    let error = connection.send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!error.was_sent());
    let text = error.to_string();
    assert!(
        text.contains("telepathy") && text.contains("navigation"),
        "{text}"
    );
    // The connection has taken no harm.
    seen(
        &pool,
        &peer,
        empty(Request::get("/"), RequestOptions::new()),
    )
    .await;
    assert_eq!(peer.accepted(), 1);
    drop(connection);
    check::idle(&pool).await;
}

#[tokio::test]
async fn a_kind_that_would_upgrade_the_connection_is_refused() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    let peer = Peer::tls(config, |_, stream| common::http1::serve(stream)).await;
    let pool = pool(&authority, "chromium-156");
    let connection = pool.get(&peer.target()).await.unwrap();
    let request = empty(Request::get("/"), RequestOptions::new().kind("websocket"));
    let error = connection.send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!error.was_sent() && error.to_string().contains("upgrade"));
    drop(connection);
    check::quiet(&pool).await;
}

#[tokio::test]
async fn a_priority_is_told_to_nobody_in_a_header() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    for profile in ["rustls", "chromium-156"] {
        let pool = pool(&authority, profile);
        let request = Request::get("/").header("hotpool-stream-priority", "0000000001");
        let lines = seen(&pool, &peer, empty(request, RequestOptions::new())).await;
        assert!(
            !names(&lines).contains(&"hotpool-stream-priority"),
            "{profile}"
        );
    }
}

#[tokio::test]
async fn without_a_profile_nothing_is_added() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    let pool = pool(&authority, "rustls");
    let options = RequestOptions::new().kind("navigation");
    let request = Request::get("/").header("b", "1").header("a", "2");
    let lines = seen(&pool, &peer, empty(request, options)).await;
    assert_eq!(lines, ["b: 1", "a: 2"]);
}

#[tokio::test]
async fn languages_are_the_profiles_or_fixed_or_drawn_for_each_connection() {
    let authority = Authority::new();
    let peer = mirror(&authority).await;
    let language = async |builder: PoolBuilder, partition: &str| {
        let pool = builder.build().unwrap();
        let target = hotpool::Target::parse(&peer.target()).unwrap();
        let connection = pool.get(target.partition(partition)).await.unwrap();
        let response = connection
            .send(empty(Request::get("/"), RequestOptions::new()))
            .await;
        let body = response.unwrap().into_body().collect().await.unwrap();
        let lines = String::from_utf8(body.to_bytes().into()).unwrap();
        let line = lines
            .lines()
            .find(|line| line.starts_with("accept-language"));
        line.unwrap().to_owned()
    };
    let builder = || trusting(&authority).profile("firefox-esr-153");
    let own = language(builder(), "a").await;
    assert_eq!(own, "accept-language: en-US,en;q=0.9");
    let fixed = AcceptLanguage::fixed("de-AT,de;q=0.5").unwrap();
    let fixed = language(builder().accept_language(fixed), "a").await;
    assert_eq!(fixed, "accept-language: de-AT,de;q=0.5");
    let random = AcceptLanguage::random(["de", "fr", "it", "sl", "hu"], 2, 5).unwrap();
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..12 {
        drawn.insert(language(builder().accept_language(random.clone()), "a").await);
    }
    // 320 values: twelve equal draws would be a miracle.
    assert!(drawn.len() > 1, "{drawn:?}");
}

/// hyper asks a body whose length was announced for no more than that, and it need not know of its end itself.
#[tokio::test]
async fn an_upload_of_announced_length_leaves_its_connection_usable() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = plain(Protocols::Http1).build().unwrap();
    for _ in 0..2 {
        let frames =
            ["in ", "parts"].map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from(part))));
        let body = StreamBody::new(stream::iter(frames));
        let request = Request::post("/")
            .header(CONTENT_LENGTH, "in parts".len())
            .body(body)
            .unwrap();
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let response = connection.send(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
    }
    assert_eq!(peer.accepted(), 1);
    check::quiet(&pool).await;
}
