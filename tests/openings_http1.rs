//! A pool's HTTP/1.1 requests are those of the browser whose profile it has: every captured head, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use common::certificates::Authority;
use common::http1::{HELLO, answer};
use common::peer::Peer;
use common::request::trusting;
use common::wait::until;
use hotpool::Protocols;
use hotpool::client::RequestOptions;
use http_body_util::{Either, Empty, Full};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// What a browser takes from the page or from its user: the profile cannot know it.
const GIVEN: [&str; 14] = [
    "referer",
    "origin",
    "content-type",
    "cookie",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-fetch-storage-access",
    "access-control-request-method",
    "access-control-request-headers",
    "cache-control",
    "pragma",
    "x-custom",
    // Headless Chromium has another than the profile's.
    "user-agent",
    "content-length",
];

#[tokio::test]
async fn chromiums_heads_are_the_profiles() {
    heads_are_the_profiles("http1-chromium-156.jsonl", "chromium-156").await;
}

#[tokio::test]
async fn firefoxs_heads_are_the_profiles() {
    heads_are_the_profiles("http1-firefox-153.jsonl", "firefox-esr-153").await;
}

async fn heads_are_the_profiles(file: &str, profile: &str) {
    let authority = Authority::new();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let peer = recorder(&authority, &heads).await;
    let pool = trusting(&authority)
        .profile(profile)
        .protocols(Protocols::Http1)
        .build()
        .unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(file);
    let mut count = 0;
    for line in fs::read_to_string(path).unwrap().lines() {
        let capture: Value = serde_json::from_str(line).unwrap();
        let (kind, raw) = (&capture["kind"], capture["raw"].as_str().unwrap());
        // An upgrade is not for a connection that goes back to a pool.
        if kind == "websocket" {
            continue;
        }
        let connection = pool.get(&peer.target()).await.unwrap();
        let request = made_again(kind.as_str().unwrap().to_owned(), raw);
        connection.send(request).await.unwrap();
        count += 1;
        until("the head", || heads.lock().len() == count).await;
        // Which of a page's own headers are in upper case is the page's doing.
        let sent = heads.lock().last().unwrap().to_owned();
        let unified = |head: &str| head.replace("X-Custom", "x-custom");
        assert_eq!(unified(&sent), unified(raw), "{profile} {kind}");
    }
    assert!(count >= 20, "only {count} heads");
    println!("{count} heads of {profile} made again");
}

async fn recorder(authority: &Authority, heads: &Arc<Mutex<Vec<String>>>) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(&["http/1.1"]);
    let heads = Arc::clone(heads);
    Peer::tls(config, move |_, mut stream| {
        let heads = Arc::clone(&heads);
        async move {
            let mut text = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                text.push(byte);
                if text.ends_with(b"\r\n\r\n") {
                    let head = String::from_utf8(std::mem::take(&mut text)).unwrap();
                    let length =
                        value(&head, "content-length").map_or(0, |length| length.parse().unwrap());
                    stream.read_exact(&mut vec![0; length]).await.unwrap();
                    let is_head = head.starts_with("HEAD");
                    heads.lock().push(head);
                    let hello = if is_head {
                        HELLO.trim_end_matches("hello")
                    } else {
                        HELLO
                    };
                    answer(&mut stream, hello).await;
                }
            }
        }
    })
    .await
}

/// The captured request as a user of the pool would have to write it.
fn made_again(kind: String, raw: &str) -> http::Request<Either<Full<Bytes>, Empty<Bytes>>> {
    let mut options = RequestOptions::new().kind(kind);
    let mut start = raw.split(' ');
    let mut request = http::Request::builder()
        .method(start.next().unwrap())
        .uri(start.next().unwrap())
        .header("host", value(raw, "host").unwrap());
    for name in GIVEN {
        match value(raw, name) {
            Some(value) => request = request.header(name, value),
            None => options = options.without(name.parse().unwrap()),
        }
    }
    let length = value(raw, "content-length").map_or(0, |length| length.parse().unwrap());
    let body = match length {
        0 => Either::Right(Empty::new()),
        length => Either::Left(Full::from(vec![b'x'; length])),
    };
    request.extension(options).body(body).unwrap()
}

fn value<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let found = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| value)
}
