//! Finds a field in the encoder's dynamic table.

use std::collections::VecDeque;

use super::field::Field;
use super::table::{FIRST_ENTRIES, Table};

const BUCKETS: usize = 64;

/// Hash chains through the entries, from newer to older ones; they end where the entries do, so evicting costs nothing.
#[derive(Debug)]
pub(super) struct Lookup {
    /// So that nobody can choose fields that collide.
    seed: u64,
    by_name: [Link; BUCKETS],
    by_field: [Link; BUCKETS],
    /// Parallel to the table's entries, oldest first.
    entries: VecDeque<Entry>,
}

/// One more than an entry's serial number; zero is none.
type Link = u64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    name_hash: u32,
    field_hash: u32,
    older_name: Link,
    older_field: Link,
}

/// The hashes of a field, to be computed once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashes {
    name: u32,
    field: u32,
}

impl Lookup {
    pub(super) fn new() -> Self {
        Self {
            seed: rand::random(),
            by_name: [0; BUCKETS],
            by_field: [0; BUCKETS],
            entries: VecDeque::new(),
        }
    }

    pub(super) fn hashes(&self, field: &Field<'_>) -> Hashes {
        let name = hash(self.seed, field.name);
        Hashes {
            name: (name >> 32) as u32,
            field: (hash(name, field.value) >> 32) as u32,
        }
    }

    /// The age of the newest entry with this name and value.
    pub(super) fn exact(&self, table: &Table, field: &Field<'_>, hashes: Hashes) -> Option<u32> {
        let mut link = at(&self.by_field, hashes.field);
        while let Some((entry, age)) = self.follow(table, link) {
            if entry.field_hash == hashes.field && table.get(age) == Some((field.name, field.value))
            {
                return Some(age);
            }
            link = entry.older_field;
        }
        None
    }

    /// The age of the newest entry with this name.
    pub(super) fn newest(&self, table: &Table, name: &[u8], hashes: Hashes) -> Option<u32> {
        self.named(table, name, hashes).next()
    }

    /// The age of the oldest entry with this name.
    pub(super) fn oldest(&self, table: &Table, name: &[u8], hashes: Hashes) -> Option<u32> {
        self.named(table, name, hashes).last()
    }

    /// The table has taken a field in, or refused it.
    pub(super) fn inserted(&mut self, table: &Table, hashes: Hashes, taken: bool) {
        let older = table.len() - usize::from(taken);
        self.entries
            .drain(..self.entries.len().saturating_sub(older));
        if taken {
            let link = table.inserted();
            if self.entries.capacity() == 0 {
                self.entries.reserve(FIRST_ENTRIES);
            }
            self.entries.push_back(Entry {
                name_hash: hashes.name,
                field_hash: hashes.field,
                older_name: replace(&mut self.by_name, hashes.name, link),
                older_field: replace(&mut self.by_field, hashes.field, link),
            });
        }
    }

    /// The table was resized.
    pub(super) fn evicted(&mut self, table: &Table) {
        self.entries
            .drain(..self.entries.len().saturating_sub(table.len()));
    }

    fn named<'a>(
        &'a self,
        table: &'a Table,
        name: &'a [u8],
        hashes: Hashes,
    ) -> impl Iterator<Item = u32> + 'a {
        let first = self.follow(table, at(&self.by_name, hashes.name));
        let chain = std::iter::successors(first, move |(entry, _)| {
            self.follow(table, entry.older_name)
        });
        chain
            .filter(move |(entry, age)| {
                entry.name_hash == hashes.name
                    && table.get(*age).is_some_and(|(found, _)| found == name)
            })
            .map(|(_, age)| age)
    }

    fn follow(&self, table: &Table, link: Link) -> Option<(Entry, u32)> {
        let serial = link.checked_sub(1)?;
        let place = serial.checked_sub(table.oldest())?;
        let entry = self.entries.get(place as usize)?;
        Some((*entry, (table.inserted() - 1 - serial) as u32))
    }
}

fn at(buckets: &[Link; BUCKETS], hash: u32) -> Link {
    buckets
        .get(hash as usize % BUCKETS)
        .copied()
        .unwrap_or_default()
}

fn replace(buckets: &mut [Link; BUCKETS], hash: u32, link: Link) -> Link {
    buckets
        .get_mut(hash as usize % BUCKETS)
        .map_or(0, |bucket| std::mem::replace(bucket, link))
}

fn hash(seed: u64, text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let hash = words.iter().fold(seed ^ text.len() as u64, |hash, word| {
        mix(hash ^ u64::from_le_bytes(*word))
    });
    let rest = rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(hash ^ rest)
}

/// Both halves of a product with an odd constant (the golden ratio's fraction).
fn mix(word: u64) -> u64 {
    let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}
