//! Waiting with a deadline, also where the caller runs on no tokio runtime.

use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits on the caller's timer, or on that of `pool`, the pool's runtime, where the caller has none.
///
/// A timer panics when its runtime has ended. So `future` must be one that the end of the pool's runtime completes: it is looked at
/// first.
pub(super) async fn by<F: Future>(
    pool: &Handle,
    deadline: Instant,
    future: F,
) -> Result<F::Output, Elapsed> {
    let waiting = {
        let _inside = Handle::try_current().is_err().then(|| pool.enter());
        timeout_at(deadline, future)
    };
    waiting.await
}
