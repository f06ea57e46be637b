//! The static table (RFC 7541 appendix A).

/// Where the static table has a field; zero: nowhere.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct StaticMatch {
    /// The entry with this name and value.
    pub(super) exact: u32,
    /// The first and the last entry with this name.
    pub(super) first: u32,
    pub(super) last: u32,
}

/// The number of entries; the dynamic table's indices follow.
pub(super) const LENGTH: u32 = ENTRIES.len() as u32;

pub(super) fn get(index: u32) -> Option<(&'static [u8], &'static [u8])> {
    let place = (index as usize).checked_sub(1)?;
    let (name, value) = ENTRIES.get(place)?;
    Some((name.as_bytes(), value.as_bytes()))
}

pub(super) fn find(name: &[u8], value: &[u8]) -> StaticMatch {
    let mut slot = slot_of(name);
    while let Some(&(first, last)) = SLOTS.get(slot).filter(|(first, _)| *first != 0) {
        let (first, last) = (u32::from(first), u32::from(last));
        if get(first).is_some_and(|(found, _)| found == name) {
            let exact = (first..=last).find(|&at| get(at).is_some_and(|(_, found)| found == value));
            return StaticMatch {
                exact: exact.unwrap_or(0),
                first,
                last,
            };
        }
        slot = (slot + 1) % SLOTS.len();
    }
    StaticMatch::default()
}

/// An open hash table of the names: first and last index of each, zeros where there is none.
static SLOTS: [(u8, u8); 256] = slots();

#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which would refuse"
)]
const fn slots() -> [(u8, u8); 256] {
    let mut slots = [(0, 0); 256];
    let mut place = 0;
    while place < ENTRIES.len() {
        let name = ENTRIES[place].0.as_bytes();
        let first = place;
        while place + 1 < ENTRIES.len() && equal(ENTRIES[place + 1].0.as_bytes(), name) {
            place += 1;
        }
        let mut slot = slot_of(name);
        while slots[slot].0 != 0 {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = (first as u8 + 1, place as u8 + 1);
        place += 1;
    }
    slots
}

const fn slot_of(name: &[u8]) -> usize {
    let Some(([first, ..], [middle, .., last])) = name.split_at_checked(name.len() / 2) else {
        return 0;
    };
    (name.len() * 67 + *first as usize * 5 + *middle as usize * 11 + *last as usize) % 256
}

#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler, which would refuse"
)]
const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[rustfmt::skip]
const ENTRIES: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"),
    (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
    (":status", "404"), (":status", "500"),
    ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""),
    ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
    ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""),
    ("content-length", ""), ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
    ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
    ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
    ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
    ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
    ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
    ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found() {
        for index in 1..=LENGTH {
            let (name, value) = get(index).unwrap();
            let found = find(name, value);
            assert_eq!(found.exact, index);
            assert!(found.first <= index && index <= found.last);
            assert_eq!(get(found.first).unwrap().0, name);
            assert_eq!(get(found.last).unwrap().0, name);
            assert_eq!(find(name, b"no such value").exact, 0);
        }
        assert_eq!(get(0), None);
        assert_eq!(get(62), None);
    }

    #[test]
    fn some_of_appendix_a() {
        assert_eq!(
            find(b":status", b"404"),
            StaticMatch {
                exact: 13,
                first: 8,
                last: 14
            }
        );
        assert_eq!(
            find(b"cookie", b"a=b"),
            StaticMatch {
                exact: 0,
                first: 32,
                last: 32
            }
        );
        assert_eq!(find(b"priority", b""), StaticMatch::default());
        assert_eq!(find(b"", b""), StaticMatch::default());
        assert_eq!(get(61), Some((&b"www-authenticate"[..], &b""[..])));
    }
}
