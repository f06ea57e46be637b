//! Hosts on one connection: an HTTP/2 connection that another host has may carry this one's requests as well, where the server has
//! proven that it speaks for both (RFC 9113 §9.1.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::lease::Lease;
use crate::dial::{Kind, Scheme};
use crate::pool::clock::millis;
use crate::pool::host::HostPool;
use crate::pool::key::HostKey;
use crate::pool::live::Live;
use crate::pool::shared::Shared;
use crate::profile::Profile;

/// How long a host keeps to connections of its own after a server has answered for it on another's that it does not serve it there
/// (421, RFC 9110 §15.5.20).
const APART: Duration = Duration::from_secs(3600);

impl HostPool {
    /// Another host's connection that would do instead of one of its own, where that is wanted. Cancel-safe.
    pub(in crate::pool) async fn shareable(&self) -> Option<Arc<Live>> {
        let shared = self
            .shared()
            .filter(|shared| shared.config().coalescing())?;
        if !self.may_share() {
            return None;
        }
        let origin = &self.key().origin;
        let resolver = shared.dialer.resolver().clone();
        // Waiting must not keep the pool alive.
        drop(shared);
        let mut lookup = resolver.begin(&origin.name(), origin.port(), true).ok()?;
        let resolved = lookup.next().await?.ok()?;
        // The dial goes on with it.
        lookup.park();
        let shared = self.shared()?;
        self.find_shareable(&shared, resolved.addresses())
    }

    /// Whether a connection of another host would do, by what this host is.
    fn may_share(&self) -> bool {
        let key = self.key();
        let mut profiles = key.look.profiles();
        let coalesces = |profile: &Profile| {
            let http2 = profile.http2_template();
            http2.is_none_or(|http2| http2.coalesces)
        };
        // Where a shared connection is full, the next one is the host's own.
        key.origin.scheme() == Scheme::Https
            && key.kind == Kind::Requests
            && key.addresses.is_none()
            // Where the connection leads is the proxy's to know.
            && key.proxy.is_none()
            && profiles.all(coalesces)
            && !self.is_apart()
            && self.borrowed.load().is_empty()
    }

    /// Whether the server has sent it away from other hosts' connections, not long ago. It is not forgotten meanwhile.
    pub(in crate::pool) fn is_apart(&self) -> bool {
        self.now() < self.apart_until.load(Ordering::Relaxed)
    }

    /// A connection of another host on which this one's requests may go: to one of the same addresses, made in the same way, whose
    /// certificate is for this host too.
    fn find_shareable(&self, shared: &Shared, addresses: &[SocketAddr]) -> Option<Arc<Live>> {
        let at_address = |address: &SocketAddr| shared.registry.count_by_address(*address) > 0;
        if !addresses.iter().any(at_address) {
            return None;
        }
        let hosts = shared.hosts.all().into_iter();
        let alike = hosts.filter(|other| is_alike(self.key(), other.key()));
        let mut connections = alike.flat_map(|other| other.connections().to_vec());
        connections.find(|live| {
            addresses.contains(&live.address())
                && live.peer().is_some()
                && !live.slot().usage().draining
                && live.covers(self.key().origin.host())
        })
    }

    /// From now on this host's callers get uses of another host's connection too.
    pub(in crate::pool) fn borrow_connection(self: &Arc<Self>, live: &Arc<Live>) {
        live.lend(self);
        self.borrowed.store(Arc::new(vec![Arc::clone(live)]));
        if live.slot().usage().draining {
            self.give_back(live);
        }
    }

    /// A use of a borrowed connection.
    pub(in crate::pool) fn borrowed_lease(self: &Arc<Self>) -> Option<Lease> {
        let borrowed = self.borrowed.load();
        let live = borrowed.first()?;
        Lease::try_new(live).map(|lease| lease.for_guest(self))
    }

    /// The connection takes nobody any more.
    pub(in crate::pool) fn give_back(self: &Arc<Self>, live: &Arc<Live>) {
        let others = |borrowed: &Arc<Vec<Arc<Live>>>| -> Vec<Arc<Live>> {
            let others = borrowed.iter().filter(|other| !Arc::ptr_eq(other, live));
            others.cloned().collect()
        };
        self.borrowed.rcu(others);
        if self.waiting() > 0 {
            self.scale();
        }
    }

    /// The server does not serve this host on that connection: it gets its own from now on.
    pub(crate) fn keep_apart(self: &Arc<Self>, live: &Arc<Live>) {
        let until = self.now().saturating_add(millis(APART));
        self.apart_until.store(until, Ordering::Relaxed);
        self.give_back(live);
    }
}

/// All that a connection's key says but for the host's name.
fn is_alike(one: &HostKey, other: &HostKey) -> bool {
    one.origin.scheme() == other.origin.scheme()
        && one.origin.port() == other.origin.port()
        && one.origin.host() != other.origin.host()
        && one.protocols == other.protocols
        && one.tls == other.tls
        && one.look == other.look
        && one.partition == other.partition
        && one.proxy == other.proxy
        && one.addresses == other.addresses
}

impl Live {
    /// Whether the server has proven to be this host too.
    fn covers(&self, host: &str) -> bool {
        let certificate = self.tls().and_then(|tls| tls.certificate.as_ref());
        certificate.is_some_and(|certificate| certificate.covers(host))
    }

    fn lend(&self, guest: &Arc<HostPool>) {
        let mut guests = self.guests().lock();
        guests.retain(|other| other.strong_count() > 0);
        guests.push(Arc::downgrade(guest));
        self.has_guests().store(true, Ordering::SeqCst);
    }

    /// The hosts that have it on loan.
    pub(in crate::pool) fn guests_now(&self) -> Vec<Arc<HostPool>> {
        if !self.has_guests().load(Ordering::SeqCst) {
            return Vec::new();
        }
        let guests = self.guests().lock();
        guests.iter().filter_map(std::sync::Weak::upgrade).collect()
    }
}
