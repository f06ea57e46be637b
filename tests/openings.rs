//! A pool's first flight is that of the browser whose profile it has: every captured opening, frame for frame.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says how many captures it read"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use common::certificates::Authority;
use common::http2::{Frame, HEADERS, Http2, WINDOW_UPDATE};
use common::peer::Peer;
use common::request::trusting;
use common::wait::until;
use hotpool::Protocols;
use hotpool::client::RequestOptions;
use http_body_util::Full;
use parking_lot::Mutex;
use serde_json::Value;

/// What a browser takes from the page or from its user: the profile cannot know it.
const GIVEN: [&str; 10] = [
    "referer",
    "origin",
    "content-type",
    "cookie",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-fetch-storage-access",
    "access-control-request-method",
    "access-control-request-headers",
    // Headless Chromium has another than the profile's.
    "user-agent",
];

#[tokio::test]
async fn chromiums_openings_are_the_profiles() {
    openings_are_the_profiles("chromium-156").await;
}

#[tokio::test]
async fn firefoxs_openings_are_the_profiles() {
    openings_are_the_profiles("firefox-esr-153").await;
}

async fn openings_are_the_profiles(client: &str) {
    let authority = Authority::new();
    let frames = Frames::default();
    let peer = recorder(&authority, &frames).await;
    let mut count = 0;
    for capture in captures(client) {
        let request = &capture["http2"]["requests"][0];
        let Some(headers) = request["headers"].as_array() else {
            continue;
        };
        let weight = request["priority"]["weight"].as_u64().unwrap();
        let captured: Vec<(String, Vec<u8>)> = capture["http2"]["frames"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|frame| frame["type"] != "GOAWAY")
            .map(|frame| (head(frame), hex(frame["hex"].as_str().unwrap())))
            .collect();
        let pool = trusting(&authority)
            .profile(client)
            .protocols(Protocols::Http2)
            .build()
            .unwrap();
        let connection = pool.get(&peer.target()).await.unwrap();
        let response = connection.send(made_again(headers, weight)).await;
        assert_eq!(response.unwrap().status(), 200);
        // A pool's request is never before the server's SETTINGS, as a browser's on a connection that it made ahead of need.
        let mut wanted = captured.clone();
        let ack = (format!("{:#04x} 0x01 0", 4), Vec::new());
        if !wanted.contains(&ack) {
            let requests = wanted.iter().position(|(head, _)| head.starts_with("0x01"));
            wanted.insert(requests.unwrap(), ack);
        }
        let arrived = || frames.lock().iter().filter(|(of, _)| *of == count).count();
        until("the whole opening", || arrived() >= wanted.len()).await;
        let sent: Vec<(String, Vec<u8>)> = frames
            .lock()
            .iter()
            .filter(|(of, _)| *of == count)
            .map(|(_, frame)| {
                let head = format!("{:#04x} {:#04x} {}", frame.kind, frame.flags, frame.stream);
                (head, frame.payload.clone())
            })
            .take(wanted.len())
            .collect();
        assert_eq!(
            shown(&sent),
            shown(&wanted),
            "{client} {} {headers:?}",
            capture["name"]
        );
        count += 1;
    }
    assert!(count >= 20, "only {count} openings");
    println!("{count} openings of {client} made again");
}

/// Each with the number of its connection.
type Frames = Arc<Mutex<Vec<(usize, Frame)>>>;

/// A server that keeps the frames that it is sent.
async fn recorder(authority: &Authority, frames: &Frames) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let frames = Arc::clone(frames);
    Peer::tls(config, move |number, stream| {
        let frames = Arc::clone(&frames);
        async move {
            let mut http2 = Http2::accept(stream, &[]).await.unwrap();
            while let Some(frame) = http2.read().await {
                let (kind, stream) = (frame.kind, frame.stream);
                frames.lock().push((number, frame));
                if kind == HEADERS {
                    http2.respond(stream).await;
                }
            }
        }
    })
    .await
}

/// The captured request as a user of the pool would have to write it.
fn made_again(headers: &[Value], weight: u64) -> http::Request<Full<Bytes>> {
    let fields: Vec<(&str, &str)> = headers
        .iter()
        .map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap()))
        .collect();
    let value = |wanted: &str| {
        let mut fields = fields.iter();
        fields
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| *value)
    };
    let mut options = RequestOptions::new().kind(kind(&value, weight));
    let mut request = http::Request::builder()
        .method(value(":method").unwrap())
        .uri(value(":path").unwrap())
        .header("host", value(":authority").unwrap());
    if (value("priority"), weight) == (Some("u=5, i"), 14) {
        // Firefox lowered the image's urgency when the stream's weight was already decided, in one of 52.
        request = request.header("priority", "u=5, i");
    }
    for name in GIVEN {
        match value(name) {
            Some(value) => request = request.header(name, value),
            None => options = options.without(name.parse().unwrap()),
        }
    }
    let length = value("content-length").map_or(0, |length| length.parse().unwrap());
    request
        .extension(options)
        .body(Full::from(vec![b'x'; length]))
        .unwrap()
}

/// The kind of request that it is, by what Fetch says about it.
fn kind<'a>(value: &impl Fn(&str) -> Option<&'a str>, weight: u64) -> &'static str {
    let says = [":method", "sec-fetch-dest", ":path"].map(|name| value(name).unwrap());
    match says {
        ["POST", "document", ..] => "form",
        [_, "document", ..] => "navigation",
        [_, "iframe", ..] => "iframe",
        [_, "script", ..] => "script",
        [_, "style", ..] => "style",
        [_, "image", "/favicon.ico"] => "favicon",
        [_, "image", _] if [12, 183].contains(&weight) => "image-low",
        [_, "image", ..] => "image",
        ["OPTIONS", ..] => "preflight",
        [_, "empty", ..] => "fetch",
        other => panic!("{other:?}"),
    }
}

fn captures(client: &str) -> Vec<Value> {
    let file = format!("{client}.jsonl");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = [
        manifest.join("../shared/corpus"),
        PathBuf::from("/work/shared/corpus"),
    ];
    let whole = corpus
        .iter()
        .map(|corpus| corpus.join(&file))
        .find(|path| path.is_file());
    let path = whole.unwrap_or_else(|| manifest.join(format!("tests/captures/openings-{file}")));
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|capture: &Value| capture["http2"]["requests"].is_array())
        .collect()
}

fn head(frame: &Value) -> String {
    let kind = match frame["type"].as_str().unwrap() {
        "HEADERS" => HEADERS,
        "SETTINGS" => common::http2::SETTINGS,
        "WINDOW_UPDATE" => WINDOW_UPDATE,
        other => panic!("{other}"),
    };
    format!(
        "{kind:#04x} {} {}",
        frame["flags"].as_str().unwrap(),
        frame["stream"]
    )
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn shown(frames: &[(String, Vec<u8>)]) -> String {
    let lines = frames.iter().map(|(head, payload)| {
        let payload: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{head} {payload}\n")
    });
    lines.collect()
}

/// By stream, as on the wire.
type Priorities = Arc<Mutex<Vec<(u32, Vec<u8>)>>>;

/// Seen of Chromium 156: a style sheet, a script and an image at once.
#[tokio::test]
async fn chromiums_open_streams_are_a_chain() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let priorities = Priorities::default();
    let kept = Arc::clone(&priorities);
    let peer = Peer::tls(config, move |_, stream| {
        let kept = Arc::clone(&kept);
        async move {
            let mut http2 = Http2::accept(stream, &[]).await.unwrap();
            let mut open = Vec::new();
            while let Some(frame) = http2.read().await {
                if frame.kind == HEADERS {
                    kept.lock()
                        .push((frame.stream, frame.payload[..5].to_vec()));
                    open.push(frame.stream);
                }
                // Not before all are open, and then one more.
                if open.len() == 3 || frame.stream == 7 {
                    for stream in open.drain(..) {
                        http2.respond(stream).await;
                    }
                }
            }
        }
    })
    .await;
    let pool = trusting(&authority)
        .profile("chromium-156")
        .build()
        .unwrap();
    let connection = pool.get(&peer.target()).await.unwrap();
    let send = async |kind: &'static str| {
        let request = http::Request::get(format!("/{kind}"))
            .extension(RequestOptions::new().kind(kind))
            .body(Full::<Bytes>::default())
            .unwrap();
        let response = connection.send(request).await.unwrap();
        http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap();
    };
    tokio::join!(send("style"), send("script"), send("image"));
    send("image-low").await;
    let seen = priorities.lock().clone();
    let wanted = [(1, 0, 255), (3, 1, 219), (5, 3, 219), (7, 0, 182)];
    let wanted = wanted.map(|(stream, parent, weight)| (stream, vec![0x80, 0, 0, parent, weight]));
    assert_eq!(seen, wanted);
}
