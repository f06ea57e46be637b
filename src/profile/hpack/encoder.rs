//! Writes header blocks.

use std::sync::Arc;

use super::field::{Field, Indexing};
use super::lookup::{Hashes, Lookup};
use super::policy::{HuffmanUse, IndexedUse, NameSource, Policy, SizeSignal};
use super::static_table::{self, StaticMatch};
use super::table::{INITIAL_TABLE_SIZE, Table};
use super::text::Text;
use super::{huffman, integer};

/// What the dynamic table takes here, however large a table a peer offers: as much as browsers offer to servers. h2's takes 4 KiB.
const LARGEST_MEMORY: u32 = 64 * 1024;

/// One direction of a connection, as its sender sees it.
#[derive(Debug)]
pub(crate) struct Encoder {
    policy: Arc<Policy>,
    table: Table,
    /// The peer's table.
    size: u32,
    lookup: Lookup,
    /// The table size from the next block on.
    next_size: u32,
    /// The next block begins with a size update, and with this one before if it is smaller.
    signal: Option<u32>,
    /// The block that is being written.
    block: Text,
}

impl Encoder {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        let mut encoder = Self {
            policy,
            table: Table::new(),
            size: INITIAL_TABLE_SIZE,
            lookup: Lookup::new(),
            next_size: INITIAL_TABLE_SIZE,
            signal: None,
            block: Text::default(),
        };
        // A client that uses less than what the protocol begins with has to say so.
        if encoder.policy.largest_table < INITIAL_TABLE_SIZE {
            encoder.resize(encoder.policy.largest_table);
        }
        encoder
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE, at the moment of its acknowledgement.
    pub(crate) fn set_table_limit(&mut self, limit: u32) {
        let size = limit.min(self.policy.largest_table);
        if self.policy.size_signal == SizeSignal::Announcement || size != self.next_size {
            self.resize(size);
        }
    }

    /// Appends one complete header block.
    pub(crate) fn encode<'a>(
        &mut self,
        fields: impl IntoIterator<Item = Field<'a>>,
        out: &mut Vec<u8>,
    ) {
        let mut block = std::mem::take(&mut self.block);
        self.signal_size(&mut block);
        for field in fields {
            self.field(&field, &mut block);
        }
        out.extend_from_slice(block.as_slice());
        block.clear();
        self.block = block;
    }

    fn resize(&mut self, size: u32) {
        let lowest = match self.policy.size_signal {
            SizeSignal::Change if size > self.next_size => u32::MAX,
            _ => size,
        };
        self.signal = Some(self.signal.map_or(lowest, |known| known.min(lowest)));
        self.next_size = size;
    }

    fn signal_size(&mut self, out: &mut Text) {
        let Some(lowest) = self.signal.take() else {
            return;
        };
        if lowest < self.next_size {
            self.set_size(lowest, out);
        }
        self.set_size(self.next_size, out);
    }

    /// RFC 7541 §6.3.
    fn set_size(&mut self, size: u32, out: &mut Text) {
        self.size = size;
        self.table.set_max_size(size.min(LARGEST_MEMORY));
        self.lookup.evicted(&self.table);
        integer::encode(0x20, 5, size as usize, out);
    }

    fn field(&mut self, field: &Field<'_>, out: &mut Text) {
        let rule = self.policy.rule(field);
        let in_static = static_table::find(field.name, field.value);
        if in_static.exact != 0 && rule.indexed != IndexedUse::Nothing {
            return integer::encode(0x80, 7, in_static.exact as usize, out);
        }
        let hashes = self.lookup.hashes(field);
        if rule.indexed == IndexedUse::Both
            && let Some(age) = self.lookup.exact(&self.table, field, hashes)
        {
            return integer::encode(0x80, 7, dynamic_index(age), out);
        }
        let indexing = match rule.indexing {
            Indexing::Incremental if !self.admits(field) => Indexing::Without,
            indexing => indexing,
        };
        let name = self.name_index(field, in_static, hashes);
        let (pattern, prefix_bits) = match indexing {
            Indexing::Incremental => (0x40, 6),
            Indexing::Without => (0x00, 4),
            Indexing::Never => (0x10, 4),
        };
        integer::encode(pattern, prefix_bits, name.unwrap_or(0), out);
        if name.is_none() {
            string(field.name, self.policy.name_huffman, out);
        }
        string(field.value, self.policy.value_huffman, out);
        if indexing == Indexing::Incremental {
            let taken = self.table.insert(field);
            self.lookup.inserted(&self.table, hashes, taken);
        }
    }

    /// A peer that has more memory keeps what is forgotten here, and nobody refers to it again. A field that has no room here would
    /// make the two count differently.
    fn admits(&self, field: &Field<'_>) -> bool {
        let is_lent_more = self.size > LARGEST_MEMORY;
        self.policy.admits(field, self.size)
            && !(is_lent_more && field.size() > LARGEST_MEMORY as usize)
    }

    fn name_index(
        &self,
        field: &Field<'_>,
        in_static: StaticMatch,
        hashes: Hashes,
    ) -> Option<usize> {
        let (table, lookup) = (&self.table, &self.lookup);
        let in_static_table = |index: u32| (index != 0).then_some(index as usize);
        self.policy.names.iter().find_map(|source| match source {
            NameSource::SameValue => in_static_table(in_static.exact)
                .or_else(|| lookup.exact(table, field, hashes).map(dynamic_index)),
            NameSource::StaticFirst => in_static_table(in_static.first),
            NameSource::StaticLast => in_static_table(in_static.last),
            NameSource::DynamicNewest => {
                let age = lookup.newest(table, field.name, hashes);
                age.map(dynamic_index)
            }
            NameSource::DynamicOldest => {
                let age = lookup.oldest(table, field.name, hashes);
                age.map(dynamic_index)
            }
        })
    }

    #[cfg(test)]
    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

/// RFC 7541 §2.3.3.
fn dynamic_index(age: u32) -> usize {
    age as usize + static_table::LENGTH as usize + 1
}

/// A string literal (§5.2).
fn string(text: &[u8], when: HuffmanUse, out: &mut Text) {
    let coded = match when {
        HuffmanUse::Never => 0,
        _ => huffman::encoded_length(text),
    };
    if when.applies(text.len(), coded) {
        integer::encode(0x80, 7, coded, out);
        huffman::encode(text, coded, out);
    } else {
        integer::encode(0x00, 7, text.len(), out);
        out.extend(text);
    }
}
