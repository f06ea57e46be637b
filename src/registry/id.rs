//! Names for connections.

use std::fmt;
use std::num::{NonZeroU64, ParseIntError};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

static DRAWN: AtomicU64 = AtomicU64::new(0);

/// Names a connection for as long as the process runs, over all registries. Never reused.
///
/// A greater id was drawn later. `Option<ConnectionId>` is no larger than `ConnectionId`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(NonZeroU64);

impl ConnectionId {
    /// Draws a fresh id: one atomic addition.
    pub(super) fn next() -> Self {
        Self(NonZeroU64::MIN.saturating_add(DRAWN.fetch_add(1, Ordering::Relaxed)))
    }

    /// The number itself, counted from 1.
    pub const fn as_u64(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl serde::Serialize for ConnectionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_u64())
    }
}

/// Reads what [`Display`](fmt::Display) writes; there need not be such a connection.
impl FromStr for ConnectionId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn ids_are_unique_over_threads() {
        const THREADS: usize = 4;
        const EACH: usize = 10_000;
        let draw = || (0..EACH).map(|_| ConnectionId::next()).collect::<Vec<_>>();
        let drawn: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(draw)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        for ids in &drawn {
            assert!(ids.is_sorted());
        }
        let distinct: HashSet<_> = drawn.into_iter().flatten().collect();
        assert_eq!(distinct.len(), THREADS * EACH);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let id = ConnectionId::next();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string(), id.as_u64().to_string());
        assert!("0".parse::<ConnectionId>().is_err());
    }
}
