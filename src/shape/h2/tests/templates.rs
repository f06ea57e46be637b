//! What three clients are, made by hand.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::profile::hpack::{
    FieldRule, HuffmanUse, IndexedUse, Indexing, NameSource, Policy, Rule, SizeSignal,
};
use crate::profile::http2::{Http2Template, PseudoHeader, SettingTemplate};

use PseudoHeader::{Authority, Method, Path, Scheme};

pub(in crate::shape::h2) fn chromium() -> Http2Template {
    let pseudo = [":method", ":scheme", ":path", ":protocol"];
    let without = Rule {
        indexed: IndexedUse::Both,
        indexing: Indexing::Without,
    };
    Http2Template {
        settings: settings(&[(1, 65536), (2, 0), (4, 6_291_456), (6, 262_144)]),
        connection_window_update: NonZeroU32::new(15_663_105),
        stream_window_update: None,
        priority_frames: Vec::new(),
        first_stream: 1,
        pseudo_headers: vec![Method, Authority, Scheme, Path],
        hpack: Arc::new(Policy {
            rules: pseudo.map(|name| rule(name, without)).into(),
            ..policy()
        }),
    }
}

pub(in crate::shape::h2) fn firefox() -> Http2Template {
    let path = Rule {
        indexed: IndexedUse::Nothing,
        indexing: Indexing::Without,
    };
    let never = Rule {
        indexed: IndexedUse::Nothing,
        indexing: Indexing::Never,
    };
    Http2Template {
        settings: settings(&[(1, 65536), (2, 0), (4, 131_072), (5, 16_384)]),
        connection_window_update: NonZeroU32::new(12_517_377),
        stream_window_update: NonZeroU32::new(12_451_840),
        priority_frames: Vec::new(),
        first_stream: 3,
        pseudo_headers: vec![Method, Path, Authority, Scheme],
        hpack: Arc::new(Policy {
            rules: vec![
                rule(":path", path),
                rule("authorization", never),
                FieldRule {
                    value_shorter_than: Some(20),
                    ..rule("cookie", never)
                },
            ],
            names: vec![
                NameSource::SameValue,
                NameSource::DynamicOldest,
                NameSource::StaticLast,
            ],
            largest_entry_percent: Some(50),
            smallest_table: 128,
            size_signal: SizeSignal::Announcement,
            name_huffman: HuffmanUse::Always,
            value_huffman: HuffmanUse::Always,
            ..policy()
        }),
    }
}

/// It announces a stream window and nothing else: push is allowed.
pub(in crate::shape::h2) fn okhttp() -> Http2Template {
    Http2Template {
        settings: settings(&[(4, 16_777_216)]),
        connection_window_update: NonZeroU32::new(16_711_681),
        stream_window_update: None,
        priority_frames: Vec::new(),
        first_stream: 3,
        pseudo_headers: vec![Method, Path, Authority, Scheme],
        hpack: Arc::new(policy()),
    }
}

pub(in crate::shape::h2) fn settings(settings: &[(u16, u32)]) -> Vec<SettingTemplate> {
    let fixed = |&(id, value): &(u16, u32)| SettingTemplate::Fixed { id, value };
    settings.iter().map(fixed).collect()
}

fn policy() -> Policy {
    Policy {
        rules: Vec::new(),
        default: Rule {
            indexed: IndexedUse::Both,
            indexing: Indexing::Incremental,
        },
        sensitive: None,
        names: vec![NameSource::StaticFirst, NameSource::DynamicNewest],
        name_huffman: HuffmanUse::IfShorter,
        value_huffman: HuffmanUse::IfShorter,
        largest_entry_percent: None,
        smallest_table: 0,
        largest_table: u32::MAX,
        size_signal: SizeSignal::Change,
    }
}

fn rule(name: &str, rule: Rule) -> FieldRule {
    FieldRule {
        name: name.into(),
        value_shorter_than: None,
        rule,
    }
}
