//! The end of a pool.

use std::panic::Location;
use std::time::Duration;

use tokio::time::Instant;

use crate::dial::Origin;
use crate::pool::deadline::by;
use crate::pool::handle::Pool;
use crate::pool::shared::Shared;
use crate::registry::{CloseReason, ConnectionId};

/// Instead of a deadline beyond what the clock can count to: 30 years.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// How a shutdown went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that ended by themselves: idle ones at once, others when their last use was returned.
    pub drained: usize,
    /// Connections that were still used at the deadline and were cut.
    pub cut: usize,
    /// Those that were cut: who held them still, or leaked them.
    pub overstayed: Vec<Overstayed>,
}

/// A connection that was cut by a shutdown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overstayed {
    /// The connection.
    pub id: ConnectionId,
    /// What it was for.
    pub host: Origin,
    /// How old it was.
    pub age: Duration,
    /// The uses of it that had not been given back.
    pub uses: u32,
    /// Where those were asked for; known in debug builds while [`lease_age_alarm`](crate::config::Config::lease_age_alarm) is set.
    pub sites: Vec<&'static Location<'static>>,
}

impl Pool {
    /// Closes the pool: nobody gets a connection any more, waiting callers get
    /// [`PoolClosed`](crate::ErrorKind::PoolClosed), idle connections close, and those in use close when they are returned.
    ///
    /// Returns at once; [`shutdown`](Self::shutdown) also waits. Dropping the last handle of a pool does the same.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Closes the pool, waits until everything handed out has been returned, and cuts what has not been by the deadline. When it
    /// returns, no connection and no task of the pool is left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the pool closed; it goes on draining.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let now = Instant::now();
        let end = now.checked_add(deadline).unwrap_or_else(|| now + FOR_EVER);
        let shared = self.shared();
        let before = shared.permits().used();
        shared.close();
        let cut = match by(&shared.runtime, end, shared.tasks.wait()).await {
            Ok(()) => Vec::new(),
            Err(_) => {
                let cut = cut_all(shared);
                shared.tasks.wait().await;
                cut
            }
        };
        ShutdownReport {
            drained: before.saturating_sub(cut.len()),
            cut: cut.len(),
            overstayed: cut,
        }
    }
}

/// Cuts what is left, and says what that was.
fn cut_all(shared: &Shared) -> Vec<Overstayed> {
    let mut cut = Vec::new();
    for host in shared.hosts.all() {
        let members = host.queue().lock().members.clone();
        for live in members {
            cut.push(Overstayed {
                id: live.entry().id(),
                host: live.origin().clone(),
                age: live.entry().age(),
                uses: live.slot().usage().in_use,
                sites: live
                    .leases()
                    .held()
                    .iter()
                    .filter_map(|held| held.site)
                    .collect(),
            });
            live.entry().request_close(CloseReason::Shutdown);
            live.cut().cancel();
        }
    }
    cut
}
