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
use crate::profile::http2::{Http2Template, StreamDependencies};
use crate::profile::requests::RequestTemplates;
use crate::profile::{Http2Opening, Http2Request};
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
            let dependencies = self.dependencies(opening, request);
            found.extend(
                kinds
                    .map(|kinds| kind(kinds, request, &dependencies))
                    .unwrap_or_default(),
            );
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

impl Http2Template {
    /// The streams that the request's may depend on instead of its kind's: those of the earlier requests that weigh no less. Which of
    /// them were open is for the server to know.
    fn dependencies(&self, opening: &Http2Opening, request: &Http2Request) -> Vec<u32> {
        let (StreamDependencies::Chained, Some(own)) = (self.dependencies, request.priority())
        else {
            return Vec::new();
        };
        let earlier = opening
            .requests()
            .iter()
            .take_while(|other| other.stream() < request.stream());
        let weighs = |other: &&Http2Request| {
            let priority = other.priority();
            priority.is_some_and(|priority| priority.weight_less_one >= own.weight_less_one)
        };
        earlier.filter(weighs).map(Http2Request::stream).collect()
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
