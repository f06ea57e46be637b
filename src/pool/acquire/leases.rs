//! Who holds uses of a connection, since when and from where, if that is wanted.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::Config;
use crate::pool::clock::millis;
use crate::pool::events::PoolEvent;
use crate::pool::host::HostPool;
use crate::pool::live::Live;

/// Where in the program a connection was asked for. Known in debug builds only; else it takes no room.
#[derive(Clone, Copy)]
pub(crate) struct Site(#[cfg(debug_assertions)] &'static Location<'static>);

impl Site {
    #[track_caller]
    pub(crate) const fn caller() -> Self {
        Self(
            #[cfg(debug_assertions)]
            Location::caller(),
        )
    }

    fn location(self) -> Option<&'static Location<'static>> {
        #[cfg(debug_assertions)]
        return Some(self.0);
        #[cfg(not(debug_assertions))]
        return None;
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.location(), f)
    }
}

/// A place in [`Leases`].
pub(super) type Mark = u32;

/// No place: the lease is not tracked.
pub(super) const UNTRACKED: Mark = u32::MAX;

/// The tracked leases of one connection.
#[derive(Debug, Default)]
pub(in crate::pool) struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    held: Vec<Option<Held>>,
    free: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::pool) struct Held {
    /// The pool's clock, in milliseconds.
    pub(super) since: u64,
    pub(in crate::pool) site: Option<&'static Location<'static>>,
    told: bool,
}

impl Leases {
    pub(super) fn track(&self, now: u64) -> Mark {
        let held = Some(Held {
            since: now,
            site: None,
            told: false,
        });
        let mut table = self.0.lock();
        let free = table.free.pop();
        if let Some(mark) = free
            && let Some(place) = table.held.get_mut(mark as usize)
        {
            *place = held;
            return mark;
        }
        // No more than a connection's uses, which are fewer than marks.
        let Ok(mark) = Mark::try_from(table.held.len()) else {
            return UNTRACKED;
        };
        table.held.push(held);
        mark
    }

    pub(super) fn locate(&self, mark: Mark, site: Site) {
        if mark == UNTRACKED {
            return;
        }
        if let Some(Some(held)) = self.0.lock().held.get_mut(mark as usize) {
            held.site = site.location();
        }
    }

    pub(super) fn forget(&self, mark: Mark) {
        let mut table = self.0.lock();
        if let Some(place) = table.held.get_mut(mark as usize)
            && place.take().is_some()
        {
            table.free.push(mark);
        }
    }

    /// Those that are held now.
    pub(in crate::pool) fn held(&self) -> Vec<Held> {
        self.0.lock().held.iter().flatten().copied().collect()
    }

    /// Those that are held for `limit` or longer and have not been told yet, and whether any is held at all.
    fn overdue(&self, now: u64, limit: u64) -> (Vec<Held>, bool) {
        let mut table = self.0.lock();
        let mut overdue = Vec::new();
        let mut any = false;
        for held in table.held.iter_mut().flatten() {
            any = true;
            if !held.told && now.saturating_sub(held.since) >= limit {
                held.told = true;
                overdue.push(*held);
            }
        }
        (overdue, any)
    }
}

impl HostPool {
    /// Tells of leases that are held for too long, once each. True while any is tracked.
    pub(in crate::pool) fn alarm_overdue(self: &Arc<Self>, config: &Config, now: u64) -> bool {
        let limit = config.lease_age_alarm();
        self.track_leases(limit.is_some());
        let Some(limit) = limit.map(millis) else {
            return false;
        };
        let members = self.queue().lock().members.clone();
        let mut any_held = false;
        for live in members {
            let (overdue, any) = live.leases().overdue(now, limit);
            any_held |= any;
            for held in overdue {
                self.tell_overdue(&live, held, now);
            }
        }
        any_held
    }

    fn tell_overdue(&self, live: &Live, held: Held, now: u64) {
        let age = Duration::from_millis(now.saturating_sub(held.since));
        let (host, id) = (live.host_name(), live.entry().id());
        let site = held.site.map(tracing::field::display);
        tracing::warn!(host, %id, ?age, site, "a connection has not been given back");
        self.publish(|host| PoolEvent::LeaseOverdue {
            id: live.entry().id(),
            host,
            address: live.address(),
            age,
            site: held.site,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lease_is_told_once_and_its_place_is_used_again() {
        let leases = Leases::default();
        let (one, two) = (leases.track(0), leases.track(500));
        assert_ne!(one, two);
        leases.locate(one, Site::caller());
        assert!(leases.overdue(999, 1_000).0.is_empty());
        let (overdue, any) = leases.overdue(1_000, 1_000);
        assert_eq!((overdue.len(), any), (1, true));
        assert_eq!(overdue[0].site.is_some(), cfg!(debug_assertions));
        assert!(leases.overdue(1_400, 1_000).0.is_empty());
        leases.forget(one);
        leases.forget(UNTRACKED);
        assert_eq!(leases.track(1_400), one);
        assert_eq!(leases.overdue(1_500, 1_000).0.len(), 1);
        assert_eq!(leases.held().len(), 2);
        leases.forget(one);
        leases.forget(two);
        assert!(!leases.overdue(9_000, 1_000).1);
    }
}
