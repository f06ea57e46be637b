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
