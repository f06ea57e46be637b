//! A dynamic table (RFC 7541 §2.3.2, §4).

use std::collections::VecDeque;

use super::field::Field;

/// SETTINGS_HEADER_TABLE_SIZE until something else is agreed (RFC 9113 §6.5.2).
pub(crate) const INITIAL_TABLE_SIZE: u32 = 4096;

/// The entries' text is in one buffer, so that nothing is allocated per entry.
#[derive(Debug)]
pub(super) struct Table {
    /// What remains of evicted entries, then the text of the others, oldest first.
    text: Vec<u8>,
    /// Where `text` begins in the text of all entries ever.
    text_start: u64,
    /// Oldest first.
    entries: VecDeque<Entry>,
    inserted: u64,
    size: usize,
    max_size: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where it begins in the text of all entries ever.
    start: u64,
    name_length: u32,
    value_length: u32,
}

/// Enough for a browser's first request.
const FIRST_TEXT: usize = 1024;
pub(super) const FIRST_ENTRIES: usize = 16;

/// Below this the buffer is not worth compacting.
const LEAST_WASTE: usize = 1024;

impl Table {
    pub(super) fn new() -> Self {
        Self {
            text: Vec::new(),
            text_start: 0,
            entries: VecDeque::new(),
            inserted: 0,
            size: 0,
            max_size: INITIAL_TABLE_SIZE,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn max_size(&self) -> u32 {
        self.max_size
    }

    /// The number of insertions so far; the newest entry's serial number is one less.
    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    /// The serial number of the oldest entry, or of the next one.
    pub(super) fn oldest(&self) -> u64 {
        self.inserted - self.entries.len() as u64
    }

    /// Name and value by age; zero is the newest.
    pub(super) fn get(&self, age: u32) -> Option<(&[u8], &[u8])> {
        let place = self.entries.len().checked_sub(age as usize + 1)?;
        let entry = self.entries.get(place)?;
        let start = (entry.start - self.text_start) as usize;
        let text = self.text.get(start..start + entry.length())?;
        text.split_at_checked(entry.name_length as usize)
    }

    /// Evicts what does not fit, and says whether the field itself did (§4.4).
    pub(super) fn insert(&mut self, field: &Field<'_>) -> bool {
        let size = field.size();
        let max_size = self.max_size as usize;
        self.evict_to(max_size.saturating_sub(size));
        if size > max_size {
            return false;
        }
        if self.text.capacity() == 0 {
            self.text.reserve(FIRST_TEXT);
            self.entries.reserve(FIRST_ENTRIES);
        }
        self.compact();
        self.entries.push_back(Entry {
            start: self.text_start + self.text.len() as u64,
            name_length: field.name.len() as u32,
            value_length: field.value.len() as u32,
        });
        self.text.extend_from_slice(field.name);
        self.text.extend_from_slice(field.value);
        self.size += size;
        self.inserted += 1;
        true
    }

    /// §4.3.
    pub(super) fn set_max_size(&mut self, max_size: u32) {
        self.max_size = max_size;
        self.evict_to(max_size as usize);
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size {
            let Some(entry) = self.entries.pop_front() else {
                return;
            };
            self.size -= entry.size();
        }
    }

    /// Drops what evicted entries left once it is as much as the others have: each byte is moved at most once.
    fn compact(&mut self) {
        let next = self.text_start + self.text.len() as u64;
        let live = self.entries.front().map_or(next, |oldest| oldest.start);
        let waste = (live - self.text_start) as usize;
        if waste >= LEAST_WASTE && waste >= self.text.len() - waste {
            self.text.drain(..waste);
            self.text_start = live;
        }
    }
}

impl Entry {
    fn length(self) -> usize {
        self.name_length as usize + self.value_length as usize
    }

    fn size(self) -> usize {
        Field::new(&[], &[]).size() + self.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_that_does_not_fit_empties_the_table() {
        let mut table = Table::new();
        assert!(table.insert(&Field::new(b"a", b"b")));
        assert!(!table.insert(&Field::new(b"a", &[b'x'; 4096])));
        assert_eq!((table.len(), table.size(), table.inserted()), (0, 0, 1));
        table.set_max_size(34);
        assert!(table.insert(&Field::new(b"a", b"b")));
        assert!(table.insert(&Field::new(b"c", b"d")));
        assert_eq!(table.get(0), Some((&b"c"[..], &b"d"[..])));
        assert_eq!(table.get(1), None);
    }

    proptest! {
        #[test]
        fn it_is_the_newest_entries_that_fit(
            steps in prop::collection::vec((0_usize..40, 0_usize..300, 0_u32..9000), 1..300),
        ) {
            let mut table = Table::new();
            let mut model: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for (number, (name, value, max_size)) in steps.into_iter().enumerate() {
                if number % 16 == 15 {
                    table.set_max_size(max_size);
                }
                let name = vec![number as u8; name];
                let value = vec![!number as u8; value];
                table.insert(&Field::new(&name, &value));
                model.insert(0, (name, value));
                let mut room = table.max_size() as usize;
                let fit = model.iter().take_while(|(name, value)| {
                    let size = name.len() + value.len() + 32;
                    let fits = size <= room;
                    room = room.saturating_sub(size);
                    fits
                });
                let kept = fit.count();
                model.truncate(kept);
                prop_assert_eq!(table.len(), model.len());
                for (age, (name, value)) in (0..).zip(&model) {
                    prop_assert_eq!(table.get(age), Some((&name[..], &value[..])));
                }
                prop_assert!(table.text.len() <= 2 * (table.max_size() as usize).max(9000) + 2 * LEAST_WASTE);
            }
        }
    }
}
