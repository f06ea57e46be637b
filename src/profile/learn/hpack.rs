//! How a client encodes its header blocks.
//!
//! If a compiled-in profile's encoder writes the very blocks that were captured, it is taken over, with what the captures do not show.
//! Otherwise one is sought by trial: each choice that an encoder has is made so that most of the captured fields come out as they were.

use std::sync::Arc;

use http::HeaderName;

use super::Notes;
use crate::profile::compile;
use crate::profile::document::{
    FieldRuleDocument, HpackDocument, Http2Document, HuffmanDocument, IndexedDocument,
    LiteralDocument, NameSourceDocument, RuleDocument,
};
use crate::profile::explain::Replay;
use crate::profile::hpack::Policy;
use crate::profile::{Http2Opening, Profile, catalogue};

/// More openings show nothing new, and each trial writes them all anew.
const MAXIMUM_TRIED: usize = 50;

/// How often every choice is made again, given all others.
const ROUNDS: usize = 3;

/// The encoder of the client that sent `openings`, of which `document` says all else.
pub(super) fn hpack(
    openings: &[&Http2Opening],
    document: &Http2Document,
    notes: &mut Notes,
) -> HpackDocument {
    if let Some((name, hpack)) = known(openings, document) {
        notes.add(&format!(
            "Header blocks are encoded as those of {name}, which gives the captured ones; what they do not show is taken from there."
        ));
        return hpack;
    }
    let tried = openings.get(..MAXIMUM_TRIED).unwrap_or(openings);
    let hpack = by_trial(tried);
    let (same, all) = score(&hpack, tried);
    notes.add(&format!(
        "The encoding of header blocks was found by trial and gives {same} of {all} captured fields; what they do not show is as in RFC 7541's examples."
    ));
    hpack
}

/// A profile whose encoder writes the captured blocks byte for byte, one with the same fingerprint before others.
fn known(openings: &[&Http2Opening], document: &Http2Document) -> Option<(String, HpackDocument)> {
    let akamai = compile::http2(document)
        .ok()
        .map(|template| template.akamai());
    let mut profiles: Vec<Profile> = catalogue().unwrap_or_default();
    profiles.sort_by_key(|profile| akamai.is_none() || profile.akamai() != akamai);
    profiles.into_iter().find_map(|profile| {
        let template = profile.http2_template()?;
        let writes = openings.iter().all(|opening| {
            let mut replay = Replay::new(&template.hpack);
            let mut requests = opening.requests().iter();
            requests.all(|request| replay.encode(request) == request.block())
        });
        let document = profile.document().http2.as_ref().filter(|_| writes)?;
        Some((profile.name().to_string(), document.hpack.clone()))
    })
}

pub(in crate::profile) fn by_trial(openings: &[&Http2Opening]) -> HpackDocument {
    let mut best = HpackDocument::default();
    for _ in 0..ROUNDS {
        let before = best.clone();
        try_each(&mut best, openings, HUFFMAN, |hpack, huffman| {
            hpack.value_huffman = huffman;
        });
        try_each(&mut best, openings, HUFFMAN, |hpack, huffman| {
            hpack.name_huffman = huffman;
        });
        try_each(&mut best, openings, rules(), |hpack, rule| {
            hpack.default = rule;
        });
        try_each(&mut best, openings, NAMES, |hpack, names| {
            hpack.names = names.to_vec();
        });
        for name in different(&best, openings) {
            try_each(&mut best, openings, rules(), |hpack, rule| {
                hpack.fields.retain(|field| field.name != name);
                if rule != hpack.default {
                    hpack.fields.push(FieldRuleDocument {
                        name: name.clone(),
                        shorter_than: None,
                        indexed: rule.indexed,
                        literal: rule.literal,
                    });
                }
            });
        }
        // What nghttp2 and NSS have; others add whatever fits.
        try_each(
            &mut best,
            openings,
            [None, Some(75), Some(50)],
            |hpack, percent| {
                hpack.largest_entry_percent = percent;
            },
        );
        let (same, all) = score(&best, openings);
        if same == all || best == before {
            break;
        }
    }
    best
}

/// Makes the choice that gives most of the fields; the one that there is unless another gives more.
fn try_each<T>(
    best: &mut HpackDocument,
    openings: &[&Http2Opening],
    choices: impl IntoIterator<Item = T>,
    choose: impl Fn(&mut HpackDocument, T),
) {
    let (mut most, _) = score(best, openings);
    let base = best.clone();
    for choice in choices {
        let mut candidate = base.clone();
        choose(&mut candidate, choice);
        let (same, _) = score(&candidate, openings);
        if same > most {
            (*best, most) = (candidate, same);
        }
    }
}

/// How many fields the encoder writes as they were captured, and how many there are.
pub(in crate::profile) fn score(
    hpack: &HpackDocument,
    openings: &[&Http2Opening],
) -> (usize, usize) {
    let (mut same, mut all) = (0, 0);
    each_field(hpack, openings, |_, is_same| {
        all += 1;
        same += usize::from(is_same);
    });
    (same, all)
}

/// The names of the fields that the encoder writes otherwise.
fn different(hpack: &HpackDocument, openings: &[&Http2Opening]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    each_field(hpack, openings, |name, is_same| {
        let name = String::from_utf8_lossy(name);
        let plain = name.strip_prefix(':').unwrap_or(&name);
        let can_have_rule = HeaderName::from_bytes(plain.as_bytes()).is_ok();
        if !is_same && can_have_rule && !names.iter().any(|known| *known == name) {
            names.push(name.into_owned());
        }
    });
    names
}

fn each_field(
    hpack: &HpackDocument,
    openings: &[&Http2Opening],
    mut tell: impl FnMut(&[u8], bool),
) {
    let Some(policy) = policy(hpack) else { return };
    for opening in openings {
        let mut replay = Replay::new(&policy);
        for request in opening.requests() {
            let written = replay.representations(request);
            for (header, written) in request.headers().zip(written) {
                tell(header.name, header.is_written(written));
            }
        }
    }
}

fn policy(hpack: &HpackDocument) -> Option<Arc<Policy>> {
    compile::hpack(hpack).ok().map(Arc::new)
}

const HUFFMAN: [HuffmanDocument; 4] = [
    HuffmanDocument::IfShorter,
    HuffmanDocument::IfNotLonger,
    HuffmanDocument::Always,
    HuffmanDocument::Never,
];

fn rules() -> impl Iterator<Item = RuleDocument> {
    let indexed = [
        IndexedDocument::Both,
        IndexedDocument::Static,
        IndexedDocument::Never,
    ];
    let literal = [
        LiteralDocument::Incremental,
        LiteralDocument::Without,
        LiteralDocument::Never,
    ];
    indexed
        .into_iter()
        .flat_map(move |indexed| literal.map(|literal| RuleDocument { indexed, literal }))
}

/// The orders in which the encoders that are known look for a name.
const NAMES: [&[NameSourceDocument]; 6] = {
    use NameSourceDocument::{DynamicNewest, DynamicOldest, SameValue, StaticFirst, StaticLast};
    [
        &[StaticFirst, DynamicNewest],
        &[StaticLast, DynamicNewest],
        &[DynamicNewest, StaticFirst],
        &[SameValue, DynamicOldest, StaticLast],
        &[StaticFirst],
        &[],
    ]
};
