//! A response's body that keeps its exchange under way.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::registry::ActivityGuard;

pin_project! {
    /// A body whose exchange is under way until it ended or was dropped.
    #[derive(Debug)]
    pub(super) struct Tracked<B> {
        #[pin]
        body: B,
        exchange: Option<ActivityGuard>,
    }
}

impl<B> Tracked<B> {
    pub(super) fn new(body: B, exchange: Option<ActivityGuard>) -> Self {
        Self { body, exchange }
    }
}

impl<B: Body> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(context));
        if !matches!(frame, Some(Ok(_)))
            && let Some(exchange) = this.exchange.take()
            && frame.is_some()
        {
            exchange.entry().stats().record_error();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
