//! The pool in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::shared::Shared;

/// A pool at one moment. The parts are read one after the other, so under load they may be a few operations apart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolStats {
    /// Hosts that the pool knows.
    pub hosts: usize,
    /// Connections that can be handed out.
    pub connections: usize,
    /// Of those, the ones nobody uses now.
    pub idle: usize,
    /// Uses handed out and not yet returned: streams for HTTP/2, connections for HTTP/1.1. Those of draining connections, and
    /// [streams](super::HotStream) that were taken, are not in here, but in `places_taken`.
    pub in_use: usize,
    /// Callers waiting for a connection.
    pub waiting: usize,
    /// Dials under way.
    pub dialing: usize,
    /// Places taken of `max_connections`: handshaking, open and draining connections.
    pub places_taken: usize,
    /// The pool's tasks: the housekeeper, dials, one driver a connection, request bodies under way.
    pub tasks: usize,
    /// Dials begun since the pool was built.
    pub dials_started: u64,
    /// Dials that failed.
    pub dials_failed: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Connections closed.
    pub connections_closed: u64,
    /// Of those opened, the ones made for an address that the name service had newly named, before it got any traffic.
    pub new_addresses_opened: u64,
    /// How often an address was blacklisted for its failures.
    pub addresses_listed: u64,
    /// How often one of those worked again, and came off the list.
    pub addresses_unlisted: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    dials_started: AtomicU64,
    dials_failed: AtomicU64,
    connections_opened: AtomicU64,
    connections_closed: AtomicU64,
    new_addresses_opened: AtomicU64,
    addresses_listed: AtomicU64,
    addresses_unlisted: AtomicU64,
}

impl Counters {
    pub(super) fn dial_started(&self) {
        self.dials_started.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dial_failed(&self) {
        self.dials_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connection_opened(&self) {
        self.connections_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connection_closed(&self) {
        self.connections_closed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn new_address_opened(&self) {
        self.new_addresses_opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn address_listed(&self) {
        self.addresses_listed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn address_unlisted(&self) {
        self.addresses_unlisted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) fn stats(&self) -> PoolStats {
        let hosts = self.hosts.all();
        let mut stats = PoolStats {
            hosts: hosts.len(),
            places_taken: self.permits.used(),
            tasks: self.tasks.len(),
            dials_started: self.counters.dials_started.load(Ordering::Relaxed),
            dials_failed: self.counters.dials_failed.load(Ordering::Relaxed),
            connections_opened: self.counters.connections_opened.load(Ordering::Relaxed),
            connections_closed: self.counters.connections_closed.load(Ordering::Relaxed),
            new_addresses_opened: self.counters.new_addresses_opened.load(Ordering::Relaxed),
            addresses_listed: self.counters.addresses_listed.load(Ordering::Relaxed),
            addresses_unlisted: self.counters.addresses_unlisted.load(Ordering::Relaxed),
            ..PoolStats::default()
        };
        for host in hosts {
            for live in host.connections().iter() {
                let usage = live.slot().usage();
                stats.connections += 1;
                stats.idle += usize::from(usage.in_use == 0);
                stats.in_use += usage.in_use as usize;
            }
            let queue = host.queue().lock();
            stats.waiting += queue.len();
            stats.dialing += queue.dialing;
        }
        stats
    }
}
