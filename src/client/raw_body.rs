//! A response's body as the server sent it.

use std::fmt;
use std::pin::Pin;
#[cfg(feature = "decompression")]
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::exchange::Exchange;
use crate::error::Error;
#[cfg(feature = "decompression")]
use crate::pool::Live;

/// The body as it arrives, and the exchange that ends with it.
pub(super) struct RawBody {
    source: Source,
    /// Where it comes from; for errors that are found after its end.
    #[cfg(feature = "decompression")]
    live: Arc<Live>,
    /// Gone once the body has ended.
    exchange: Option<Exchange>,
}

enum Source {
    Http1(Incoming),
    Http2 {
        stream: h2::RecvStream,
        data_ended: bool,
        /// The request had a body, of which the server may need no more than it has (RFC 9113 §8.1).
        uploading: bool,
        /// What is still to come of the length that the server announced.
        missing: Option<u64>,
    },
}

impl RawBody {
    pub(super) fn http1(incoming: Incoming, exchange: Exchange) -> Self {
        Self::new(Source::Http1(incoming), exchange)
    }

    pub(super) fn http2(
        stream: h2::RecvStream,
        length: Option<u64>,
        uploading: bool,
        exchange: Exchange,
    ) -> Self {
        Self::new(
            Source::Http2 {
                stream,
                data_ended: false,
                uploading,
                missing: length,
            },
            exchange,
        )
    }

    fn new(source: Source, exchange: Exchange) -> Self {
        let mut body = Self {
            source,
            #[cfg(feature = "decompression")]
            live: Arc::clone(exchange.lease().live()),
            exchange: Some(exchange),
        };
        if body.is_end_stream() {
            body.ended();
        }
        body
    }

    /// Its reader cannot go on: the error, with what is known of the connection.
    #[cfg(feature = "decompression")]
    pub(super) fn fail(&mut self, error: Error) -> Error {
        match self.exchange.take() {
            Some(exchange) => exchange.fail(error),
            None => error
                .sent()
                .with_host(self.live.host_name())
                .with_address(self.live.address()),
        }
    }

    fn ended(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.complete();
        }
    }

    /// The frame or error that `source` yields next, before this side's bookkeeping.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.source {
            Source::Http1(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Error::from_http1),
            Source::Http2 {
                stream,
                data_ended,
                uploading,
                missing,
            } => {
                if !*data_ended {
                    match ready!(stream.poll_data(cx)) {
                        Some(Ok(data)) => {
                            if let Some(missing) = missing {
                                *missing = missing.saturating_sub(data.len() as u64);
                            }
                            // Read by the caller, so the server may send as much again.
                            let _ = stream.flow_control().release_capacity(data.len());
                            return Poll::Ready(Some(Ok(Frame::data(data))));
                        }
                        Some(Err(error)) => {
                            return Poll::Ready(match error.reason() {
                                // RFC 9113 §8.1: said after a whole response, to stop the request. Without the response's end it
                                // is one only if nothing is missing of an announced length.
                                Some(h2::Reason::NO_ERROR)
                                    if error.is_reset() && *uploading && *missing == Some(0) =>
                                {
                                    None
                                }
                                _ => Some(Err(Error::from_http2(error))),
                            });
                        }
                        None => *data_ended = true,
                    }
                }
                match ready!(stream.poll_trailers(cx)) {
                    Ok(Some(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                    Ok(None) => Poll::Ready(None),
                    Err(error) => Poll::Ready(Some(Err(Error::from_http2(error)))),
                }
            }
        }
    }
}

impl HttpBody for RawBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.exchange.is_none() {
            return Poll::Ready(None);
        }
        match ready!(this.poll_source(cx)) {
            Some(Ok(frame)) => {
                if this.source_has_ended() {
                    this.ended();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                let error = match this.exchange.take() {
                    Some(exchange) => exchange.fail(error),
                    None => error,
                };
                Poll::Ready(Some(Err(error)))
            }
            None => {
                this.ended();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none() || self.source_has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Http1(incoming) => incoming.size_hint(),
            Source::Http2 { .. } if self.is_end_stream() => SizeHint::with_exact(0),
            Source::Http2 { missing, .. } => {
                missing.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}

impl RawBody {
    fn source_has_ended(&self) -> bool {
        match &self.source {
            Source::Http1(incoming) => incoming.is_end_stream(),
            Source::Http2 { stream, .. } => stream.is_end_stream(),
        }
    }
}

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawBody")
            .field("ended", &self.exchange.is_none())
            .finish_non_exhaustive()
    }
}
