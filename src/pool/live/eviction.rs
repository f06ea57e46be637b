//! Connections that make room for others are counted, once each, until they have ended.

use std::sync::atomic::Ordering;

use super::Live;

pub(super) const UNCOUNTED: u8 = 0;
const COUNTED_IDLE: u8 = 1;
const COUNTED_BUSY: u8 = 2;
const ENDED: u8 = 3;

/// Why a connection that makes room for others has not closed yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::pool) enum Eviction {
    /// It is about to.
    Idle,
    /// Somebody still uses it, for who knows how long.
    Busy,
}

impl Live {
    /// Counts it among those that make room; false when it has ended already.
    pub(in crate::pool) fn count_eviction(&self, eviction: Eviction) -> bool {
        let counted = match eviction {
            Eviction::Idle => COUNTED_IDLE,
            Eviction::Busy => COUNTED_BUSY,
        };
        self.eviction
            .compare_exchange(UNCOUNTED, counted, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// It has ended; says among which of those that make room it was counted.
    pub(in crate::pool) fn uncount_eviction(&self) -> Option<Eviction> {
        match self.eviction.swap(ENDED, Ordering::SeqCst) {
            COUNTED_IDLE => Some(Eviction::Idle),
            COUNTED_BUSY => Some(Eviction::Busy),
            _ => None,
        }
    }
}
