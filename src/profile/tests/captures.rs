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

/// The captures in a file of the corpus; `None` if it is not at hand.
pub(in crate::profile) fn captures(file: &str) -> Option<Vec<Capture>> {
    let lines = std::fs::read_to_string(corpus()?.join(file)).unwrap();
    Some(
        lines
            .lines()
            .map(|line| capture(&serde_json::from_str(line).unwrap()))
            .collect(),
    )
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
