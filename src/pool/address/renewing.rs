//! Addresses followed while connections are open: asked for again before their time runs out, new ones warmed, gone ones left.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::config::Config;
use crate::pool::clock::millis;
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::pool::shared::Shared;
use crate::resolve::Families;

impl HostPool {
    /// Has the host's addresses asked for anew if their time runs out. At most one task a host. Returns when to look again.
    pub(in crate::pool) fn renew_addresses(self: &Arc<Self>, shared: &Shared, now: u64) -> u64 {
        // Those that the caller named are not the name service's to change.
        if self.key().addresses.is_some() && self.key().proxy.is_none() {
            return u64::MAX;
        }
        let resolver = shared.dialer.resolver();
        let Some(due) = resolver.next_refresh(&self.key().connected_to().0) else {
            return u64::MAX;
        };
        let due = self.at(due);
        if due > now {
            return due;
        }
        if !self.renewing.swap(true, Ordering::AcqRel) {
            self.spawn_renewal(shared);
        }
        u64::MAX
    }

    /// When it has ended, the host is looked at again.
    fn spawn_renewal(self: &Arc<Self>, shared: &Shared) {
        let resolver = shared.dialer.resolver();
        let (host, resolver, ending) = (Arc::clone(self), resolver.clone(), shared.ending.clone());
        let renewal = async move {
            let renewing = Renewing(Arc::clone(&host));
            let (name, port) = host.key().connected_to();
            tokio::select! {
                biased;
                () = ending.cancelled() => {}
                refreshed = resolver.refresh(&name) => {
                    // What failed is asked for again later; what there is stays in use until then.
                    if refreshed.is_ok()
                        && let Ok(resolved) = resolver.look_up(&name, port).await
                        && !resolved.is_stale()
                    {
                        host.addresses_named(resolved.addresses(), resolved.families());
                    }
                }
            }
            drop(renewing);
        };
        shared.tasks.spawn_on(renewal, &shared.runtime);
    }

    /// The name service names these of `families`. Where connections are kept warm, a new one is connected to before it gets traffic.
    pub(super) fn addresses_named(self: &Arc<Self>, addresses: &[SocketAddr], families: Families) {
        let now = self.now();
        let newcomers = self
            .queue()
            .lock()
            .membership
            .named(now, addresses, families);
        self.look_soon();
        if self.keep_warm() == 0 {
            return;
        }
        let open = self.connections();
        for newcomer in newcomers {
            if !open.iter().any(|live| live.address() == newcomer) && !self.warm_at(newcomer) {
                return;
            }
        }
    }

    /// Whether this connection's address has not been named for too long.
    pub(in crate::pool) fn has_left(&self, live: &Live, config: &Config, now: u64) -> bool {
        let grace = millis(config.address_grace());
        let queue = self.queue().lock();
        queue.membership.is_gone(live.address(), now, grace)
    }
}

/// However the task ends, another may follow.
struct Renewing(Arc<HostPool>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.renewing.store(false, Ordering::Release);
        self.0.look_soon();
    }
}
