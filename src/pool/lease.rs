//! One use of a connection, given back on drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::host::HostPool;
use super::info::ConnectionInfo;
use super::leases::{Site, UNTRACKED};
use super::live::Live;

/// Holds one use of a connection. Dropping it gives the use back; nothing else is needed, wherever the holder is cancelled.
#[derive(Debug)]
pub(crate) struct Lease {
    info: ConnectionInfo,
    /// Whether the use is this lease's to give back.
    holds: AtomicBool,
    /// Where it is noted, if it is.
    mark: AtomicU32,
}

impl Lease {
    /// Takes a use of a connection that was there before, if there is one to be had.
    pub(super) fn try_new(live: &Arc<Live>) -> Option<Self> {
        live.slot().try_acquire().then(|| Self {
            info: ConnectionInfo::new(live, true),
            holds: AtomicBool::new(true),
            mark: AtomicU32::new(match live.host().tracks_leases() {
                true => live.leases().track(live.host().now()),
                false => UNTRACKED,
            }),
        })
    }

    /// For a caller who may be the one for whom the connection was made.
    pub(super) fn try_new_awaited(live: &Arc<Live>) -> Option<Self> {
        let mut lease = Self::try_new(live)?;
        lease.info.set_reused(!live.take_fresh());
        Some(lease)
    }

    /// For a host that has the connection on loan.
    pub(super) fn for_guest(mut self, guest: &Arc<HostPool>) -> Self {
        self.info.set_guest(guest);
        self
    }

    /// The host that it is for.
    pub(super) fn host(&self) -> &Arc<HostPool> {
        self.info.guest().unwrap_or_else(|| self.live().host())
    }

    pub(super) fn is_guest(&self) -> bool {
        self.info.guest().is_some()
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        self.info.live()
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Hands the use over to a lease of its own; this one goes on without.
    pub(super) fn hand_over(&self) -> Self {
        Self {
            info: self.info.clone(),
            holds: AtomicBool::new(self.holds.swap(false, Ordering::Relaxed)),
            mark: AtomicU32::new(self.mark.swap(UNTRACKED, Ordering::Relaxed)),
        }
    }

    /// Notes where it was asked for, if it is noted at all.
    pub(super) fn locate(&self, site: Site) {
        let mark = self.mark.load(Ordering::Relaxed);
        self.live().leases().locate(mark, site);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if *self.holds.get_mut() {
            let mark = *self.mark.get_mut();
            if mark != UNTRACKED {
                self.live().leases().forget(mark);
            }
            self.live().release();
        }
    }
}
