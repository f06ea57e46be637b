//! Code of the user's that is called with every event.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::PoolEvent;

/// A function that hears of every event, until it panics.
pub(in crate::pool) struct Hook {
    call: Box<dyn Fn(&PoolEvent) + Send + Sync>,
    broken: AtomicBool,
}

impl Hook {
    pub(in crate::pool) fn new(call: impl Fn(&PoolEvent) + Send + Sync + 'static) -> Self {
        Self {
            call: Box::new(call),
            broken: AtomicBool::new(false),
        }
    }

    /// A panic ends here and is the hook's last: what it left half done must not be met again.
    pub(super) fn call(&self, event: &PoolEvent) {
        if self.broken.load(Ordering::Acquire) {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| (self.call)(event))).is_err() {
            self.broken.store(true, Ordering::Release);
            let event = event.name();
            tracing::error!(event, "a hook for events panicked and is called no more");
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}
