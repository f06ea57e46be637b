//! One use of a connection, given back on drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::leases::{Mark, Site, UNTRACKED};
use crate::error::Error;
use crate::pool::events::PoolEvent;
use crate::pool::host::HostPool;
use crate::pool::info::ConnectionInfo;
use crate::pool::live::Live;

/// Holds one use of a connection. Dropping it gives the use back; nothing else is needed, wherever the holder is cancelled.
#[derive(Debug)]
pub(crate) struct Lease {
    info: ConnectionInfo,
    /// Where the use is noted, a [`Mark`]; or [`HANDED_OVER`]. A whole word, as all of a lease: processors stall where bytes that
    /// were just stored are loaded as parts of a word, and that is how leases are moved.
    held: AtomicU64,
}

/// The use is another lease's to give back.
const HANDED_OVER: u64 = u64::MAX;

impl Lease {
    /// Takes a use of a connection that was there before, if there is one to be had.
    #[inline]
    pub(in crate::pool) fn try_new(live: &Arc<Live>) -> Option<Self> {
        if !live.slot().try_acquire() {
            return None;
        }
        live.host().note_use();
        Some(Self {
            info: ConnectionInfo::new(live, true),
            held: AtomicU64::new(u64::from(match live.host().tracks_leases() {
                true => live.leases().track(live.host().now()),
                false => UNTRACKED,
            })),
        })
    }

    /// For a caller who may be the one for whom the connection was made.
    pub(in crate::pool) fn try_new_awaited(live: &Arc<Live>) -> Option<Self> {
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
    pub(in crate::pool) fn host(&self) -> &Arc<HostPool> {
        self.info.guest().unwrap_or_else(|| self.live().host())
    }

    pub(in crate::pool) fn is_guest(&self) -> bool {
        self.info.guest().is_some()
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        self.info.live()
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// A request or its response failed.
    pub(crate) fn tell_failure(&self, error: &Error) {
        self.host().publish(|host| PoolEvent::RequestFailed {
            id: self.live().entry().id(),
            host,
            address: self.live().address(),
            error: error.clone(),
        });
    }

    /// Hands the use over to a lease of its own; this one goes on without.
    pub(in crate::pool) fn hand_over(&self) -> Self {
        Self {
            info: self.info.clone(),
            held: AtomicU64::new(self.held.swap(HANDED_OVER, Ordering::Relaxed)),
        }
    }

    /// Notes where it was asked for, if it is noted at all.
    #[inline]
    pub(in crate::pool) fn locate(&self, site: Site) {
        if let Some(mark) = noted(self.held.load(Ordering::Relaxed)) {
            self.live().leases().locate(mark, site);
        }
    }
}

impl Drop for Lease {
    #[inline]
    fn drop(&mut self) {
        let held = *self.held.get_mut();
        if held != HANDED_OVER {
            if let Some(mark) = noted(held) {
                self.live().leases().forget(mark);
            }
            self.live().release();
        }
    }
}

fn noted(held: u64) -> Option<Mark> {
    Mark::try_from(held).ok().filter(|mark| *mark != UNTRACKED)
}
