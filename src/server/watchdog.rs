//! Tells when a connection has been kept for nothing.

use tokio::time::{Instant, sleep_until};

use super::builder::ListenerBuilder;
use crate::registry::Entry;

/// Completes when `entry` made no first request, or was idle, for too long, counted from now on.
pub(super) async fn overdue(entry: &Entry, settings: &ListenerBuilder) {
    let started = Instant::now();
    loop {
        let now = Instant::now();
        let at = deadline(entry, settings, started, now);
        if at <= now {
            return;
        }
        sleep_until(at).await;
    }
}

/// When to look again, or the moment since when it is overdue.
fn deadline(entry: &Entry, settings: &ListenerBuilder, started: Instant, now: Instant) -> Instant {
    let look_again = now + settings.idle_timeout;
    if entry.in_flight() > 0 {
        return look_again;
    }
    if entry.stats().requests() == 0 {
        return look_again.min(started + settings.header_timeout);
    }
    let last_sent = entry.stats().last_sent().unwrap_or(started);
    last_sent.max(started) + settings.idle_timeout
}
