//! What ALPN offers against what there is of HTTP/2.

use super::Contradiction;
use crate::profile::document::ProfileDocument;
use crate::profile::installation::Installation;
use crate::profile::template::{Content, HelloTemplate};

pub(super) fn contradictions(
    document: &ProfileDocument,
    installation: &Installation,
) -> Vec<Contradiction> {
    let Some(hello) = &installation.client_hello else {
        return Vec::new();
    };
    let offers_http2 = offers_http2(hello);
    let lists = document.requests.iter().flat_map(|part| &part.kinds);
    let list = lists
        .filter(|(_, kind)| kind.http2.is_some())
        .map(|(name, _)| format!("requests.kinds.{name}.http2"))
        .next();
    match (offers_http2, installation.http2.is_some()) {
        // Who was seen to say hello and no more contradicts nothing.
        (true, false) if document.requests.is_none() => Vec::new(),
        (true, false) => vec![Contradiction::new(
            "client_hello.alpn",
            "it offers h2, and there is no `http2`: what stock h2 sends is not what this client does",
        )],
        (false, true) => vec![Contradiction::new(
            "http2",
            "there is no h2 in `client_hello.alpn`: this client never speaks HTTP/2",
        )],
        (false, false) => list
            .map(|place| {
                Contradiction::new(
                    place,
                    "there is no h2 in `client_hello.alpn`: this client never speaks HTTP/2",
                )
            })
            .into_iter()
            .collect(),
        (true, true) => Vec::new(),
    }
}

/// Whether HTTP/2 is offered, and what is sent then is left to stock h2.
pub(in crate::profile) fn leaves_http2_open(installation: &Installation) -> bool {
    let hello = installation.client_hello.as_deref();
    installation.http2.is_none() && hello.is_some_and(offers_http2)
}

fn offers_http2(hello: &HelloTemplate) -> bool {
    match hello.extension(ALPN).map(|found| &found.content) {
        Some(Content::Alpn(protocols)) => protocols.iter().any(|protocol| **protocol == *b"h2"),
        _ => false,
    }
}

const ALPN: u16 = 16;
