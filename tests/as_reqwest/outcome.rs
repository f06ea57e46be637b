//! What a request came to, for comparing.

use std::error::Error as _;

use http::HeaderMap;
use http_body_util::BodyExt;
use reqwest::{Body, Response};

/// Everything of an answer that a caller can see and that does not differ from one run to the next.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    pub status: u16,
    pub version: String,
    pub url: String,
    pub headers: Vec<String>,
    pub content_length: Option<u64>,
    pub body: Result<String, &'static str>,
    pub trailers: Vec<String>,
}

/// How it failed before the response's head.
pub(crate) type Failure = &'static str;

impl Outcome {
    pub(crate) async fn of(response: Response) -> Self {
        let announced = response.content_length();
        let mut outcome = Self {
            status: response.status().as_u16(),
            version: format!("{:?}", response.version()),
            url: response.url().to_string(),
            headers: listed(response.headers()),
            content_length: announced,
            body: Ok(String::new()),
            trailers: Vec::new(),
        };
        let body = http::Response::<Body>::from(response).into_body();
        match body.collect().await {
            Ok(collected) => {
                outcome.trailers = collected.trailers().map(listed).unwrap_or_default();
                outcome.body = Ok(shortened(&collected.to_bytes()));
            }
            Err(error) => outcome.body = Err(body_failure(&error)),
        }
        // reqwest gives the length that a HEAD's answer announces over HTTP/2, and zero over HTTP/1.1; the pool zero over both.
        if outcome.body == Ok(String::new()) {
            outcome.content_length = None;
        }
        outcome
    }
}

/// Large bodies by their length.
fn shortened(bytes: &[u8]) -> String {
    match bytes.len() {
        0..4096 => String::from_utf8_lossy(bytes).into_owned(),
        length => format!("{length} bytes"),
    }
}

fn listed(headers: &HeaderMap) -> Vec<String> {
    let mut listed: Vec<String> = headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    listed.sort();
    listed
}

fn body_failure(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "timeout",
        error if error.is_body() || error.is_decode() => "body",
        _ => "other",
    }
}

/// Of reqwest's own.
pub(crate) fn failure(error: &reqwest::Error) -> Failure {
    match error {
        error if error.is_timeout() => "timeout",
        error if error.is_redirect() => "redirect",
        error if error.is_builder() => "builder",
        error if error.is_connect() => "connect",
        error if error.is_request() => "request",
        error => panic!("{error:?} {:?}", error.source()),
    }
}

/// Of the pool's.
pub(crate) fn hot_failure(error: &hotpool::Error) -> Failure {
    use hotpool::ErrorKind::*;
    match error.kind() {
        RequestTimeout => "timeout",
        RedirectRefused => "redirect",
        InvalidTarget => "builder",
        ConnectRefused | ConnectFailed | HostNotFound | ResolveFailed => "connect",
        _ => "request",
    }
}
