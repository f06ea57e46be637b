//! Retiring everything that is open.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use crate::pool::events::PoolEvent;
use crate::pool::handle::Pool;
use crate::pool::host::HostPool;
use crate::pool::live::Live;
use crate::pool::shared::Shared;
use crate::registry::CloseReason;

/// A connection that is kept warm waits this long for its replacement, in parts of the lifetime, as at its life's end; then it goes
/// without one.
const REPLACEMENT_GRACE: u32 = 10;

/// Before a replacement that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

impl Pool {
    /// Retires every connection that is open now, and says how many that are: nobody new gets them, requests in flight finish, then they
    /// close. For when something about the servers or the network has changed, or after a [`reconfigure`](Self::reconfigure) that is to
    /// hold at once.
    ///
    /// Where hosts are kept warm, their warm connections stay in use until each has been replaced, at most a tenth of
    /// [`max_lifetime`](crate::config::Config::max_lifetime); where a limit leaves the replacement no place, they go at once. Dials that
    /// are under way are not in the count; what they bring is closed as well, and those who wait for it are dialed for anew.
    ///
    /// Returns at once.
    pub fn flush(&self) -> usize {
        let shared = self.shared();
        let generation = shared.generation.fetch_add(1, Ordering::SeqCst);
        let mut connections = 0;
        for host in shared.hosts.all() {
            // Those of earlier generations are on their way out already.
            let mut old = host.connections().to_vec();
            old.retain(|live| live.generation() == generation);
            connections += old.len();
            let warm = old.len().min(host.keep_warm());
            let surplus = old.split_off(warm);
            for live in surplus {
                live.drain(CloseReason::Flushed);
            }
            if !old.is_empty() {
                shared.spawn_replacement(host, old);
            }
        }
        tracing::debug!(connections, "flushed");
        shared.publish(|| PoolEvent::Flushed { connections });
        connections
    }
}

impl Shared {
    pub(in crate::pool) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn spawn_replacement(&self, host: Arc<HostPool>, old: Vec<Arc<Live>>) {
        let end = Instant::now() + self.config().max_lifetime() / REPLACEMENT_GRACE;
        let ending = self.ending.clone();
        let replacement = async move {
            tokio::select! {
                biased;
                () = ending.cancelled() => {}
                () = replace(&host, &old, end) => {}
            }
        };
        self.tasks.spawn_on(replacement, &self.runtime);
    }
}

/// Makes before it breaks, one connection after the other: that takes one place more than before, not twice as many.
async fn replace(host: &Arc<HostPool>, old: &[Arc<Live>], end: Instant) {
    for live in old {
        while !live.slot().usage().draining {
            let (report, outcome) = oneshot::channel();
            if !host.warm(Some(report)) {
                break;
            }
            match timeout_at(end, outcome).await {
                Ok(Ok(Err(_))) if Instant::now() + PAUSE < end => sleep(PAUSE).await,
                _ => break,
            }
        }
        live.drain(CloseReason::Flushed);
    }
}
