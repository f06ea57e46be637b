//! How long a peer may take nothing.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Passes when a write has made no progress for so long.
#[derive(Debug)]
pub(super) struct WriteDeadline {
    limit: Duration,
    /// What had been written when the timer was set.
    written: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl WriteDeadline {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            written: 0,
            timer: None,
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Nothing waits to be written.
    pub(super) fn done(&mut self) {
        self.timer = None;
    }

    /// A write waits, `written` bytes having been taken in all.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, written: u64) -> Poll<()> {
        let passes = || Instant::now() + self.limit;
        let timer = match &mut self.timer {
            Some(timer) if written == self.written => timer,
            Some(timer) => {
                timer.as_mut().reset(passes());
                timer
            }
            none => none.insert(Box::pin(sleep_until(passes()))),
        };
        self.written = written;
        timer.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn progress_moves_it() {
        let second = Duration::from_secs(1);
        let mut deadline = WriteDeadline::new(10 * second);
        for written in 0..5 {
            poll_fn(|context| {
                assert!(deadline.poll(context, written).is_pending());
                Poll::Ready(())
            })
            .await;
            advance(9 * second).await;
        }
        let since = Instant::now();
        poll_fn(|context| deadline.poll(context, 4)).await;
        assert_eq!(since.elapsed(), second);
        deadline.done();
        let since = Instant::now();
        poll_fn(|context| deadline.poll(context, 4)).await;
        assert_eq!(since.elapsed(), 10 * second);
    }
}
