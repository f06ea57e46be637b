//! The part of a profile that says how header blocks are encoded.

use serde::{Deserialize, Serialize};

/// `http2.hpack`. Where nothing is said, the encoder is that of the RFC's examples (RFC 7541 appendix C).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HpackDocument {
    /// The first rule that is for a field counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<FieldRuleDocument>,
    /// For fields without a rule of their own.
    pub(crate) default: RuleDocument,
    /// For fields whose author said that they are sensitive; none: as for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sensitive: Option<RuleDocument>,
    /// Where a literal's name is looked for, in this order.
    pub(crate) names: Vec<NameSourceDocument>,
    pub(crate) name_huffman: HuffmanDocument,
    pub(crate) value_huffman: HuffmanDocument,
    /// A field larger than this share of the dynamic table is not added to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) largest_entry_percent: Option<u8>,
    /// Nothing is added to a dynamic table below this size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smallest_table: Option<u32>,
    /// The dynamic table is never larger than this, whatever the server allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) largest_table: Option<u32>,
    pub(crate) size_signal: SizeSignalDocument,
}

impl HpackDocument {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for HpackDocument {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            default: RuleDocument::default(),
            sensitive: None,
            names: vec![
                NameSourceDocument::StaticFirst,
                NameSourceDocument::DynamicNewest,
            ],
            name_huffman: HuffmanDocument::default(),
            value_huffman: HuffmanDocument::default(),
            largest_entry_percent: None,
            smallest_table: None,
            largest_table: None,
            size_signal: SizeSignalDocument::default(),
        }
    }
}

/// A rule and the fields that it is for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldRuleDocument {
    pub(crate) name: String,
    /// Only for values of fewer bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shorter_than: Option<u32>,
    // serde cannot refuse unknown members of a flattened rule.
    #[serde(default)]
    pub(crate) indexed: IndexedDocument,
    #[serde(default)]
    pub(crate) literal: LiteralDocument,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RuleDocument {
    pub(crate) indexed: IndexedDocument,
    pub(crate) literal: LiteralDocument,
}

/// From which tables a field is sent as an index.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IndexedDocument {
    #[default]
    Both,
    Static,
    Never,
}

/// Whether a literal becomes an entry (RFC 7541 section 6.2).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LiteralDocument {
    #[default]
    Incremental,
    Without,
    Never,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NameSourceDocument {
    SameValue,
    StaticFirst,
    StaticLast,
    DynamicNewest,
    DynamicOldest,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HuffmanDocument {
    #[default]
    IfShorter,
    IfNotLonger,
    Always,
    Never,
}

/// Which SETTINGS_HEADER_TABLE_SIZE makes the next block begin with a size update.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SizeSignalDocument {
    #[default]
    Change,
    Announcement,
}
