//! What the end of a connection says about its address.

use std::time::Duration;

use super::policy::tell_listed;
use crate::error::{Error, ErrorKind};
use crate::pool::live::Live;
use crate::registry::CloseReason;

/// A connection whose server was heard of for so long after it was opened worked, however it ended: longer than anything between two
/// ends remembers a connection that it swallows.
const LASTED: Duration = Duration::from_secs(60);

impl Live {
    /// It has ended. Connections that end one after the other because nothing answers list their address; those whose probes fail
    /// list it for their host.
    pub(in crate::pool) fn judge_address(&self) {
        let addresses = self.host().addresses();
        let book = addresses.book();
        if self.heard_for() >= LASTED {
            return book.lasted(self.address(), addresses.number());
        }
        // Whoever fell silent may be the host, and the proxy answers others.
        if self.host().key().proxy.is_some() {
            return;
        }
        let Some(shared) = self.host().shared() else {
            return;
        };
        // Else it failed a probe, which is its host's matter: the address answers.
        let is_mute = self.was_unresponsive();
        if !is_mute && self.entry().close_reason() != Some(CloseReason::Unhealthy) {
            return;
        }
        let name = self.host().key().origin.shared_host();
        let host = (!is_mute).then_some((addresses.number(), name));
        let error = Error::new(ErrorKind::Unresponsive).with_address(self.address());
        let config = shared.config();
        let age = self.entry().age();
        if let Some(term) = book.fell_silent(self.address(), host, &error, age, &config) {
            tell_listed(self.host(), self.address(), is_mute, &error, term);
        }
    }
}
