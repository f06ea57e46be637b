//! A request's body, and whether there is another copy of it.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};

use crate::dial::RequestBody;

/// Bodies up to this size that are in memory as a whole are kept until the request is over, so that it can be sent again. They are
/// shared, not copied; more would keep memory from being freed for the sake of a rare case.
pub(super) const KEPT: u64 = 64 * 1024;

/// What a request carries.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    /// There is as many of it as are needed.
    Kept(Bytes),
    /// There is one of it; gone once a connection has it.
    Once(Option<RequestBody>),
}

type FrameOutcome = Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>;

impl Content {
    /// `length`: as the caller's own body says it; a body with changed frames does not say it.
    pub(super) fn of(mut body: RequestBody, length: Option<u64>) -> Self {
        if body.is_end_stream() {
            return Self::Nothing;
        }
        if length.is_none_or(|length| length > KEPT) {
            return Self::Once(Some(body));
        }
        match body.frame().now_or_never() {
            // It is not there yet: nothing was taken.
            None => Self::Once(Some(body)),
            Some(None) => Self::Nothing,
            Some(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if body.is_end_stream() && length == Some(data.len() as u64) => {
                    Self::Kept(data)
                }
                Ok(data) => Self::after(Ok(Frame::data(data)), body),
                Err(trailers) => Self::after(Ok(trailers), body),
            },
            Some(Some(Err(error))) => Self::after(Err(error), body),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether it can still be sent from its beginning.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self, Self::Once(None))
    }

    /// One of it, if there is any.
    pub(super) fn take(&mut self) -> Option<RequestBody> {
        match self {
            Self::Nothing => None,
            Self::Kept(bytes) => {
                let body = Full::new(bytes.clone());
                Some(RequestBody::new(body.map_err(|never| match never {})))
            }
            Self::Once(body) => body.take(),
        }
    }

    /// A connection gave it back untouched.
    pub(super) fn put_back(&mut self, untouched: RequestBody) {
        if let Self::Once(body) = self {
            *body = Some(untouched);
        }
    }

    /// A body whose first part has been taken out, put together again.
    fn after(first: FrameOutcome, rest: RequestBody) -> Self {
        let parts = futures_util::stream::iter([first]).chain(BodyStream::new(rest));
        Self::Once(Some(RequestBody::new(StreamBody::new(parts))))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    type Never = std::convert::Infallible;

    fn content<B>(body: B) -> Content
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let length = body.size_hint().exact();
        Content::of(RequestBody::new(body.map_err(Into::into)), length)
    }

    async fn read(content: &mut Content) -> Option<Bytes> {
        let body = content.take()?;
        Some(body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn what_is_in_memory_can_be_sent_any_number_of_times() {
        let mut kept = content(Full::new(Bytes::from_static(b"order")));
        for _ in 0..3 {
            assert!(kept.is_whole() && !kept.is_nothing());
            assert_eq!(read(&mut kept).await.unwrap(), "order");
        }
    }

    #[tokio::test]
    async fn what_is_large_or_comes_in_parts_can_be_sent_once() {
        let large = Bytes::from(vec![b'a'; KEPT as usize + 1]);
        let mut once = content(Full::new(large.clone()));
        assert_eq!(read(&mut once).await.unwrap(), large);
        assert!(!once.is_whole() && read(&mut once).await.is_none());

        let frames = ["in ", "parts"].map(|part| Ok::<_, Never>(Frame::data(Bytes::from(part))));
        let parts = StreamBody::new(futures_util::stream::iter(frames));
        let mut once = content(parts);
        let untouched = once.take().unwrap();
        assert!(!once.is_whole());
        once.put_back(untouched);
        assert_eq!(read(&mut once).await.unwrap(), "in parts");
    }

    #[tokio::test]
    async fn what_was_looked_at_is_put_together_again() {
        /// Says how long it is, and gives it byte by byte, then trailers.
        struct Dripping(&'static [u8], bool);

        impl HttpBody for Dripping {
            type Data = Bytes;
            type Error = Never;

            fn poll_frame(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<Frame<Bytes>, Never>>> {
                let frame = match self.0.split_first() {
                    Some((_, rest)) => {
                        let byte = Bytes::from_static(&self.0[..1]);
                        self.0 = rest;
                        Some(Frame::data(byte))
                    }
                    None if std::mem::take(&mut self.1) => Some(Frame::trailers(HeaderMap::new())),
                    None => None,
                };
                std::task::Poll::Ready(frame.map(Ok))
            }

            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(self.0.len() as u64)
            }
        }
        for trailers in [false, true] {
            let mut once = content(Dripping(b"drops", trailers));
            let whole = once.take().unwrap().collect().await.unwrap();
            assert_eq!(whole.trailers().is_some(), trailers);
            assert_eq!(whole.to_bytes(), "drops");
            assert!(!once.is_whole());
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let mut nothing = content(Full::new(Bytes::new()));
        assert!(nothing.is_nothing() && nothing.is_whole() && nothing.take().is_none());
    }
}
