//! What the last look at each host found, summed up, so that nobody has to walk over all hosts for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::pool::live::Live;

/// A host's part, or the sum of all. Written by the housekeeper alone, so it is as old as the last looks: those at hosts in use a quarter
/// of a second.
#[derive(Debug, Default)]
pub(in crate::pool) struct Census {
    idle: AtomicU64,
    surplus: AtomicU64,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Connections that nobody uses.
    pub(super) idle: u64,
    /// Those of them that are not kept warm.
    pub(super) surplus: u64,
}

impl Found {
    pub(super) fn among(connections: &[Arc<Live>], keep_warm: usize) -> Self {
        let mut found = Self::default();
        for (position, live) in connections.iter().enumerate() {
            let idle = live.slot().usage().in_use == 0;
            found.idle += u64::from(idle);
            found.surplus += u64::from(idle && position >= keep_warm);
        }
        found
    }
}

impl Census {
    /// Puts `found` in the place of what was found before, here and in the `sum`.
    pub(super) fn note(&self, found: Found, sum: &Self) {
        let parts = [
            (&self.idle, &sum.idle, found.idle),
            (&self.surplus, &sum.surplus, found.surplus),
        ];
        for (own, sum, found) in parts {
            let before = own.swap(found, Ordering::Relaxed);
            if before != found {
                sum.fetch_add(found.wrapping_sub(before), Ordering::Relaxed);
            }
        }
    }

    pub(super) fn found(&self) -> Found {
        Found {
            idle: self.idle.load(Ordering::Relaxed),
            surplus: self.surplus.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_last_looks(looks in prop::collection::vec((0_usize..4, 0_u64..100, 0_u64..100), 0..40)) {
            let (hosts, sum): ([Census; 4], _) = Default::default();
            let mut last = [Found::default(); 4];
            for (host, some, more) in looks {
                let found = Found { idle: some + more, surplus: more };
                hosts[host].note(found, &sum);
                last[host] = found;
                let total = |part: fn(&Found) -> u64| last.iter().map(part).sum::<u64>();
                prop_assert_eq!(sum.found().idle, total(|found| found.idle));
                prop_assert_eq!(sum.found().surplus, total(|found| found.surplus));
            }
        }
    }
}
