//! How the clients of the corpus encode.

use crate::profile::hpack::{
    FieldRule, HuffmanUse, IndexedUse, Indexing, NameSource, Policy, Rule, SizeSignal,
};

const BOTH: Rule = Rule {
    indexed: IndexedUse::Both,
    indexing: Indexing::Incremental,
};
const WITHOUT: Rule = Rule {
    indexed: IndexedUse::Both,
    indexing: Indexing::Without,
};
const NEVER: Rule = Rule {
    indexed: IndexedUse::Nothing,
    indexing: Indexing::Never,
};

/// The encoder of the RFC's examples.
pub(super) fn plain(huffman: HuffmanUse) -> Policy {
    Policy {
        rules: Vec::new(),
        default: BOTH,
        sensitive: Some(NEVER),
        names: vec![NameSource::StaticFirst, NameSource::DynamicNewest],
        name_huffman: huffman,
        value_huffman: huffman,
        largest_entry_percent: None,
        smallest_table: 0,
        largest_table: u32::MAX,
        size_signal: SizeSignal::Change,
    }
}

pub(super) fn chromium() -> Policy {
    let pseudo = [":method", ":scheme", ":path", ":protocol"];
    Policy {
        rules: pseudo.map(|name| rule(name, WITHOUT)).into(),
        sensitive: None,
        ..plain(HuffmanUse::IfShorter)
    }
}

pub(super) fn firefox() -> Policy {
    let path = Rule {
        indexed: IndexedUse::Nothing,
        indexing: Indexing::Without,
    };
    Policy {
        rules: vec![
            rule(":path", path),
            rule("authorization", NEVER),
            FieldRule {
                value_shorter_than: Some(20),
                ..rule("cookie", NEVER)
            },
        ],
        sensitive: None,
        names: vec![
            NameSource::SameValue,
            NameSource::DynamicOldest,
            NameSource::StaticLast,
        ],
        largest_entry_percent: Some(50),
        smallest_table: 128,
        size_signal: SizeSignal::Announcement,
        ..plain(HuffmanUse::Always)
    }
}

/// curl, Node.
pub(super) fn nghttp2() -> Policy {
    Policy {
        rules: vec![rule(":path", WITHOUT), rule("content-length", WITHOUT)],
        largest_entry_percent: Some(75),
        largest_table: 4096,
        ..plain(HuffmanUse::IfShorter)
    }
}

pub(super) fn go() -> Policy {
    Policy {
        names: vec![NameSource::StaticLast, NameSource::DynamicNewest],
        ..plain(HuffmanUse::IfShorter)
    }
}

/// h2 (reqwest) and Python's hpack (httpx).
pub(super) fn huffman_always() -> Policy {
    plain(HuffmanUse::Always)
}

fn rule(name: &str, rule: Rule) -> FieldRule {
    FieldRule {
        name: name.into(),
        value_shorter_than: None,
        rule,
    }
}
