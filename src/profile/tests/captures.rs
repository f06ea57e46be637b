//! What real clients sent.

use super::bytes;
use serde_json::Value;

use super::corpus::{corpus, rebuild};

/// A hello, and what is known of how it came to be.
#[derive(Debug)]
pub(in crate::profile) struct Capture {
    pub(in crate::profile) name: String,
    pub(in crate::profile) scenario: String,
    /// The name of the other hello of a HelloRetryRequest.
    pub(in crate::profile) pair: Option<String>,
    pub(in crate::profile) records: Vec<u8>,
}

/// A file of the corpus, or the part of it that is kept here.
pub(in crate::profile) fn file(name: &str) -> String {
    let kept = || concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures").into();
    std::fs::read_to_string(corpus().unwrap_or_else(kept).join(name)).unwrap()
}

/// The captures in a file of the corpus.
pub(in crate::profile) fn captures(name: &str) -> Vec<Capture> {
    let lines = file(name);

    lines
        .lines()
        .map(|line| capture(&serde_json::from_str(line).unwrap()))
        .collect()
}

fn capture(line: &Value) -> Capture {
    let text = |field: &str| line[field].as_str().map(ToOwned::to_owned);
    Capture {
        name: text("name").unwrap(),
        scenario: text("scenario").unwrap(),
        pair: text("pair").map(|name| name.trim_end_matches(".json").to_owned()),
        records: bytes(line["record_hex"].as_str().unwrap()),
    }
}

/// A client's HTTP/2 openings by name: those of the corpus, or those that are kept here. Some have no request.
pub(in crate::profile) fn openings(client: &str) -> Vec<(String, Vec<u8>)> {
    if let Some(corpus) = corpus() {
        let text = std::fs::read_to_string(corpus.join(format!("{client}.jsonl"))).unwrap();
        let captured = lines(&text).into_iter();
        return captured
            .filter(|line| line["http2"].is_object())
            .map(|line| (name(&line), rebuild(&line["http2"])))
            .collect();
    }
    kept_openings(client)
}

/// Those that are kept here.
pub(in crate::profile) fn kept_openings(client: &str) -> Vec<(String, Vec<u8>)> {
    let kept = lines(include_str!("../../../tests/captures/openings.jsonl")).into_iter();
    kept.filter(|line| line["client"] == client)
        .map(|line| (name(&line), bytes(line["opening_hex"].as_str().unwrap())))
        .collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn name(line: &Value) -> String {
    line["name"].as_str().unwrap().to_owned()
}
