//! A request's body that tells whether it has been sent whole.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::dial::RequestBody;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Passes a body on and notes its end.
pub(super) struct Tracked {
    body: RequestBody,
    /// Bytes still to come, where the length was known: a sender that has them all need not look for the end.
    left: Option<u64>,
    whole: Whole,
}

/// Whether the body has been handed over to its end, or has failed before.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole(Arc<Ends>);

#[derive(Debug, Default)]
struct Ends {
    reached: AtomicBool,
    failed: AtomicBool,
}

impl Whole {
    pub(super) fn is_reached(&self) -> bool {
        self.0.reached.load(Ordering::Acquire)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }

    fn reached(&self) {
        self.0.reached.store(true, Ordering::Release);
    }

    fn failed(&self) {
        self.0.failed.store(true, Ordering::Release);
    }
}

impl Tracked {
    /// `length`: what the request's head says, and the sender asks no further; the body itself need not know.
    pub(super) fn new(body: RequestBody, length: Option<u64>, whole: Whole) -> Self {
        let left = length.or_else(|| body.size_hint().exact());
        if left == Some(0) {
            whole.reached();
        }
        Self { body, left, whole }
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            None => this.whole.reached(),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                this.left = this.left.map(|left| left.saturating_sub(length));
                // Behind trailers comes nothing, and hyper asks for nothing.
                if this.left == Some(0) || frame.is_trailers() || this.body.is_end_stream() {
                    this.whole.reached();
                }
            }
            Some(Err(_)) => this.whole.failed(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full, StreamBody};

    fn tracked(
        body: impl Body<Data = Bytes, Error = BoxError> + Send + 'static,
        length: Option<u64>,
    ) -> (Tracked, Whole) {
        let whole = Whole::default();
        let tracked = Tracked::new(RequestBody::new(body), length, whole.clone());
        (tracked, whole)
    }

    #[tokio::test]
    async fn the_end_is_seen_where_the_length_is_known_and_where_it_is_not() {
        let full = Full::new(Bytes::from_static(b"whole")).map_err(|never| match never {});
        let (mut body, whole) = tracked(full, None);
        assert!(!whole.is_reached());
        body.frame().await.unwrap().unwrap();
        assert!(whole.is_reached());

        let stream = || {
            let frames = ["a", "b"].map(|piece| Ok(Frame::data(Bytes::from(piece))));
            StreamBody::new(futures_util::stream::iter(frames))
        };
        let (mut body, whole) = tracked(stream(), Some(2));
        body.frame().await.unwrap().unwrap();
        assert!(!whole.is_reached());
        body.frame().await.unwrap().unwrap();
        assert!(whole.is_reached());
        let (_, whole) = tracked(stream(), Some(0));
        assert!(whole.is_reached(), "nobody asks for any of it");

        let (mut body, whole) = tracked(stream(), None);
        body.frame().await.unwrap().unwrap();
        body.frame().await.unwrap().unwrap();
        assert!(!whole.is_reached());
        assert!(body.frame().await.is_none() && whole.is_reached());
    }

    #[tokio::test]
    async fn trailers_are_the_end() {
        let data = Frame::data(Bytes::from_static(b"a"));
        let frames = [data, Frame::trailers(http::HeaderMap::new())].map(Ok);
        let stream = StreamBody::new(futures_util::stream::iter(frames));
        let (mut body, whole) = tracked(stream, None);
        body.frame().await.unwrap().unwrap();
        assert!(!whole.is_reached());
        body.frame().await.unwrap().unwrap();
        assert!(whole.is_reached());
    }
}
