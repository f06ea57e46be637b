//! A host that finds no place at its addresses waits for one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::book::Refusal;
use crate::error::Error;
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::pool::queue::Queue;
use crate::pool::shared::Shared;
use crate::registry::CloseReason;

/// A host that found its addresses full resolves again after so long, if nobody has told it that there is a place: addresses change.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl HostPool {
    /// A limit kept a dial of this host's from any of its addresses. Whoever waits goes on waiting, and the host dials again when
    /// there may be a place.
    pub(in crate::pool) fn wait_for_address(self: &Arc<Self>, error: Error) {
        let (Some(shared), Some(address)) = (self.shared(), error.address()) else {
            return;
        };
        self.queue().lock().kept_out = Some((error, Instant::now()));
        let book = &shared.book;
        book.wait(address, Arc::downgrade(self));
        match book.refusal(address, self.addresses().number(), &shared.config()) {
            Some(Refusal::Full(_)) => shared.make_room_at(address),
            // The probe's end wakes.
            Some(Refusal::Probed) => {}
            // A place given back between the attempt and the registration would otherwise be seen by nobody.
            None => book.wake(address),
        }
    }

    /// There may be a place at one of its addresses. False when nobody waits for one any more.
    pub(super) fn try_again(self: &Arc<Self>) -> bool {
        let kept_out = self.queue().lock().kept_out.take().is_some();
        let wanted = kept_out && self.waiting() > 0;
        if wanted {
            self.scale();
        }
        wanted
    }
}

impl Live {
    /// It has become idle: if callers of another host wait for a place at its address, it makes room.
    pub(in crate::pool) fn make_room_at_address(self: &Arc<Self>) {
        if self.host().addresses().book().is_wanted(self.address()) {
            self.close_if_idle(CloseReason::Evicted);
        }
    }
}

impl Queue {
    /// Whether dials wait for a place at the host's addresses. Not for ever: the host may have other addresses by now.
    pub(in crate::pool) fn is_kept_out(&self) -> bool {
        let since = self.kept_out.as_ref().map(|(_, since)| since.elapsed());
        since.is_some_and(|elapsed| elapsed < LOOK_AGAIN)
    }
}

impl Shared {
    /// Closes an idle connection at this address, whichever host's, the least recently used first; one that is kept warm only where
    /// there is no other.
    fn make_room_at(&self, address: SocketAddr) {
        let mut least: Option<((bool, u64), Arc<_>)> = None;
        for host in self.hosts.all() {
            for (position, live) in host.connections().iter().enumerate() {
                let usage = live.slot().usage();
                if live.address() != address || usage.in_use > 0 || usage.draining {
                    continue;
                }
                let worth = (position < host.keep_warm(), live.slot().last_used());
                if least.as_ref().is_none_or(|(other, _)| worth < *other) {
                    least = Some((worth, Arc::clone(live)));
                }
            }
        }
        if let Some((_, live)) = least {
            live.close_if_idle(CloseReason::Evicted);
        }
    }
}
