//! Futures that are polled a number of times and then dropped, while the world around them goes on.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

/// More awaits than anything here has.
pub const MOST_POLLS: usize = 200;

/// After its last poll, a future that nothing wakes for so long waits for what its test does not do.
const STILL: Duration = Duration::from_millis(30);

/// When a future is dropped after its last poll.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leaves {
    AtOnce,
    /// What it waited for has come about, and it does not look.
    WhenWoken,
}

impl Leaves {
    pub const ALL: [Self; 2] = [Self::AtOnce, Self::WhenWoken];
}

/// Polls `future` at most `polls` times, each time it is woken, then drops it; what it yielded, if it did.
pub async fn polled<F: Future>(polls: usize, leaves: Leaves, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for left in (0..polls).rev() {
        let once = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)));
        if let Poll::Ready(output) = once.await {
            return Some(output);
        }
        match left {
            0 if leaves == Leaves::AtOnce => {}
            // That it is not woken any more is no fault of its own.
            0 => drop(timeout(STILL, woken()).await),
            _ => woken().await,
        }
    }
    None
}

/// Returns when the task is woken.
async fn woken() {
    let mut first = true;
    poll_fn(|_| match std::mem::take(&mut first) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
}

/// Drops what `attempt` makes of a `world` after 0, 1, 2, … polls until it completes, and has each world looked at afterwards.
pub async fn dropped_everywhere<W, T>(
    world: impl AsyncFn() -> W,
    attempt: impl AsyncFn(&W) -> T,
    check: impl AsyncFn(W, Option<T>),
) {
    for leaves in Leaves::ALL {
        for polls in 0.. {
            assert!(polls < MOST_POLLS, "still not complete after {polls} polls");
            let there = world().await;
            let outcome = polled(polls, leaves, attempt(&there)).await;
            let done = outcome.is_some();
            check(there, outcome).await;
            if done {
                break;
            }
        }
    }
}
