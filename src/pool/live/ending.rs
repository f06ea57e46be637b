//! How a connection ends: out of rotation first, then closed, then gone.

use std::sync::Arc;

use super::Live;
use crate::error::ErrorKind;
use crate::pool::events::PoolEvent;
use crate::registry::{CloseReason, State};

impl Live {
    /// Whether this side cut it, whatever was under way.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// A request met this error: if it means that the connection takes no more requests, nobody new gets it.
    pub(crate) fn found_dead(self: &Arc<Self>, error: ErrorKind) {
        match error {
            ErrorKind::ConnectionClosed => self.drain(CloseReason::PeerClosed),
            ErrorKind::ConnectionReset => self.drain(CloseReason::PeerReset),
            ErrorKind::GoAway => self.drain(CloseReason::GoAway),
            _ => {}
        }
    }

    /// Takes it out of rotation: nobody new gets it, those who have it may finish, then it closes.
    pub(in crate::pool) fn drain(self: &Arc<Self>, reason: CloseReason) {
        self.registration.note_close(reason);
        let before = self.slot.drain();
        if !before.draining {
            self.registration.set_state(State::Draining);
            self.withdraw();
            self.host.scale_if_awaited();
            if before.in_use == 0 {
                self.host.closed_while_idle(self);
            }
            // Nobody new comes, so nothing counts against the server's limit any more.
            self.forget_resets();
        }
        if before.in_use == 0 {
            self.close(reason);
        }
    }

    /// It is its user's, and nobody else's, until it ends: its host makes another in its place where it is to have one warm.
    pub(in crate::pool) fn give_away(self: &Arc<Self>) {
        if !self.slot.drain().draining {
            self.host.forget(self);
            self.host.look_soon();
        }
    }

    /// Whoever it was given to has done with it.
    pub(in crate::pool) fn closed_by_its_user(&self) {
        self.registration.note_close(CloseReason::LocalClose);
    }

    /// Closes it if nobody uses it at this moment; false if somebody does, or it is closing already.
    pub(in crate::pool) fn close_if_idle(self: &Arc<Self>, reason: CloseReason) -> bool {
        let idle = self.slot.drain_if_idle();
        if idle {
            self.registration.note_close(reason);
            self.registration.set_state(State::Draining);
            self.withdraw();
            self.host.scale_if_awaited();
            self.close(reason);
        }
        idle
    }

    /// Nobody new gets it: neither its host's callers nor its guests'.
    fn withdraw(self: &Arc<Self>) {
        self.host.withdraw(self);
        for guest in self.guests_now() {
            guest.give_back(self);
        }
    }

    /// Tells the driver to end: politely if it can within its grace.
    pub(super) fn close(&self, reason: CloseReason) {
        self.entry().request_close(reason);
        self.drop_sender();
    }

    pub(super) fn drop_sender(&self) {
        let sender = self.sender.lock().take();
        drop(sender);
    }

    /// The driver has ended, whatever way: nothing of the connection remains but this record.
    pub(super) fn ended(self: &Arc<Self>) {
        self.registration.note_close(CloseReason::Abandoned);
        let before = self.slot.drain();
        if !before.draining {
            self.withdraw();
            if before.in_use == 0 {
                self.host.closed_while_idle(self);
            }
        }
        self.drop_sender();
        self.forget_resets();
        self.registration.close(CloseReason::Abandoned);
        self.tell_end();
        self.judge_address();
        let permits = self.permits.lock().take();
        self.host.lost(self);
        // Before its host looks for a place, which would be another's that makes room; and before the count of those on their way out
        // falls: else one more would be sent after it.
        drop(permits);
        self.host.scale_if_awaited();
        if let Some(shared) = self.host.shared() {
            shared.connection_closed(self);
        }
    }

    fn tell_end(&self) {
        let entry = self.entry();
        self.host.publish(|host| PoolEvent::ConnectionRemoved {
            id: entry.id(),
            host,
            address: self.key.address,
            protocol: self.protocol(),
            reason: entry.close_reason().unwrap_or(CloseReason::Abandoned),
            age: entry.age(),
            requests: entry.stats().requests(),
        });
    }
}
