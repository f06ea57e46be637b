//! The end of a pool.

use std::time::Duration;

use tokio::time::Instant;

use super::deadline::by;
use super::handle::Pool;
use super::shared::Shared;
use crate::registry::CloseReason;

/// Instead of a deadline beyond what the clock can count to: 30 years.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// How a shutdown went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that ended by themselves: idle ones at once, others when their last use was returned.
    pub drained: usize,
    /// Connections that were still used at the deadline and were cut.
    pub cut: usize,
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
            Ok(()) => 0,
            Err(_) => {
                let cut = cut_all(shared);
                shared.tasks.wait().await;
                cut
            }
        };
        ShutdownReport {
            drained: before.saturating_sub(cut),
            cut,
        }
    }
}

/// Cuts what is left, and says how many connections that were.
fn cut_all(shared: &Shared) -> usize {
    let mut cut = 0;
    for host in shared.hosts.all() {
        let members = host.queue().lock().members.clone();
        for live in members {
            live.entry().request_close(CloseReason::Shutdown);
            live.cut().cancel();
            cut += 1;
        }
    }
    cut
}
