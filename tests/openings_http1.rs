//! A pool's HTTP/1.1 requests are those of the browser whose profile it has: every captured head, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says how many captures it read"
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
use hotpool::profile::Profile;
use http_body_util::{Either, Empty, Full};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// What the profile says by itself; all else of a captured request is its page's or user's.
const OWN: [&str; 12] = [
    "host",
    "connection",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "upgrade-insecure-requests",
    "accept",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "accept-encoding",
    "accept-language",
    "priority",
];

/// Headers that browsers add or spell themselves, whatever the page says.
const SPELLED: [&str; 11] = [
    "referer",
    "origin",
    "cookie",
    "content-type",
    "content-length",
    "user-agent",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-fetch-storage-access",
    "access-control-request-method",
    "access-control-request-headers",
];

/// Of these the profile has a default, which a page may not want.
const REPLACED: [&str; 5] = [
    "referer",
    "origin",
    "sec-fetch-site",
    "sec-fetch-user",
    "content-type",
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
    let profile = Profile::named(profile).unwrap();
    let kinds = profile.request_kinds();
    let pool = trusting(&authority)
        .profile(profile.clone())
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
        // An upgrade is not for a connection that goes back to a pool. Captures whose order depends on the page's cache mode or on what
        // its body is are under names that no profile has a list for.
        let kind = kind.as_str().unwrap();
        if kind == "websocket" || !kinds.contains(&kind) {
            continue;
        }
        let connection = pool.get(&peer.target()).await.unwrap();
        let request = made_again(kind.to_owned(), raw);
        connection.send(request).await.unwrap();
        count += 1;
        until("the head", || heads.lock().len() == count).await;
        let sent = heads.lock().last().unwrap().to_owned();
        assert_eq!(unified(&sent), unified(raw), "{} {kind}", profile.name());
    }
    assert!(count >= 15, "only {count} heads");
    println!("{count} heads of {} made again", profile.name());
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
    let fields = raw.lines().filter_map(|line| line.split_once(": "));
    for (name, value) in fields.filter(|(name, _)| !OWN.contains(&&*name.to_ascii_lowercase())) {
        request = request.header(name, value);
    }
    // Whoever asks for a range has to say so to the profile: Chromium then takes no coding.
    if let Some(identity) = value(raw, "accept-encoding").filter(|coding| *coding == "identity") {
        request = request.header("accept-encoding", identity);
    }
    for name in REPLACED.iter().filter(|name| value(raw, name).is_none()) {
        options = options.without(name.parse().unwrap());
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

/// The case of a page's own headers is the page's.
fn unified(head: &str) -> String {
    let unified = head.lines().map(|line| match line.split_once(": ") {
        Some((name, value)) => {
            let lower = name.to_ascii_lowercase();
            let is_spelled = OWN.contains(&&*lower) || SPELLED.contains(&&*lower);
            let name = if is_spelled { name } else { &lower };
            format!("{name}: {value}\n")
        }
        None => format!("{line}\n"),
    });
    unified.collect()
}
