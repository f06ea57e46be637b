//! What there is to know of a profile that was learned.

use super::HelloCapture;
use crate::profile::Http2Opening;

/// Sentences.
#[derive(Debug)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    /// Begins with what the profile is learned from.
    pub(super) fn of(captures: &[HelloCapture], openings: &[&Http2Opening]) -> Self {
        let requests: usize = openings
            .iter()
            .map(|opening| opening.requests().len())
            .sum();
        let heads = captures.iter().filter(|capture| capture.http1.is_some());
        let mut text = format!("Learned from {}", counted(captures.len(), "hello"));
        for (count, what) in [
            (openings.len(), "HTTP/2 opening"),
            (requests, "HTTP/2 request"),
            (heads.count(), "HTTP/1.1 request"),
        ] {
            if count > 0 {
                text += &format!(", {}", counted(count, what));
            }
        }
        Self(vec![text + "."])
    }

    /// Adds a sentence, once.
    pub(super) fn add(&mut self, sentence: &str) {
        if !self.0.iter().any(|known| known == sentence) {
            self.0.push(sentence.to_owned());
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0.join(" ")
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
