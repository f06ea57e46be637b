//! Pings on a WebSocket whose peer says nothing.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// As long as a deadline may be: it is added to the clock's time, which has an end.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Says when to ask, and when it was in vain.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    patience: Duration,
    /// When the peer was asked, if it has said nothing since.
    asked: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beat {
    Ask,
    GiveUp,
}

impl Heartbeat {
    pub(super) fn new(interval: Duration, patience: Duration) -> Self {
        let (interval, patience) = (interval.min(LONGEST), patience.min(LONGEST));
        Self {
            interval,
            patience,
            asked: None,
            timer: Box::pin(sleep_until(Instant::now() + interval)),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// `heard`: when the peer last said anything.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, heard: Instant) -> Poll<Beat> {
        if self.asked.take_if(|asked| *asked < heard).is_some() {
            self.timer.as_mut().reset(heard + self.interval);
        }
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let next = match self.asked {
                Some(asked) if asked + self.patience <= now => return Poll::Ready(Beat::GiveUp),
                Some(asked) => asked + self.patience,
                None if heard + self.interval <= now => {
                    self.asked = Some(now);
                    self.timer.as_mut().reset(now + self.patience);
                    return Poll::Ready(Beat::Ask);
                }
                None => heard + self.interval,
            };
            self.timer.as_mut().reset(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::advance;

    use super::*;

    async fn next(heartbeat: &mut Heartbeat, heard: Instant) -> (Beat, Duration) {
        let began = Instant::now();
        let beat = poll_fn(|context| heartbeat.poll(context, heard)).await;
        (beat, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_asked_about_and_given_up() {
        let second = Duration::from_secs(1);
        for (interval, patience) in [(30 * second, 5 * second), (5 * second, 60 * second)] {
            let mut heartbeat = Heartbeat::new(interval, patience);
            advance(2 * second).await;
            let heard = Instant::now();
            assert_eq!(next(&mut heartbeat, heard).await, (Beat::Ask, interval));
            advance(second).await;
            let heard = Instant::now();
            assert_eq!(next(&mut heartbeat, heard).await, (Beat::Ask, interval));
            assert_eq!(next(&mut heartbeat, heard).await, (Beat::GiveUp, patience));
        }
    }
}
