//! A clock that costs one load: the housekeeper moves it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the pool was built, as of the housekeeper's last round.
#[derive(Debug)]
pub(super) struct Clock {
    built: Instant,
    now: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            built: Instant::now(),
            now: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// What the clock said at `instant`, or would have.
    pub(super) fn at(&self, instant: Instant) -> u64 {
        millis(instant.saturating_duration_since(self.built))
    }

    /// Moves the clock to the present.
    pub(super) fn tick(&self) -> u64 {
        let now = millis(self.built.elapsed());
        self.now.store(now, Ordering::Relaxed);
        now
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
