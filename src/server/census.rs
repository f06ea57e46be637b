//! How many connections a server has, and how they left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The registry may be shared with others, so each server counts its own.
#[derive(Debug, Default)]
pub(super) struct Census {
    present: AtomicUsize,
    left: AtomicUsize,
    cut: AtomicUsize,
}

/// One connection's presence; dropping it is leaving.
#[derive(Debug)]
pub(super) struct Presence(Arc<Census>);

impl Census {
    pub(super) fn enter(self: &Arc<Self>) -> Presence {
        self.present.fetch_add(1, Ordering::Relaxed);
        Presence(Arc::clone(self))
    }

    pub(super) fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }

    /// Those who left, cut or not.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Those who were cut on the server's order.
    pub(super) fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Presence {
    pub(super) fn note_cut(&self) {
        self.0.cut.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Ordering::Relaxed);
        self.0.present.fetch_sub(1, Ordering::Relaxed);
    }
}
