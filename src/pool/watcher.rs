//! Carries what the server says about an HTTP/2 connection into the pool.

use std::sync::{Arc, Weak};

use super::live::Live;
use crate::registry::CloseReason;
use crate::shape::h2::{Http2Observer, Http2Peer};

struct Watcher(Weak<Live>);

impl Live {
    /// Begins to follow what the server says about the connection, which is told at once of what it has already said.
    pub(super) fn observe(self: &Arc<Self>) {
        if let Some(peer) = self.peer() {
            peer.observe(Arc::new(Watcher(Arc::downgrade(self))));
        }
    }
}

impl Http2Observer for Watcher {
    fn settings(&self, _: &Http2Peer) {
        if let Some(live) = self.0.upgrade() {
            live.adopt_limit();
            live.host().released(false);
        }
    }

    fn going_away(&self, peer: &Http2Peer) {
        if let Some(live) = self.0.upgrade() {
            if peer.wants_calm() {
                live.host().calm_down();
            }
            live.drain(CloseReason::GoAway);
        }
    }

    fn answered(&self, _: &Http2Peer) {
        if let Some(live) = self.0.upgrade() {
            live.proven();
        }
    }
}
