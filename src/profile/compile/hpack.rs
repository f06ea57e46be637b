//! How a client encodes its header blocks.

use http::HeaderName;

use super::{Fault, Result};
use crate::profile::document::{
    FieldRuleDocument, HpackDocument, HuffmanDocument, IndexedDocument, LiteralDocument,
    NameSourceDocument, RuleDocument, SizeSignalDocument,
};
use crate::profile::hpack::{
    FieldRule, HuffmanUse, IndexedUse, Indexing, NameSource, Policy, Rule, SizeSignal,
};

pub(in crate::profile) fn hpack(document: &HpackDocument) -> Result<Policy> {
    let smallest_table = document.smallest_table.unwrap_or(0);
    let largest_table = document.largest_table.unwrap_or(u32::MAX);
    if smallest_table > largest_table {
        return Err(Fault::new(
            "hpack.smallest_table",
            "it is more than `largest_table`: no table would ever be used",
        ));
    }
    if document
        .largest_entry_percent
        .is_some_and(|percent| !(1..=100).contains(&percent))
    {
        return Err(Fault::new(
            "hpack.largest_entry_percent",
            "it is 1 to 100 percent",
        ));
    }
    for (index, source) in document.names.iter().enumerate() {
        if document
            .names
            .iter()
            .take(index)
            .any(|before| before == source)
        {
            return Err(Fault::new(
                format!("hpack.names[{index}]"),
                "it is there twice",
            ));
        }
    }
    Ok(Policy {
        rules: rules(&document.fields)?,
        default: rule(document.default),
        sensitive: document.sensitive.map(rule),
        names: document.names.iter().copied().map(name_source).collect(),
        name_huffman: huffman(document.name_huffman),
        value_huffman: huffman(document.value_huffman),
        largest_entry_percent: document.largest_entry_percent,
        smallest_table,
        largest_table,
        size_signal: match document.size_signal {
            SizeSignalDocument::Change => SizeSignal::Change,
            SizeSignalDocument::Announcement => SizeSignal::Announcement,
        },
    })
}

fn rules(documents: &[FieldRuleDocument]) -> Result<Vec<FieldRule>> {
    let fields = documents.iter().enumerate();
    fields
        .map(|(index, document)| {
            let field = format!("hpack.fields[{index}]");
            check_name(&format!("{field}.name"), &document.name)?;
            let shadowed = documents.iter().take(index).any(|before| {
                before.name == document.name
                    && before
                        .shorter_than
                        .is_none_or(|most| document.shorter_than.is_some_and(|own| own <= most))
            });
            if shadowed {
                return Err(Fault::new(field, "an earlier rule is for all of these"));
            }
            if document.shorter_than == Some(0) {
                return Err(Fault::new(
                    format!("{field}.shorter_than"),
                    "no value is shorter than nothing",
                ));
            }
            Ok(FieldRule {
                name: document.name.as_bytes().to_vec(),
                value_shorter_than: document.shorter_than.map(|length| length as usize),
                rule: rule(RuleDocument {
                    indexed: document.indexed,
                    literal: document.literal,
                }),
            })
        })
        .collect()
}

/// Of a header in lower case, or of a pseudo-header.
fn check_name(field: &str, name: &str) -> Result<()> {
    let plain = name.strip_prefix(':').unwrap_or(name);
    let is_one = HeaderName::from_bytes(plain.as_bytes()).is_ok_and(|parsed| parsed == plain);
    if is_one && !plain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Fault::new(
        field,
        format!("{name:?} is no header's name in lower case"),
    ))
}

const fn rule(document: RuleDocument) -> Rule {
    Rule {
        indexed: match document.indexed {
            IndexedDocument::Both => IndexedUse::Both,
            IndexedDocument::Static => IndexedUse::Static,
            IndexedDocument::Never => IndexedUse::Nothing,
        },
        indexing: match document.literal {
            LiteralDocument::Incremental => Indexing::Incremental,
            LiteralDocument::Without => Indexing::Without,
            LiteralDocument::Never => Indexing::Never,
        },
    }
}

const fn name_source(document: NameSourceDocument) -> NameSource {
    match document {
        NameSourceDocument::SameValue => NameSource::SameValue,
        NameSourceDocument::StaticFirst => NameSource::StaticFirst,
        NameSourceDocument::StaticLast => NameSource::StaticLast,
        NameSourceDocument::DynamicNewest => NameSource::DynamicNewest,
        NameSourceDocument::DynamicOldest => NameSource::DynamicOldest,
    }
}

const fn huffman(document: HuffmanDocument) -> HuffmanUse {
    match document {
        HuffmanDocument::IfShorter => HuffmanUse::IfShorter,
        HuffmanDocument::IfNotLonger => HuffmanUse::IfNotLonger,
        HuffmanDocument::Always => HuffmanUse::Always,
        HuffmanDocument::Never => HuffmanUse::Never,
    }
}
