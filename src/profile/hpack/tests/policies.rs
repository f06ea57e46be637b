//! How the clients of the corpus encode: as their profiles say, for those that have one.

use crate::profile::Profile;
use crate::profile::hpack::{
    HuffmanUse, IndexedUse, Indexing, NameSource, Policy, Rule, SizeSignal,
};

const BOTH: Rule = Rule {
    indexed: IndexedUse::Both,
    indexing: Indexing::Incremental,
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
    of("chromium-156")
}

pub(super) fn firefox() -> Policy {
    of("firefox-esr-153")
}

/// curl, Node.
pub(super) fn nghttp2() -> Policy {
    of("curl-7.88")
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

/// What the profile of this name says.
fn of(profile: &str) -> Policy {
    let profile = Profile::named(profile).unwrap();
    Policy::clone(&profile.http2_template().unwrap().hpack)
}
