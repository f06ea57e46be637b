//! The owner's hold on a connection's record.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::shared::Shared;
use super::{CloseReason, Entry, Health, Identity, Protocol, State};

/// The owner's hold on a connection: who has it says what the connection is, and when it ends.
///
/// Dropping it closes the record, for the cause that was noted or as
/// [abandoned](CloseReason::Abandoned). It dereferences to the [`Entry`]; to let several tasks of
/// one connection share it, put it in an [`Arc`].
///
/// Every setter takes the registry's lock for well under a microsecond: they are for what happens a
/// few times in a connection's life. After the close they do nothing.
#[must_use = "dropping the registration closes the connection's record"]
pub struct Registration {
    shared: Arc<Shared>,
    entry: Arc<Entry>,
}

impl Registration {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<Entry>) -> Self {
        Self { shared, entry }
    }

    /// The connection, as everybody else sees it.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Moves the connection on to `state`; whether it moved. A step back is ignored.
    ///
    /// [`State::Closed`] is the same as [`close`](Self::close) with [`CloseReason::LocalClose`].
    pub fn set_state(&self, state: State) -> bool {
        if state == State::Closed {
            return self.shared.close(&self.entry, CloseReason::LocalClose);
        }
        self.shared
            .change(&self.entry, |facts| facts.state = facts.state.max(state))
    }

    /// Says what is spoken, for instance once ALPN was agreed or after an upgrade.
    pub fn set_protocol(&self, protocol: Protocol) {
        self.shared
            .change(&self.entry, |facts| facts.protocol = protocol);
    }

    /// Says which host it is for.
    pub fn set_host(&self, host: Arc<str>) {
        self.shared
            .change(&self.entry, |facts| facts.host = Some(host));
    }

    /// Says what the peer's address is.
    pub fn set_remote_addr(&self, address: SocketAddr) {
        self.shared
            .change(&self.entry, |facts| facts.remote_addr = Some(address));
    }

    /// Says what our address is.
    pub fn set_local_addr(&self, address: SocketAddr) {
        self.shared
            .change(&self.entry, |facts| facts.local_addr = Some(address));
    }

    /// Says how well the connection is.
    pub fn set_health(&self, health: Health) {
        self.shared
            .change(&self.entry, |facts| facts.health = health);
    }

    /// Says who the peer is, in place of what was said before.
    pub fn set_identity(&self, identity: Identity) {
        self.shared
            .change(&self.entry, |facts| facts.identity = identity);
    }

    /// Records why the connection is about to end, without ending it. Only the first cause counts.
    pub fn note_close(&self, reason: CloseReason) {
        self.entry.note_close(reason);
    }

    /// Ends the record: out of every index, its stats into the totals, one event, and whoever waits
    /// for [`close_requested`](Entry::close_requested) is woken. The cause is `reason` unless one
    /// was recorded before. Closing again does nothing.
    ///
    /// The socket is the owner's business: close it first.
    pub fn close(&self, reason: CloseReason) {
        self.shared.close(&self.entry, reason);
    }
}

impl Deref for Registration {
    type Target = Arc<Entry>;

    fn deref(&self) -> &Self::Target {
        &self.entry
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.close(CloseReason::Abandoned);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.entry).finish()
    }
}
