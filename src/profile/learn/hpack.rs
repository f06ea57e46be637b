//! How a client encodes its header blocks.
//!
//! If a compiled-in profile's encoder writes the very blocks that were captured, it is taken over, with what the captures do not show.
//! Otherwise one is sought by trial: each choice that an encoder has is made so that most of the captured fields come out as they were.

use super::Notes;
use super::trials::Trials;
use crate::profile::compile;
use crate::profile::document::{
    FieldRuleDocument, HpackDocument, Http2Document, HuffmanDocument, IndexedDocument,
    LiteralDocument, NameSourceDocument, RuleDocument,
};
use crate::profile::explain::Replay;
use crate::profile::{Http2Opening, Profile, catalogue};

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
    let mut trials = Trials::of(openings);
    let hpack = by_trial(&mut trials);
    let (same, all) = trials.score(&hpack);
    notes.add(&format!(
        "The encoding of header blocks was found by trial and gives {same} of {all} captured fields; what they do not show is as in RFC 7541's examples."
    ));
    if !trials.are_whole() {
        notes.add("There is more in the captures than was tried.");
    }
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

pub(in crate::profile) fn by_trial(trials: &mut Trials<'_>) -> HpackDocument {
    let hpack = HpackDocument::default();
    let (same, all) = trials.score(&hpack);
    let mut best = Best { hpack, same };
    for _ in 0..ROUNDS {
        let before = best.hpack.clone();
        best.try_each(trials, HUFFMAN, |hpack, huffman| {
            hpack.value_huffman = huffman;
        });
        best.try_each(trials, HUFFMAN, |hpack, huffman| {
            hpack.name_huffman = huffman;
        });
        best.try_each(trials, rules(), |hpack, rule| {
            hpack.default = rule;
        });
        best.try_each(trials, NAMES, |hpack, names| {
            hpack.names = names.to_vec();
        });
        for name in trials.different(&best.hpack) {
            best.try_each(trials, rules(), |hpack, rule| {
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
        best.try_each(trials, [None, Some(75), Some(50)], |hpack, percent| {
            hpack.largest_entry_percent = percent;
        });
        if best.same == all || best.hpack == before {
            break;
        }
    }
    best.hpack
}

/// The encoder that gives most of the captured fields so far, and how many it gives.
struct Best {
    hpack: HpackDocument,
    same: usize,
}

impl Best {
    /// Makes the choice that gives most of the fields; the one that there is unless another gives more.
    fn try_each<T>(
        &mut self,
        trials: &mut Trials<'_>,
        choices: impl IntoIterator<Item = T>,
        choose: impl Fn(&mut HpackDocument, T),
    ) {
        let base = self.hpack.clone();
        for choice in choices {
            let mut hpack = base.clone();
            choose(&mut hpack, choice);
            if let Some(same) = trials.better(&hpack, self.same) {
                *self = Self { hpack, same };
            }
        }
    }
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
