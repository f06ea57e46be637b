//! The captured openings, made by stock h2.

use std::fs;
use std::path::Path;

use http::{HeaderName, HeaderValue, Request};
use serde_json::Value;
use tokio::io::duplex;

use super::client::Client;
use super::server::{Frame, Server};
use super::templates::{chromium, firefox};
use crate::profile::StreamPriority;
use crate::profile::http2::Http2Template;
use crate::shape::h2::PRIORITY_MARK;
use crate::shape::h2::head::{
    ACK, CONTINUATION, END_STREAM, GOAWAY, HAS_PRIORITY, HEADERS, SETTINGS, WINDOW_UPDATE,
};

const MAX_CONCURRENT_STREAMS: u16 = 3;

/// What was captured of a connection: its opening up to the first request, and that request's headers.
struct Capture {
    name: String,
    frames: Vec<Frame>,
    headers: Vec<(String, String)>,
}

fn captures(file: &str) -> Vec<Capture> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let corpus = [beside, "/work/shared/corpus"].map(Path::new);
    let Some(corpus) = corpus.into_iter().find(|at| at.is_dir()) else {
        println!("SKIP: the corpus is not at {beside}");
        return Vec::new();
    };
    let lines = fs::read_to_string(corpus.join(file)).unwrap();
    let captures = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    captures
        .filter(|capture: &Value| capture["http2"].is_object())
        .map(|capture| Capture {
            name: format!("{file} {}", capture["name"]),
            frames: frames(&capture["http2"]["frames"]),
            headers: headers(&capture["http2"]["requests"][0]["headers"]),
        })
        .collect()
}

fn frames(frames: &Value) -> Vec<Frame> {
    let frames = frames.as_array().unwrap().iter();
    let hex = |text: &str| u8::from_str_radix(text, 16).unwrap();
    frames
        .map(|frame| Frame {
            kind: match frame["type"].as_str().unwrap() {
                "SETTINGS" => SETTINGS,
                "WINDOW_UPDATE" => WINDOW_UPDATE,
                "HEADERS" => HEADERS,
                "CONTINUATION" => CONTINUATION,
                "GOAWAY" => GOAWAY,
                other => panic!("{other}"),
            },
            flags: hex(&frame["flags"].as_str().unwrap()[2..]),
            stream: frame["stream"].as_u64().unwrap() as u32,
            payload: {
                let digits = frame["hex"].as_str().unwrap();
                let pairs = (0..digits.len()).step_by(2);
                pairs.map(|at| hex(&digits[at..at + 2])).collect()
            },
        })
        .collect()
}

fn headers(headers: &Value) -> Vec<(String, String)> {
    let headers = headers.as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    headers
        .map(|header| (text(&header[0]), text(&header[1])))
        .collect()
}

impl Capture {
    fn request(&self) -> Request<()> {
        let value = |wanted: &str| {
            let found = self.headers.iter().find(|(name, _)| name == wanted);
            found.unwrap().1.as_str()
        };
        let uri = [value(":scheme"), "://", value(":authority"), value(":path")].concat();
        let mut request = Request::new(());
        *request.method_mut() = value(":method").parse().unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        let fields = self
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with(':'));
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        if let Some(priority) = self.priority() {
            request.headers_mut().insert(PRIORITY_MARK, priority);
        }
        request
    }

    fn first(&self, kind: u8) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.kind == kind)
    }

    fn priority(&self) -> Option<HeaderValue> {
        let headers = self.first(HEADERS)?;
        let has = headers.flags & HAS_PRIORITY != 0;
        let bytes = *headers.payload.first_chunk()?;
        has.then(|| StreamPriority::from_bytes(bytes).into())
    }

    /// The same on stock h2.
    async fn replay(&self, template: Http2Template) -> Vec<Frame> {
        let (near, far) = duplex(1 << 16);
        let updates = usize::from(template.stream_window_update.is_some());
        let mut client = Client::new(template, near).await;
        let mut server = Server::accept(far).await;
        let mut sent = Vec::new();
        let settings_first = self.frames.iter().any(|frame| frame.is(SETTINGS, ACK));
        if settings_first {
            server.settings(&[(MAX_CONCURRENT_STREAMS, 100)]).await;
            while !sent
                .last()
                .is_some_and(|frame: &Frame| frame.is(SETTINGS, ACK))
            {
                sent.push(server.read().await.unwrap());
            }
        }
        let end = self.first(HEADERS).unwrap().flags & END_STREAM != 0;
        let _answer = client.sender.send_request(self.request(), end).unwrap();
        while sent
            .last()
            .is_none_or(|frame: &Frame| frame.kind != HEADERS)
        {
            sent.push(server.read().await.unwrap());
        }
        for _ in 0..updates {
            sent.push(server.read().await.unwrap());
        }
        sent
    }
}

async fn replay(file: &str, template: &Http2Template, requests: usize) {
    let captures = captures(file);
    let requesting = |capture: &&Capture| capture.first(HEADERS).is_some();
    let mut same = 0;
    for capture in captures.iter().filter(requesting) {
        let sent = capture.replay(template.clone()).await;
        assert_eq!(sent, capture.frames, "{}", capture.name);
        same += 1;
    }
    println!("{file}: {same} openings, all the same");
    assert!(captures.is_empty() || same == requests, "{same}");
}

#[tokio::test]
async fn chromium_frame_for_frame() {
    replay("chromium-156.jsonl", &chromium(), 173).await;
}

#[tokio::test]
async fn firefox_frame_for_frame() {
    replay("firefox-esr-153.jsonl", &firefox(), 183).await;
}

/// Chromium and Firefox must not be mistaken for one another, or the tests above show nothing.
#[tokio::test]
async fn the_browsers_differ() {
    for (file, template) in [
        ("chromium-156.jsonl", firefox()),
        ("firefox-esr-153.jsonl", chromium()),
    ] {
        if let Some(capture) = captures(file).first() {
            let sent = Http2Template {
                first_stream: capture.first(HEADERS).unwrap().stream,
                ..template
            };
            assert_ne!(capture.replay(sent).await, capture.frames);
        }
    }
}
