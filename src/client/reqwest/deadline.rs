//! How long an answer may take: as a whole, and from one piece to the next.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::client::Body;
use crate::error::{Error, ErrorKind};

/// One request's. The clock runs from its making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// For everything, the body's last byte included.
    whole: Option<Instant>,
    /// For the head, and then for each piece of the body.
    pause: Option<Duration>,
    begun: Instant,
}

impl Deadline {
    pub(super) fn new(whole: Option<Duration>, pause: Option<Duration>) -> Self {
        let begun = Instant::now();
        Self {
            // A deadline beyond the clock's end is none.
            whole: whole.and_then(|whole| begun.checked_add(whole)),
            pause,
            begun,
        }
    }

    /// `head`, if it comes in time.
    pub(super) async fn head<T>(
        &self,
        head: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self.next(self.begun) {
            None => head.await,
            Some(deadline) => match tokio::time::timeout_at(deadline, head).await {
                Ok(outcome) => outcome,
                // Where it was dropped is not known: it may have been sent.
                Err(_) => Err(Error::new(ErrorKind::RequestTimeout).sent()),
            },
        }
    }

    pub(super) fn body(self, body: Body) -> TimedBody {
        TimedBody {
            body,
            sleep: self
                .next(Instant::now())
                .map(|deadline| Box::pin(sleep_until(deadline))),
            deadline: self,
        }
    }

    /// When what is awaited since `since` is late.
    fn next(&self, since: Instant) -> Option<Instant> {
        let pause = self.pause.and_then(|pause| since.checked_add(pause));
        match (self.whole, pause) {
            (Some(whole), Some(pause)) => Some(whole.min(pause)),
            (whole, pause) => whole.or(pause),
        }
    }
}

/// A response's body that fails when it is late.
#[derive(Debug)]
pub(super) struct TimedBody {
    body: Body,
    deadline: Deadline,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Some(sleep) = &mut this.sleep
            && sleep.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err(late())));
        }
        let frame = Pin::new(&mut this.body).poll_frame(context);
        if frame.is_ready()
            && this.deadline.pause.is_some()
            && let Some(sleep) = &mut this.sleep
            && let Some(deadline) = this.deadline.next(Instant::now())
        {
            sleep.as_mut().reset(deadline);
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// As an I/O error, by which [`reqwest::Error::is_timeout`] knows it.
fn late() -> Box<dyn std::error::Error + Send + Sync> {
    let error = Error::new(ErrorKind::RequestTimeout).sent();
    Box::new(io::Error::new(io::ErrorKind::TimedOut, error))
}
