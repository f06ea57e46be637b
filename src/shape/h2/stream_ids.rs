//! Stream ids on the wire, of a client whose first one is not 1.

use super::head::MAX_31_BIT;

/// h2's first one.
const FIRST: u32 = 1;

/// Client-initiated (odd) ids are h2's and a constant; others are the same on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamIds {
    offset: u32,
}

impl StreamIds {
    /// `first_stream` is the first id on the wire.
    pub(super) const fn new(first_stream: u32) -> Self {
        // Even or zero would make of a client's stream a server's.
        Self {
            offset: first_stream.saturating_sub(FIRST) & !1,
        }
    }

    pub(super) const fn are_equal(self) -> bool {
        self.offset == 0
    }

    /// h2's id on the wire; `None`: there is none left.
    pub(super) const fn outward(self, id: u32) -> Option<u32> {
        match id % 2 {
            0 => Some(id),
            _ if id > MAX_31_BIT - self.offset => None,
            _ => Some(id + self.offset),
        }
    }

    /// An id of the wire as h2 knows it. One below the first is a stream that never was: h2 sees one that is idle for it, and so
    /// treats the frame as the connection error that it is (RFC 9113 §5.1).
    pub(super) const fn inward(self, id: u32) -> u32 {
        match id % 2 {
            0 => id,
            _ if id < FIRST + self.offset => MAX_31_BIT,
            _ => id - self.offset,
        }
    }

    /// A GOAWAY's last stream. The highest of all means "none yet named" (RFC 9113 §6.8).
    pub(super) const fn last_inward(self, id: u32) -> u32 {
        match id {
            MAX_31_BIT => id,
            _ if id < FIRST + self.offset => 0,
            _ => id - self.offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firefox_begins_with_3() {
        let ids = StreamIds::new(3);
        assert_eq!(ids.outward(0), Some(0));
        assert_eq!(ids.outward(1), Some(3));
        assert_eq!(ids.outward(2), Some(2));
        assert_eq!(ids.outward(MAX_31_BIT - 2), Some(MAX_31_BIT));
        assert_eq!(ids.outward(MAX_31_BIT), None);
        assert_eq!(ids.inward(3), 1);
        assert_eq!(ids.inward(MAX_31_BIT), MAX_31_BIT - 2);
        assert_eq!(ids.inward(4), 4);
        assert_eq!(ids.inward(0), 0);
        assert_eq!(ids.inward(1), MAX_31_BIT);
    }

    #[test]
    fn a_going_away_servers_last_stream() {
        let last = |id| StreamIds::new(3).last_inward(id);
        assert_eq!(
            [0, 1, 2, 3, 4, 5, MAX_31_BIT].map(last),
            [0, 0, 0, 1, 2, 3, MAX_31_BIT]
        );
        let last = |id| StreamIds::new(15).last_inward(id);
        assert_eq!([13, 14, 15, 17].map(last), [0, 0, 1, 3]);
    }

    #[test]
    fn others_begin_with_1() {
        let ids = StreamIds::new(1);
        assert!(ids.are_equal());
        for id in [0, 1, 2, 77, MAX_31_BIT] {
            assert_eq!(ids.outward(id), Some(id));
            assert_eq!(ids.inward(id), id);
            assert_eq!(ids.last_inward(id), id);
        }
    }
}
