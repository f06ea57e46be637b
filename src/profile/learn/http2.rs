//! What a client's HTTP/2 connections are.

use super::order::merged;
use super::{Notes, hpack};
use crate::profile::document::{
    DependenciesDocument, HpackDocument, Http2Document, PriorityFrameDocument,
    PseudoHeaderDocument, Registry, SettingDocument,
};
use crate::profile::{Http2Opening, Http2Request};

/// The document of the client that sent `openings`, which have requests; none if there is no opening.
///
/// # Errors
///
/// What of them shows that they are of different clients.
pub(super) fn http2(
    openings: &[&Http2Opening],
    notes: &mut Notes,
) -> Result<Option<Http2Document>, &'static str> {
    let Some(first) = openings.first() else {
        return Ok(None);
    };
    let all = |same: &dyn Fn(&Http2Opening) -> bool| openings.iter().all(|opening| same(opening));
    if !all(&|opening| settings(opening) == settings(first)) {
        return Err("SETTINGS");
    }
    if !all(&|opening| opening.window_update() == first.window_update()) {
        return Err("WINDOW_UPDATE");
    }
    if !all(&|opening| opening.priorities() == first.priorities()) {
        return Err("PRIORITY frames");
    }
    let mut document = Http2Document {
        settings: settings(first),
        connection_window_update: first.window_update(),
        stream_window_update: stream_window_update(openings, notes),
        priority_frames: priority_frames(first),
        dependencies: dependencies(openings, notes),
        first_stream: first_stream(openings),
        pseudo_headers: pseudo_headers(openings, notes)?,
        hpack: HpackDocument::default(),
        // One connection cannot show it; browsers do.
        coalesces: true,
    };
    document.hpack = hpack::hpack(openings, &document, notes);
    Ok(Some(document))
}

fn settings(opening: &Http2Opening) -> Vec<SettingDocument> {
    let settings = opening.settings().iter();
    settings
        .map(|(id, value)| match id & 0x0f0f {
            // Of the form 0x?a?a, which browsers draw from.
            0x0a0a => SettingDocument::Drawn(("GREASE".to_owned(),)),
            _ => SettingDocument::Fixed(Registry::Setting.text(*id), *value),
        })
        .collect()
}

/// What all requests have, but for those that were the last thing seen of their connections.
fn stream_window_update(openings: &[&Http2Opening], notes: &mut Notes) -> Option<u32> {
    let mut updates = requests(openings).filter_map(Http2Request::window_update);
    let increment = updates.next()?;
    let earlier = openings
        .iter()
        .flat_map(|opening| opening.requests().iter().rev().skip(1));
    let mut missing = earlier.filter(|request| request.window_update().is_none());
    if updates.any(|update| update != increment) || missing.next().is_some() {
        notes.add("Only some requests enlarge their stream's window, which the profile's do not.");
        return None;
    }
    Some(increment)
}

fn priority_frames(opening: &Http2Opening) -> Vec<PriorityFrameDocument> {
    let frames = opening.priorities().iter();
    frames
        .map(|priority| PriorityFrameDocument {
            stream: priority.stream,
            exclusive: priority.exclusive,
            depends_on: priority.dependency,
            weight: priority.weight,
        })
        .collect()
}

/// Which streams are open is not in what the client sends; that one depends on another is.
fn dependencies(openings: &[&Http2Opening], notes: &mut Notes) -> DependenciesDocument {
    let mut all = requests(openings).filter_map(Http2Request::priority);
    if all.any(|priority| priority.dependency != 0) {
        return DependenciesDocument::Chained;
    }
    let later = openings.iter().any(|opening| opening.requests().len() > 1);
    if !later && requests(openings).any(|request| request.priority().is_some()) {
        notes.add("Whether the streams of later requests depend on earlier ones was not seen.");
    }
    DependenciesDocument::Fixed
}

fn first_stream(openings: &[&Http2Opening]) -> u32 {
    let firsts = openings
        .iter()
        .filter_map(|opening| opening.requests().first());
    firsts.map(Http2Request::stream).min().unwrap_or(1)
}

fn pseudo_headers(
    openings: &[&Http2Opening],
    notes: &mut Notes,
) -> Result<Vec<PseudoHeaderDocument>, &'static str> {
    let mut orders: Vec<Vec<&[u8]>> = Vec::new();
    for request in requests(openings) {
        let names = request.headers().map(|header| header.name);
        let order: Vec<&[u8]> = names.filter(|name| name.first() == Some(&b':')).collect();
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    let merged = merged(&orders).ok_or("orders of pseudo-headers")?;
    let mut documents: Vec<PseudoHeaderDocument> =
        merged.into_iter().filter_map(pseudo_header).collect();
    // Every profile has these.
    for name in [&b":method"[..], b":authority", b":scheme", b":path"] {
        if let Some(document) = pseudo_header(name).filter(|wanted| !documents.contains(wanted)) {
            notes.add(&format!("{} was not seen.", String::from_utf8_lossy(name)));
            documents.push(document);
        }
    }
    Ok(documents)
}

fn pseudo_header(name: &[u8]) -> Option<PseudoHeaderDocument> {
    Some(match name {
        b":method" => PseudoHeaderDocument::Method,
        b":authority" => PseudoHeaderDocument::Authority,
        b":scheme" => PseudoHeaderDocument::Scheme,
        b":path" => PseudoHeaderDocument::Path,
        b":protocol" => PseudoHeaderDocument::Protocol,
        _ => return None,
    })
}

fn requests<'a>(openings: &'a [&'a Http2Opening]) -> impl Iterator<Item = &'a Http2Request> {
    openings.iter().flat_map(|opening| opening.requests())
}
