//! Waiting for a condition, with a deadline, instead of sleeping.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a loaded machine; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Returns once `condition` holds; panics with `what` if it never does.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "still not: {what}");
        // Polling a condition that has no event of its own.
        sleep(Duration::from_millis(2)).await;
    }
}

/// Lets the housekeeper's clock move on: it has no event, and orders what happens in different rounds of 250 ms.
pub async fn a_round() {
    sleep(Duration::from_millis(300)).await;
}
