//! Which of the possible encodings a client chooses. Data, for a profile to carry.

use super::field::{Field, Indexing};

/// How a client encodes its header blocks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Policy {
    /// The first rule that is for the field counts.
    pub(crate) rules: Vec<FieldRule>,
    /// For fields without a rule of their own.
    pub(crate) default: Rule,
    /// For fields whose author said that they are sensitive; none: as for others.
    pub(crate) sensitive: Option<Rule>,
    /// Where a literal's name is looked for, in this order; if nowhere, it is spelled out.
    pub(crate) names: Vec<NameSource>,
    pub(crate) name_huffman: HuffmanUse,
    pub(crate) value_huffman: HuffmanUse,
    /// A field larger than this share of the dynamic table is not added to it.
    pub(crate) largest_entry_percent: Option<u8>,
    /// Nothing is added to a dynamic table below this size.
    pub(crate) smallest_table: u32,
    /// The dynamic table is never larger than this, whatever the peer allows.
    pub(crate) largest_table: u32,
    pub(crate) size_signal: SizeSignal,
}

/// A rule and the fields that it is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FieldRule {
    pub(crate) name: Vec<u8>,
    /// Only for values of fewer bytes.
    pub(crate) value_shorter_than: Option<usize>,
    pub(crate) rule: Rule,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rule {
    /// When a table has the very same field.
    pub(crate) indexed: IndexedUse,
    /// Otherwise.
    pub(crate) indexing: Indexing,
}

/// From which tables a field is sent as an index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum IndexedUse {
    /// The static one first, then the dynamic one.
    Both,
    Static,
    Nothing,
}

/// Where a literal can take its name from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NameSource {
    /// The entry that has the value as well, which a rule forbade to send as an index.
    SameValue,
    StaticFirst,
    StaticLast,
    DynamicNewest,
    DynamicOldest,
}

/// When a string is Huffman-coded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HuffmanUse {
    IfShorter,
    IfNotLonger,
    Always,
    Never,
}

/// Which SETTINGS_HEADER_TABLE_SIZE makes the next block begin with a size update.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SizeSignal {
    /// One that changes the size; the smallest in between is told only if it was a decrease.
    Change,
    /// Every one, be it the size that there is.
    Announcement,
}

impl Policy {
    pub(super) fn rule(&self, field: &Field<'_>) -> Rule {
        if let Some(rule) = self.sensitive.filter(|_| field.sensitive) {
            return rule;
        }
        let rule = self.rules.iter().find(|rule| rule.is_for(field));
        rule.map_or(self.default, |rule| rule.rule)
    }

    /// Whether a dynamic table of `table_size` takes the field in.
    pub(super) fn admits(&self, field: &Field<'_>, table_size: u32) -> bool {
        let share = self
            .largest_entry_percent
            .map(|percent| u64::from(table_size) * u64::from(percent) / 100);
        table_size >= self.smallest_table && share.is_none_or(|share| field.size() as u64 <= share)
    }
}

impl FieldRule {
    fn is_for(&self, field: &Field<'_>) -> bool {
        self.name == field.name
            && self
                .value_shorter_than
                .is_none_or(|length| field.value.len() < length)
    }
}

impl HuffmanUse {
    /// For a string of `raw` bytes, or `coded` ones.
    pub(super) const fn applies(self, raw: usize, coded: usize) -> bool {
        match self {
            Self::IfShorter => coded < raw,
            Self::IfNotLonger => coded <= raw,
            Self::Always => true,
            Self::Never => false,
        }
    }
}
