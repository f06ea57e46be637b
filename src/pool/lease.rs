//! One use of a connection, given back on drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::live::Live;

/// Holds one use of a connection. Dropping it gives the use back; nothing else is needed, wherever the holder is cancelled.
#[derive(Debug)]
pub(crate) struct Lease {
    live: Arc<Live>,
    /// Whether the use is this lease's to give back.
    holds: AtomicBool,
}

impl Lease {
    /// Takes a use if there is one to be had.
    pub(super) fn try_new(live: &Arc<Live>) -> Option<Self> {
        live.slot().try_acquire().then(|| Self {
            live: Arc::clone(live),
            holds: AtomicBool::new(true),
        })
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Hands the use over to a lease of its own; this one goes on without.
    pub(super) fn hand_over(&self) -> Self {
        Self {
            live: Arc::clone(&self.live),
            holds: AtomicBool::new(self.holds.swap(false, Ordering::Relaxed)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if *self.holds.get_mut() {
            self.live.release();
        }
    }
}
