//! A response's body as a decoder reads it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::Body as _;
use parking_lot::Mutex;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::client::raw_body::RawBody;
use crate::error::Error;

/// The coded body. The decoders own one handle to it, and whoever has to see it through to its end another.
pub(super) struct Coded {
    body: RawBody,
    trailers: Option<HeaderMap>,
}

impl Coded {
    pub(super) fn new(body: RawBody) -> Arc<Mutex<Self>> {
        let trailers = None;
        Arc::new(Mutex::new(Self { body, trailers }))
    }

    /// The next data; `None` at the end.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(data))),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// The coding is broken.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        self.body.fail(error)
    }

    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}

/// What the outermost decoder reads from.
pub(super) struct Source {
    coded: Arc<Mutex<Coded>>,
    chunk: Bytes,
}

impl Source {
    pub(super) fn new(coded: Arc<Mutex<Coded>>) -> Self {
        let chunk = Bytes::new();
        Self { coded, chunk }
    }
}

impl AsyncBufRead for Source {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.chunk.is_empty() {
            let data = ready!(this.coded.lock().poll_data(cx));
            if let Some(data) = data.transpose().map_err(io::Error::other)? {
                this.chunk = data;
            }
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let amount = amount.min(self.chunk.len());
        self.chunk.advance(amount);
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let chunk = ready!(self.as_mut().poll_fill_buf(cx))?;
        let taken = chunk.len().min(buffer.remaining());
        buffer.put_slice(chunk.get(..taken).unwrap_or_default());
        self.consume(taken);
        Poll::Ready(Ok(()))
    }
}
