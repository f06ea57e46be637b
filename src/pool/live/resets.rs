//! Streams that this side has reset: until the server has answered something since, they still count against its limit.
//!
//! To a server that has fallen behind, a reset stream and the one that takes its place are two. Go's client counts so since requests
//! that were given up on a stalled connection made room there for ever more of them.

use std::sync::Arc;

use super::Live;
use crate::pool::acquire::Lease;

/// The uses of reset streams, kept until a PING that was sent after their reset is answered.
#[derive(Debug, Default)]
pub(in crate::pool) struct Resets {
    /// Reset before the PING under way.
    covered: Vec<Arc<Lease>>,
    /// Reset since.
    uncovered: Vec<Arc<Lease>>,
    asked: bool,
}

impl Live {
    /// The stream of this use was reset from this side.
    pub(crate) fn stream_reset(&self, lease: &Arc<Lease>) {
        let usage = self.slot().usage();
        if usage.draining || self.pinger().is_none() {
            return;
        }
        self.resets().lock().uncovered.push(Arc::clone(lease));
        if self.slot().usage().draining {
            // Since the look above: who drained it may have come too early to find this one.
            return self.forget_resets();
        }
        // Where the limit is far, the housekeeper's next look is soon enough.
        if usage.in_use.saturating_mul(2) >= self.slot().limit() {
            self.ask_about_resets();
        }
    }

    /// Asks, so that the answer covers what was reset, unless a question is under way or the last one brought nothing: servers count
    /// PINGs to which they have nothing to say as abuse.
    pub(in crate::pool) fn ask_about_resets(&self) {
        {
            let mut resets = self.resets().lock();
            if resets.uncovered.is_empty() || resets.asked || !self.was_heard_since_asked() {
                return;
            }
            // The answer to a question that was asked before says nothing of them; they are asked about after it.
            if self.is_asked() {
                return;
            }
            resets.asked = true;
            resets.covered = std::mem::take(&mut resets.uncovered);
        }
        self.ask(self.host().now());
    }

    /// A PING was answered: what was reset before it no longer counts.
    pub(in crate::pool) fn settle_resets(&self) {
        let settled = {
            let mut resets = self.resets().lock();
            resets.asked = false;
            std::mem::take(&mut resets.covered)
        };
        // Giving uses back takes locks.
        drop(settled);
    }

    /// The connection drains or has ended; nothing is owed any more.
    pub(super) fn forget_resets(&self) {
        let resets = std::mem::take(&mut *self.resets().lock());
        drop(resets);
    }
}
