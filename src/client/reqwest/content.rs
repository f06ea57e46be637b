//! A request's body, of which there can be another where it is in memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use ::reqwest::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::client::content::KEPT;

/// Never copied.
#[derive(Debug)]
pub(super) enum Content {
    Whole(Bytes),
    Streaming(Body),
}

impl Content {
    pub(super) fn new(mut body: Body) -> Self {
        if body.as_bytes().is_none() {
            return Self::Streaming(body);
        }
        // What is in memory is one frame, or none where it is empty.
        let frame = body.frame().now_or_never().flatten();
        let whole = frame.and_then(|frame| frame.ok()?.into_data().ok());
        Self::Whole(whole.unwrap_or_default())
    }

    /// Whether the pool keeps it for another try, or nobody can.
    pub(super) fn is_kept_by_the_pool(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.len() as u64 <= KEPT,
            Self::Streaming(_) => true,
        }
    }

    /// Another of it.
    pub(super) fn again(&self) -> Option<Self> {
        match self {
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Streaming(_) => None,
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = ::reqwest::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streaming(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streaming(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_in_memory_is_there_again_and_not_copied() {
        let bytes = Bytes::from(vec![7; 100]);
        let content = Content::new(Body::from(bytes.clone()));
        let again = content.again().unwrap().collect().await.unwrap().to_bytes();
        assert_eq!(again, bytes);
        assert_eq!(again.as_ptr(), bytes.as_ptr());
        assert!(Content::new(Body::default()).is_end_stream());
        assert!(Content::default().again().unwrap().is_end_stream());
    }

    #[tokio::test]
    async fn a_stream_is_there_once() {
        let content = Content::new(Body::wrap(http_body_util::Full::new(Bytes::from("once"))));
        assert!(content.again().is_none());
        assert_eq!(content.size_hint().exact(), Some(4));
        assert_eq!(content.collect().await.unwrap().to_bytes(), "once");
    }
}
