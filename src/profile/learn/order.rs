//! Which extensions a client sends, and in which order.

use super::extensions::is_opaque;
use super::{PRE_SHARED_KEY, is_resuming};
use crate::profile::document::{ExtensionDocument, ExtensionOrder, OpaqueDocument, Registry};
use crate::profile::{ClientHello, Extension, hex};

pub(super) struct Extensions {
    pub(super) listed: Vec<ExtensionDocument>,
    pub(super) order: ExtensionOrder,
    pub(super) pinned: Vec<String>,
    pub(super) without_when_resuming: Vec<String>,
}

/// One of a hello's extensions: by number, or the n-th GREASE.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Key {
    Number(u16),
    Grease(usize),
}

const PADDING: u16 = 21;
const COOKIE: u16 = 44;
const PSK_KEY_EXCHANGE_MODES: u16 = 45;
const KEY_SHARE: u16 = 51;

/// From this many hellos in different orders on, an extension that never moved is pinned: among seventeen permuted ones, one in
/// 17⁴ would look so.
const TELLING: usize = 5;

pub(super) fn extensions(hellos: &[&ClientHello]) -> Extensions {
    let sequences: Vec<Vec<Key>> = hellos.iter().map(|hello| keys(hello)).collect();
    let merged = merged(&sequences);
    let (mut all, order) = match merged {
        Some(all) => (all, ExtensionOrder::Fixed),
        None => (union(&sequences), ExtensionOrder::Permuted),
    };
    let tls13 = all.contains(&Key::Number(KEY_SHARE));
    if tls13 && !all.contains(&Key::Number(COOKIE)) {
        // Not seen without a HelloRetryRequest that brings one; what follows it must stay at the end.
        let end = all
            .iter()
            .rposition(|key| !stays_last(*key))
            .map_or(0, |last| last + 1);
        all.insert(end, Key::Number(COOKIE));
    }
    let resumes = all.contains(&Key::Number(PSK_KEY_EXCHANGE_MODES));
    if resumes && !all.contains(&Key::Number(PRE_SHARED_KEY)) {
        all.push(Key::Number(PRE_SHARED_KEY));
    }
    let pinned = match order {
        ExtensionOrder::Fixed => Vec::new(),
        ExtensionOrder::Permuted => pinned(&all, &sequences),
    };
    let without = all
        .iter()
        .filter(|key| is_left_out(**key, hellos))
        .map(|key| text(*key))
        .collect();
    Extensions {
        listed: all.iter().map(|key| entry(*key, hellos)).collect(),
        order,
        pinned,
        without_when_resuming: without,
    }
}

fn keys(hello: &ClientHello) -> Vec<Key> {
    let mut grease = 0;
    let key = |extension: &Extension| match extension.is_grease() {
        true => {
            grease += 1;
            Key::Grease(grease - 1)
        }
        false => Key::Number(extension.id()),
    };
    hello.extensions().iter().map(key).collect()
}

/// One order that all sequences are parts of, if there is one.
pub(super) fn merged<K: Copy + PartialEq>(sequences: &[Vec<K>]) -> Option<Vec<K>> {
    let mut rest: Vec<&[K]> = sequences.iter().map(Vec::as_slice).collect();
    let mut merged = Vec::new();
    while rest.iter().any(|rest| !rest.is_empty()) {
        let is_next = |key: &K| {
            rest.iter()
                .all(|rest| !rest.iter().skip(1).any(|later| later == key))
        };
        let next = *rest
            .iter()
            .filter_map(|rest| rest.first())
            .find(|key| is_next(key))?;
        merged.push(next);
        for rest in &mut rest {
            if let [first, others @ ..] = *rest
                && *first == next
            {
                *rest = others;
            }
        }
    }
    Some(merged)
}

/// Every extension once: the first sequence's order, and what the others have beside it before what they end with.
fn union(sequences: &[Vec<Key>]) -> Vec<Key> {
    let mut all: Vec<Key> = Vec::new();
    for sequence in sequences {
        for key in sequence {
            if !all.contains(key) {
                let end = all
                    .iter()
                    .rposition(|key| !stays_last(*key))
                    .map_or(0, |last| last + 1);
                if stays_last(*key) {
                    all.push(*key);
                } else {
                    all.insert(end, *key);
                }
            }
        }
    }
    // Of those at the end, the pre-shared key is the last.
    all.sort_by_key(|key| *key == Key::Number(PRE_SHARED_KEY));
    all
}

/// What goes at the end: padding, a last GREASE, and the pre-shared key (RFC 8446 section 4.2.11).
fn stays_last(key: Key) -> bool {
    matches!(key, Key::Number(PADDING | PRE_SHARED_KEY))
        || matches!(key, Key::Grease(index) if index > 0)
}

fn pinned(all: &[Key], sequences: &[Vec<Key>]) -> Vec<String> {
    let mut pinned: Vec<String> = Vec::new();
    for key in all {
        let always = matches!(key, Key::Grease(_) | Key::Number(PADDING | PRE_SHARED_KEY));
        let never_moved = sequences.len() >= TELLING && {
            let mut places = sequences
                .iter()
                .filter_map(|sequence| sequence.iter().position(|other| other == key));
            let first = places.next();
            first.is_some() && places.all(|place| Some(place) == first)
        };
        if (always || never_moved) && !pinned.contains(&text(*key)) {
            pinned.push(text(*key));
        }
    }
    pinned
}

/// Whether hellos have it that do not resume, and those that do have it not.
fn is_left_out(key: Key, hellos: &[&ClientHello]) -> bool {
    let has = |hello: &&&ClientHello| keys(hello).contains(&key);
    let resuming: Vec<_> = hellos.iter().filter(|hello| is_resuming(hello)).collect();
    let fresh: Vec<_> = hellos.iter().filter(|hello| !is_resuming(hello)).collect();
    !resuming.is_empty() && !resuming.iter().any(&has) && !fresh.is_empty() && fresh.iter().all(has)
}

fn text(key: Key) -> String {
    match key {
        Key::Grease(_) => "GREASE".to_owned(),
        Key::Number(number) => Registry::Extension.text(number),
    }
}

fn entry(key: Key, hellos: &[&ClientHello]) -> ExtensionDocument {
    let found = hellos.iter().find_map(|hello| {
        let place = keys(hello).iter().position(|other| *other == key)?;
        hello
            .extensions()
            .get(place)
            .map(|extension| (hello, extension))
    });
    match (key, found) {
        (Key::Grease(_), Some((_, extension))) if extension.body().is_empty() => {
            ExtensionDocument::Named("GREASE".to_owned())
        }
        (Key::Number(_), Some((hello, extension))) if !is_opaque(hello, extension) => {
            ExtensionDocument::Named(text(key))
        }
        (_, None) => ExtensionDocument::Named(text(key)),
        (_, Some((_, extension))) => ExtensionDocument::Opaque(OpaqueDocument {
            extension: text(key),
            body: hex::encode(extension.body()),
        }),
    }
}
