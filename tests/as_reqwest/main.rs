//! What reqwest documents, asked of reqwest and of `HotClient`: the answers are equal.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
mod outcome;
mod server;
#[macro_use]
mod table;
mod differences;
mod retries;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use common::check::quiet;
use common::http1;
use common::peer::Peer;
use hotpool::Pool;
use hotpool::client::reqwest::HotClient;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use outcome::Outcome;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Version};
use table::{ask, ask_hot};

/// Long enough for everything that is to arrive, on a busy machine; and nothing that is to be late comes within ten minutes.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn redirects() {
    table! {
        "each status, without a body" [] |c, at| [301, 302, 303, 307, 308].map(|status| c.get(at(&format!("/redirect/{status}/echo"))));
        "each status, with a body" [] |c, at| [301, 302, 303, 307, 308].map(|status| c.post(at(&format!("/redirect/{status}/echo"))).body("order"));
        "each status, PUT" [] |c, at| [301, 302, 303, 307, 308].map(|status| c.put(at(&format!("/redirect/{status}/echo"))).body("order"));
        "each status, HEAD" [] |c, at| [301, 302, 303, 307, 308].map(|status| c.head(at(&format!("/redirect/{status}/echo"))));
        "a body that is a stream" [] |c, at| [302, 307, 308].map(|status| c.post(at(&format!("/redirect/{status}/echo"))).body(reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("or"), Ok("der")]))));
        "others that look like redirects" [] |c, at| [300, 304, 305, 306].map(|status| c.get(at(&format!("/redirect/{status}/echo"))));
        "no location" [] |c, at| [c.get(at("/away"))];
        "a location that is none" [] |c, at| [c.get(at("/redirect/302/?http://")), c.get(at("/redirect/302/?ftp://one.test/"))];
        "relative locations" [] |c, at| ["echo", "../302/echo", "?/echo", "/echo#here", "//one.test/"].map(|to| c.get(at(&format!("/redirect/302/?{to}"))));
        "secrets stay at home" [] |c, at| [c.get(at(&format!("/redirect/302/?{}", at("/echo").replace("one.test", "two.test")))).basic_auth("me", Some("secret")).header("cookie", "mine=1").header("x-own", "1")];
        "secrets are kept on the same host" [] |c, at| [c.get(at("/redirect/302/echo")).basic_auth("me", Some("secret")).header("cookie", "mine=1")];
        "ten, and one more" [] |c, at| [10, 11].map(|n| c.get(at(&format!("/{}echo", "redirect/302/".repeat(n)))));
        "as many as are wanted" [redirect(Policy::limited(2))] |c, at| [0, 2, 3].map(|n| c.get(at(&format!("/{}echo", "redirect/302/".repeat(n)))));
        "none" [redirect(Policy::none())] |c, at| [c.get(at("/redirect/302/echo"))];
        "as one likes" [redirect(Policy::custom(|attempt| match attempt.url().path() {
            "/echo" => attempt.follow(),
            "/stop" => attempt.stop(),
            _ => attempt.error("not there"),
        }))] |c, at| ["echo", "stop", "fail"].map(|to| c.get(at(&format!("/redirect/302/{to}"))));
        "without a referer" [referer(false)] |c, at| [c.get(at("/redirect/302/echo"))];
    }
}

#[tokio::test]
async fn headers_cookies_and_authentication() {
    let headers = || {
        HeaderMap::from_iter(
            [("x-default", "d"), ("accept", "text/plain")]
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())),
        )
    };
    table! {
        "what goes with every request" [] |c, at| [c.get(at("/echo?q=1")), c.head(at("/echo")), c.delete(at("/echo")), c.post(at("/echo")), c.patch(at("/echo")).body("p")];
        "default headers" [default_headers(headers())] |c, at| [c.get(at("/echo")), c.get(at("/echo")).header("x-default", "own")];
        "a user agent" [user_agent("mine/1.0")] |c, at| [c.get(at("/echo")), c.get(at("/echo")).header("user-agent", "other")];
        "authentication" [] |c, at| [c.get(at("/echo")).basic_auth("me", Some("pw")), c.get(at("/echo")).bearer_auth("token"), c.get(at("/echo").replace("://", "://me:pw@"))];
        "queries and fragments" [] |c, at| [c.get(at("/echo")).query(&[("a", "1 2"), ("b", "ü")]), c.get(at("/echo?x#fragment"))];
        "no cookies by default" [] |c, at| [c.get(at("/cookie/a")), c.get(at("/echo"))];
        "cookies" [cookie_store(true)] |c, at| [c.get(at("/cookie/a")), c.get(at("/echo")), c.get(at("/redirect/302/cookie/b")), c.get(at("/echo")), c.get(at("/echo")).header("cookie", "own=1")];
        "a cookie set on the way" [cookie_store(true)] |c, at| [c.get(at("/cookie/a")), c.get(at("/redirect/302/echo"))];
        "many headers" [] |c, at| [c.get(at("/headers/60")), c.get(at("/echo")).header("x-large", "v".repeat(6000))];
    }
}

fn with_trailers() -> reqwest::Body {
    let trailers = HeaderMap::from_iter([(
        HeaderName::from_static("x-check"),
        HeaderValue::from_static("passed"),
    )]);
    let frames = [
        Frame::data(Bytes::from_static(b"order")),
        Frame::trailers(trailers),
    ];
    let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
    reqwest::Body::wrap(StreamBody::new(frames))
}

#[tokio::test]
async fn bodies() {
    let pieces = || {
        futures_util::stream::iter((0..50).map(|n| Ok::<_, std::io::Error>(format!("piece {n};"))))
    };
    table! {
        "text, form, JSON" [] |c, at| [c.post(at("/echo")).body("text"), c.post(at("/echo")).form(&[("a", "1")]), c.post(at("/echo")).json(&[1, 2])];
        "a stream" [] |c, at| [c.post(at("/echo")).body(reqwest::Body::wrap_stream(pieces()))];
        "trailers at its end" [] |c, at| [c.post(at("/echo")).body(with_trailers()), c.post(at("/echo")).header("trailer", "x-check").body(with_trailers())];
        "a stream that fails" [] |c, at| [c.post(at("/half")).body(reqwest::Body::wrap_stream(futures_util::stream::iter([Ok("begun"), Err(std::io::Error::other("broken off"))])))];
        "multipart" [] |c, at| [c.post(at("/echo")).multipart(Form::new().text("a", "1").part("file", Part::bytes(b"content".as_slice()).file_name("f.txt"))), c.post(at("/redirect/307/echo")).multipart(Form::new().text("a", "1"))];
        "expecting to be told to go on" [] |c, at| [c.post(at("/echo")).header("expect", "100-continue").body("order"), c.post(at("/status/417")).header("expect", "100-continue").body("order")];
        "an empty one" [] |c, at| [c.post(at("/echo")).body(""), c.get(at("/status/200")), c.get(at("/status/204")), c.get(at("/status/205")), c.get(at("/status/304"))];
        "HEAD" [] |c, at| [c.head(at("/large")), c.head(at("/pieces/3")), c.head(at("/status/204"))];
        "large ones" [] |c, at| [c.get(at("/large"))];
        "of no announced length" [] |c, at| [c.get(at("/pieces/0")), c.get(at("/pieces/7"))];
        "with trailers" [] |c, at| [c.get(at("/trailers")), c.get(at("/trailers")).header("te", "trailers"), c.get(at("/trailers/gzip")).header("te", "trailers")];
        "coded" [] |c, at| ["gzip", "br", "deflate", "zstd", "identity"].map(|coding| c.get(at(&format!("/coded/{coding}"))));
        "coded, asked for by its author" [] |c, at| [c.get(at("/coded/gzip")).header("accept-encoding", "gzip"), c.get(at("/echo")).header("accept-encoding", "identity")];
        "coded, and not to be decoded" [no_gzip(), no_brotli()] |c, at| ["gzip", "br", "deflate", "zstd"].map(|coding| c.get(at(&format!("/coded/{coding}"))));
        "no coding at all" [gzip(false), brotli(false), deflate(false), zstd(false)] |c, at| [c.get(at("/echo")), c.get(at("/coded/gzip"))];
        "coded, but not as it says" [] |c, at| [c.get(at("/coded/broken"))];
    }
}

/// On connections that are open already, where they can be: a handshake takes longest on a busy machine.
#[tokio::test]
async fn deadlines() {
    table! {
        "a late head" [timeout(SOON)] |c, at| [c.get(at("/echo")).timeout(SOON * 100), c.get(at("/late/head"))];
        "a late body" [timeout(SOON)] |c, at| [c.get(at("/echo")).timeout(SOON * 100), c.get(at("/late/body"))];
        "the request's own deadline, for the head" [] |c, at| [c.get(at("/echo")), c.get(at("/late/head")).timeout(SOON)];
        "the request's own deadline, for the body" [] |c, at| [c.get(at("/echo")), c.get(at("/late/body")).timeout(SOON)];
        "the head as the first piece" [read_timeout(SOON)] |c, at| [c.get(at("/late/head"))];
        "between the pieces" [read_timeout(SOON)] |c, at| [c.get(at("/late/body"))];
        "pieces in time" [read_timeout(SOON)] |c, at| [c.get(at("/pieces/4"))];
    }
}

#[tokio::test]
async fn refusals() {
    table! {
        "other schemes" [] |c, _at| ["ftp://one.test/", "file:///etc/passwd", "data:,x"].map(|url| c.get(url));
        "only https" [https_only(true)] |c, at| [c.get("http://one.test:1/"), c.get(at("/redirect/302/?http://one.test:1/"))];
        "nobody there" [] |c, _at| [c.get("http://127.0.0.1:1/")];
        "versions" [] |c, at| [c.get(at("/echo")).version(Version::HTTP_11)];
    }
}

/// What they say besides is not waited for.
#[tokio::test]
async fn redirects_that_do_not_end() {
    for announced in [5, 5_000_000] {
        let peer = Peer::tcp(move |_, mut socket| async move {
            while let Some(request) = http1::request(&mut socket).await {
                if request.starts_with("GET /there ") {
                    http1::answer(&mut socket, http1::HELLO).await;
                    continue;
                }
                let head = "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: ";
                http1::answer(&mut socket, &format!("{head}{announced}\r\n\r\nmo")).await;
                return http1::silence(socket).await;
            }
        })
        .await;
        let pool = Pool::builder().build().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let requests = || (0..2).map(|_| client.get(peer.plain_target())).collect();
        let expected = ask(requests()).await;
        let found = ask_hot(&HotClient::new(pool.clone()), requests()).await;
        assert_eq!(found, expected);
        let bodies = expected.iter().flatten().map(|answer| &answer.body);
        assert!(bodies.eq(&vec![Ok("hello".to_owned()); 2]));
        quiet(&pool).await;
    }
}

/// Interim responses are not the answer.
#[tokio::test]
async fn interim_responses() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfinal";
    let outcome = scripted(format!("{hints}{hints}{answer}")).await;
    assert_eq!(outcome.body.as_deref(), Ok("final"));
}

/// Trailers that nobody asked for or announced.
#[tokio::test]
async fn trailers_unannounced() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nbefore\r\n0\r\n";
    let outcome = scripted(format!("{answer}x-check: passed\r\n\r\n")).await;
    assert_eq!(outcome.body.as_deref(), Ok("before"));
    assert_eq!(outcome.trailers, ["x-check: passed"]);
}

/// What both make of this answer over HTTP/1.1, twice.
async fn scripted(answer: String) -> Outcome {
    let peer = Peer::tcp(move |_, mut socket| {
        let answer = answer.clone();
        async move {
            while http1::request(&mut socket).await.is_some() {
                http1::answer(&mut socket, &answer).await;
            }
        }
    })
    .await;
    let pool = Pool::builder().build().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let requests = || (0..2).map(|_| client.get(peer.plain_target())).collect();
    let mut expected = ask(requests()).await;
    let found = ask_hot(&HotClient::new(pool.clone()), requests()).await;
    assert_eq!(found, expected);
    quiet(&pool).await;
    assert_eq!(expected[0], expected[1]);
    expected.remove(0).unwrap()
}
