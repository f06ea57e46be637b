//! Carries what the server says about an HTTP/2 connection into the pool.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::Live;
use crate::config::Config;
use crate::registry::CloseReason;
use crate::shape::h2::{Http2Observer, Http2Peer};

struct Watcher(Weak<Live>);

impl Live {
    /// Begins to follow what the server says about the connection, which is told at once of what it has already said.
    pub(in crate::pool) fn observe(self: &Arc<Self>) {
        if let Some(peer) = self.peer() {
            peer.observe(Arc::new(Watcher(Arc::downgrade(self))));
        }
    }
}

impl Live {
    /// This side's limit is what the configuration says now. Those who wait are to be served afterwards.
    pub(in crate::pool) fn limit_streams(&self, config: &ArcSwap<Config>) {
        let most = || config.load().streams_per_connection();
        let mut adopted = most();
        loop {
            self.max_streams().store(adopted, Ordering::SeqCst);
            self.adopt_limit();
            // Another configuration may have been put in force, and followed here, between the load and the store.
            let now = most();
            if now == adopted {
                return;
            }
            adopted = now;
        }
    }

    /// Takes over the lesser of this side's limit and the server's, whichever of them changes meanwhile.
    pub(super) fn adopt_limit(&self) {
        let Some(peer) = self.peer() else { return };
        let limit = || {
            let ours = self.max_streams().load(Ordering::SeqCst);
            ours.min(peer.max_concurrent_streams())
        };
        let mut adopted = limit();
        loop {
            self.slot().set_limit(adopted);
            // Who changed one of the two and read the other before it changed comes by here once more.
            let now = limit();
            if now == adopted {
                return;
            }
            adopted = now;
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
