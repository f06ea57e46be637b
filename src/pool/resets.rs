//! Streams that this side has reset: until the server has answered something since, they still count against its limit.
//!
//! To a server that has fallen behind, a reset stream and the one that takes its place are two. Go's client counts so since requests
//! that were given up on a stalled connection made room there for ever more of them.

use std::sync::Arc;

use super::lease::Lease;
use super::live::Live;

/// The uses of reset streams, kept until a PING that was sent after their reset is answered.
#[derive(Debug, Default)]
pub(super) struct Resets {
    /// Reset before the PING under way.
    covered: Vec<Arc<Lease>>,
    /// Reset since.
    uncovered: Vec<Arc<Lease>>,
    asked: bool,
}

impl Live {
    /// The stream of this use was reset from this side. Where the limit is far, that costs nothing.
    pub(crate) fn stream_reset(&self, lease: &Arc<Lease>) {
        let usage = self.slot().usage();
        if usage.draining || usage.in_use.saturating_mul(2) < self.slot().limit() {
            return;
        }
        {
            let mut resets = self.resets().lock();
            let place = match resets.asked {
                true => &mut resets.uncovered,
                false => &mut resets.covered,
            };
            place.push(Arc::clone(lease));
            resets.asked = true;
        }
        self.ask(self.host().now());
    }

    /// A PING was answered: what was reset before it no longer counts.
    pub(super) fn settle_resets(&self) {
        let settled = {
            let mut resets = self.resets().lock();
            let uncovered = std::mem::take(&mut resets.uncovered);
            resets.asked = !uncovered.is_empty();
            std::mem::replace(&mut resets.covered, uncovered)
        };
        // Giving uses back takes locks.
        drop(settled);
        if self.resets().lock().asked {
            self.ask(self.host().now());
        }
    }

    /// The connection has ended; nothing is owed any more.
    pub(super) fn forget_resets(&self) {
        let resets = std::mem::take(&mut *self.resets().lock());
        drop(resets);
    }
}
