//! What the blacklist says about an address.

/// From the best to the worst.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Verdict {
    /// Nothing speaks against it.
    Free,
    /// It failed a moment ago, not often enough to be listed.
    Failing,
    /// It may be probed by one connection.
    Probation,
    /// One connection probes it already.
    Probed,
    Listed(Badness),
}

impl Verdict {
    /// Where all addresses are listed or probed: one that may be tried at once before one that somebody probes already.
    pub(crate) fn is_better_to_try(self, other: Self) -> bool {
        let rank = |verdict: Self| (!verdict.is_listed_by_failure(), verdict);
        rank(self) < rank(other)
    }

    pub(crate) fn is_listed_by_failure(self) -> bool {
        matches!(self, Self::Listed(Badness { by_hand: false, .. }))
    }
}

/// How bad a listed address is; when all are listed, the least bad one is tried.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Badness {
    /// Somebody listed it: only where nothing else is left.
    pub(crate) by_hand: bool,
    /// How often it was tried since it was listed: all get their turn.
    pub(crate) tried: u32,
    /// When it is off the list.
    pub(crate) until: u64,
}
