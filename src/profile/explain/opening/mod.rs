//! Could a client have sent this HTTP/2 opening?
//!
//! What the profile fixes must be equal: SETTINGS, window updates, PRIORITY frames, stream numbers, the order of pseudo-headers, and
//! the bytes of each header block, given its headers. A request is held against the kind that it is nearest to. What the user of a
//! client decides is left to him: [`is_users`](header_list::is_users) says which headers' values.

mod connection;
mod header_block;
mod header_list;
mod request;

use super::Difference;
use crate::profile::Http2Opening;
use crate::profile::http2::Http2Template;
use crate::profile::requests::RequestTemplates;
use connection::connection;
pub(in crate::profile) use header_block::Replay;
use request::{kind, pseudo_headers, stream, window_update};

impl Http2Template {
    /// What is in `opening` that this template's client would not have sent; without `kinds`, headers can be any.
    pub(crate) fn differences(
        &self,
        opening: &Http2Opening,
        kinds: Option<&RequestTemplates>,
    ) -> Vec<Difference> {
        let mut differences = connection(self, opening);
        let mut replay = Replay::new(&self.hpack);
        let mut next_stream = self.first_stream;
        for request in opening.requests() {
            let mut found = Vec::new();
            found.extend(stream(next_stream, request));
            found.extend(window_update(self, request));
            found.extend(pseudo_headers(self, request));
            found.extend(kinds.map(|kinds| kind(kinds, request)).unwrap_or_default());
            found.extend(replay.differences(request));
            differences.extend(found.into_iter().map(|difference| Difference {
                place: format!(
                    "request on stream {}, {}",
                    request.stream(),
                    difference.place
                ),
                ..difference
            }));
            next_stream = request.stream().saturating_add(2);
        }
        differences
    }
}

/// Texts as one, or that there is none.
fn list<T: Into<String>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(Into::into).collect();
    match items.as_slice() {
        [] => "none".to_owned(),
        items => items.join(", "),
    }
}

fn number(number: Option<u32>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests;
