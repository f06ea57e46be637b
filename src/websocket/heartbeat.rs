//! Pings on a WebSocket whose server says nothing.

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
    heard: Instant,
    /// When the server was asked, if it has said nothing since.
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
        let heard = Instant::now();
        Self {
            interval,
            patience,
            heard,
            asked: None,
            timer: Box::pin(sleep_until(heard + interval)),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// The server said something. The timer finds out by itself.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
        self.asked = None;
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Beat> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let next = match self.asked {
                Some(asked) if asked + self.patience <= now => return Poll::Ready(Beat::GiveUp),
                Some(asked) => asked + self.patience,
                None if self.heard + self.interval <= now => {
                    self.asked = Some(now);
                    self.timer.as_mut().reset(now + self.patience);
                    return Poll::Ready(Beat::Ask);
                }
                None => self.heard + self.interval,
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

    async fn next(heartbeat: &mut Heartbeat) -> (Beat, Duration) {
        let began = Instant::now();
        let beat = poll_fn(|context| heartbeat.poll(context)).await;
        (beat, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_asked_about_and_given_up() {
        let (interval, patience) = (Duration::from_secs(30), Duration::from_secs(5));
        let mut heartbeat = Heartbeat::new(interval, patience);
        advance(Duration::from_secs(20)).await;
        heartbeat.heard();
        assert_eq!(next(&mut heartbeat).await, (Beat::Ask, interval));
        advance(Duration::from_secs(2)).await;
        heartbeat.heard();
        assert_eq!(next(&mut heartbeat).await, (Beat::Ask, interval));
        assert_eq!(next(&mut heartbeat).await, (Beat::GiveUp, patience));
    }
}
