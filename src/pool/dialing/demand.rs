//! When to dial: for callers who wait, or ahead of them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::attempt::{Purpose, Report};
use super::permits::Starving;
use crate::pool::events::Limit;
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::pool::shared::Shared;
use crate::registry::{CloseReason, Protocol};

/// A server that allows no stream on a connection (MAX_CONCURRENT_STREAMS 0) may only want to be rid of that one; when it allows none
/// on the next either, a third would not help.
const MOST_BARRED: usize = 2;

impl HostPool {
    /// Dials as much as the waiting callers call for and the limits allow.
    pub(in crate::pool) fn scale(self: &Arc<Self>) {
        let Some(shared) = self.shared() else {
            return;
        };
        while self.reserve_dial(&shared) {
            match shared.permits.try_acquire() {
                Some(permit) => self.start(&shared, permit, Purpose::Demand),
                None => return self.starve(&shared),
            }
        }
    }

    /// Dials one connection to have it warm. False when a limit forbids it; then `report` is dropped.
    pub(in crate::pool) fn warm(self: &Arc<Self>, report: Option<Report>) -> bool {
        self.dial_ahead(Purpose::Warmth(report), usize::MAX)
    }

    /// As [`warm`](Self::warm), where fewer than `wanted` are open or being dialed at that moment: two who count before they dial would
    /// together dial too many.
    pub(in crate::pool) fn warm_up_to(
        self: &Arc<Self>,
        wanted: usize,
        report: Option<Report>,
    ) -> bool {
        self.dial_ahead(Purpose::Warmth(report), wanted)
    }

    /// Dials one connection to have this address warm. False when a limit forbids it.
    pub(in crate::pool) fn warm_at(self: &Arc<Self>, address: SocketAddr) -> bool {
        self.dial_ahead(Purpose::Newcomer(address), usize::MAX)
    }

    fn dial_ahead(self: &Arc<Self>, purpose: Purpose, wanted: usize) -> bool {
        let Some(shared) = self.shared() else {
            return false;
        };
        let Some(permit) = shared.permits.try_acquire() else {
            let permits = &shared.permits;
            self.limit_reached(Limit::MaxConnections, permits.used(), permits.limit());
            return false;
        };
        {
            let mut queue = self.queue().lock();
            let most = shared.config().max_connections_per_host();
            let full = queue.members.len() + queue.dialing >= most;
            let enough = queue.open() + queue.dialing >= wanted;
            if queue.closed || queue.retired || full || enough {
                // The permit is given back after the lock.
                drop(queue);
                return false;
            }
            queue.dialing += 1;
        }
        self.start(&shared, permit, purpose);
        true
    }

    /// Nobody gets a connection here any more; idle ones close, those in use when they are returned.
    pub(in crate::pool) fn close(self: &Arc<Self>) {
        self.queue().lock().closed = true;
        self.fail_waiters(&self.closed());
        for live in self.connections().iter() {
            live.drain(CloseReason::Shutdown);
        }
    }

    /// Counts a dial that the waiting callers call for; false when they call for none, or a limit of this host forbids it.
    fn reserve_dial(&self, shared: &Shared) -> bool {
        let mut queue = self.queue().lock();
        let most = shared.config().max_connections_per_host();
        let paused = queue.is_paused() && (queue.is_flapping() || queue.has_open());
        if queue.closed
            || paused
            || queue.is_kept_out()
            || queue.dialing >= queue.wanted_dials()
            || queue.barred() >= MOST_BARRED
        {
            return false;
        }
        let there = queue.members.len() + queue.dialing;
        if there >= most {
            drop(queue);
            self.limit_reached(Limit::MaxConnectionsPerHost, there, most);
            return false;
        }
        queue.dialing += 1;
        true
    }

    /// The host's HTTPS records say what it speaks: until a connection shows it, callers of an HTTP/1.1 host get a dial each.
    pub(in crate::pool) fn protocol_announced(self: &Arc<Self>, speaks_http2: bool) {
        if self.key().only_protocol().is_some() {
            return;
        }
        let announced = match speaks_http2 {
            true => Protocol::Http2,
            false => Protocol::Http1,
        };
        let is_news = {
            let mut queue = self.queue().lock();
            queue.announced.replace(announced) != Some(announced) && queue.protocol.is_none()
        };
        if is_news && announced == Protocol::Http1 {
            self.scale();
        }
    }

    /// Every place in the pool is taken: one that is idle makes room, and this host is scaled again when a place is given back.
    fn starve(self: &Arc<Self>, shared: &Shared) {
        let newly = {
            let mut queue = self.queue().lock();
            queue.dialing -= 1;
            !std::mem::replace(&mut queue.starved, true)
        };
        if newly {
            shared.permits.starve(self);
        }
        let permits = &shared.permits;
        self.limit_reached(Limit::MaxConnections, permits.used(), permits.limit());
        // A place given back between the attempt and the registration would otherwise be seen by nobody.
        if !shared.permits.relieve_next() && !self.has_closing() {
            shared.make_room();
        }
    }

    /// Whether one of its own connections is about to give its place back.
    fn has_closing(&self) -> bool {
        let closing = |live: &Arc<Live>| {
            let usage = live.slot().usage();
            usage.draining && usage.in_use == 0
        };
        self.queue().lock().members.iter().any(closing)
    }
}

impl Starving for HostPool {
    /// A place was given back and this host has waited longest for one.
    fn relieve(self: &Arc<Self>) {
        self.queue().lock().starved = false;
        self.scale();
    }

    /// Whether callers still wait for the place that this host asked for; if not, it asks no more.
    fn is_starved(&self) -> bool {
        let mut queue = self.queue().lock();
        queue.starved &= queue.len() > 0;
        queue.starved
    }
}
