//! Hellos that real clients sent.

use super::bytes;
use serde_json::Value;

use super::corpus::corpus;

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
