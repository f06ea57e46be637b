//! What the last look at each host found, summed up, so that nobody has to walk over all hosts for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::live::Live;

/// A host's part, or the sum of all. Written by the housekeeper alone, so it is up to two seconds old.
#[derive(Debug, Default)]
pub(super) struct Census {
    connections: AtomicU64,
    in_use: AtomicU64,
    limit: AtomicU64,
    idle: AtomicU64,
    surplus: AtomicU64,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) connections: u64,
    /// Uses of them.
    pub(super) in_use: u64,
    /// Uses that they allow.
    pub(super) limit: u64,
    /// Connections that nobody uses.
    pub(super) idle: u64,
    /// Those of them that are not kept warm.
    pub(super) surplus: u64,
}

impl Found {
    pub(super) fn among(connections: &[Arc<Live>], keep_warm: usize) -> Self {
        let mut found = Self::default();
        for (position, live) in connections.iter().enumerate() {
            let in_use = live.slot().usage().in_use;
            found.connections += 1;
            found.in_use += u64::from(in_use);
            found.limit += u64::from(live.slot().limit());
            found.idle += u64::from(in_use == 0);
            found.surplus += u64::from(in_use == 0 && position >= keep_warm);
        }
        found
    }
}

impl Census {
    /// Puts `found` in the place of what was found before, here and in the `sum`.
    pub(super) fn note(&self, found: Found, sum: &Self) {
        let parts = [
            (&self.connections, &sum.connections, found.connections),
            (&self.in_use, &sum.in_use, found.in_use),
            (&self.limit, &sum.limit, found.limit),
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
            connections: self.connections.load(Ordering::Relaxed),
            in_use: self.in_use.load(Ordering::Relaxed),
            limit: self.limit.load(Ordering::Relaxed),
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
                let found = Found { connections: some, in_use: more, limit: some + more, idle: more, surplus: more / 2 };
                hosts[host].note(found, &sum);
                last[host] = found;
                let total = |part: fn(&Found) -> u64| last.iter().map(part).sum::<u64>();
                prop_assert_eq!(sum.found().connections, total(|found| found.connections));
                prop_assert_eq!(sum.found().in_use, total(|found| found.in_use));
                prop_assert_eq!(sum.found().limit, total(|found| found.limit));
                prop_assert_eq!(sum.found().idle, total(|found| found.idle));
                prop_assert_eq!(sum.found().surplus, total(|found| found.surplus));
            }
        }
    }
}
