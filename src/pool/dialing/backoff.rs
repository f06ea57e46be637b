//! How long to wait after dials that failed, or whose connections the server took back at once.

use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use crate::pool::acquire::Queue;
use crate::pool::live::Live;
use crate::registry::CloseReason;

/// Between a dial that failed and the next, where nobody can be told; doubled each time up to the longest, and jittered, so that
/// many clients of a server that comes back do not all come at once.
const BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// A server that takes connections back at once makes callers wait no longer than this many failed dials would: eight seconds.
const LONGEST_FLAP: u32 = 4;

impl Queue {
    /// The server took a connection back before it was settled. True when that can be chance.
    pub(super) fn taken_back(&mut self) -> bool {
        self.flaps = self.flaps.saturating_add(1);
        !self.is_flapping()
    }

    /// A connection has ended. One that the server took back at once, before anybody could use it, counts as a dial that failed;
    /// the first such is taken for chance.
    pub(in crate::pool) fn ended(&mut self, live: &Live) {
        let entry = live.entry();
        let theirs = matches!(
            entry.close_reason(),
            Some(
                CloseReason::Error
                    | CloseReason::GoAway
                    | CloseReason::PeerClosed
                    | CloseReason::PeerReset
                    | CloseReason::ProtocolError
            )
        );
        let of_use = entry.stats().requests() > 0 || entry.age() >= BACKOFF;
        if of_use {
            self.flaps = 0;
        } else if theirs {
            let chance = self.taken_back();
            if !chance {
                let wait = backoff(self.flaps.min(LONGEST_FLAP));
                self.dial_again = Some(Instant::now() + wait);
            }
        }
    }
}

/// Before the next dial after so many that failed: half to all of the doubled time.
pub(super) fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled
        .min(LONGEST_BACKOFF)
        .mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_limit_and_never_to_nothing() {
        for failures in [1, 2, 5, 40, u32::MAX] {
            let wait = backoff(failures);
            assert!(
                wait >= BACKOFF / 2 && wait <= LONGEST_BACKOFF,
                "{failures}: {wait:?}"
            );
        }
        assert!(backoff(1) <= BACKOFF);
        assert!(backoff(30) >= LONGEST_BACKOFF / 2);
    }
}
