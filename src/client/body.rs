//! A response's body.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

#[cfg(feature = "decompression")]
use super::decode::DecodedBody;
use super::raw_body::RawBody;
use crate::error::Error;

/// A response's body, as it arrives. It keeps the connection's use until it has been read or dropped.
///
/// An HTTP/2 server sends no further than the window allows, so a body that is not read costs at most that much memory. All bodies of a
/// connection share its window: a large one that is neither read nor dropped holds up the others. Dropping the body early cancels an
/// HTTP/2 stream and closes an HTTP/1.1 connection.
///
/// Where a profile asked for content codings that the request's author did not, it is decoded as it is read, 16 KiB at a time; the
/// response then has neither `content-encoding` nor `content-length`, whatever the server said. See
/// [`RequestOptions::raw_body`](super::RequestOptions::raw_body).
pub struct Body(Source);

enum Source {
    Raw(RawBody),
    #[cfg(feature = "decompression")]
    Decoded(Box<DecodedBody>),
}

impl From<RawBody> for Body {
    fn from(body: RawBody) -> Self {
        Self(Source::Raw(body))
    }
}

#[cfg(feature = "decompression")]
impl From<DecodedBody> for Body {
    fn from(body: DecodedBody) -> Self {
        Self(Source::Decoded(Box::new(body)))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Source::Raw(body) => Pin::new(body).poll_frame(cx),
            #[cfg(feature = "decompression")]
            Source::Decoded(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Raw(body) => body.is_end_stream(),
            #[cfg(feature = "decompression")]
            Source::Decoded(body) => body.has_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Raw(body) => body.size_hint(),
            #[cfg(feature = "decompression")]
            Source::Decoded(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("ended", &self.is_end_stream())
            .finish_non_exhaustive()
    }
}
