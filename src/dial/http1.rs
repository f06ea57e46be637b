//! HTTP/1.1 on an open stream, by hyper.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::either::Either;

use super::outcome::Driver;
use crate::error::{Error, Result};
use crate::profile::requests::RequestTemplates;
use crate::shape::h1::{Http1Stream, Spelling};

/// A request's body with its type erased: the connection is made before the first request is known.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Sends requests, one after the other.
pub(crate) type Http1Sender = http1::SendRequest<RequestBody>;

/// With `requests`, heads have their case. What is read and not yet handed out, and what waits to be written, is at most `head` bytes each,
/// so that a hostile answer cannot make the buffer grow.
pub(super) async fn open<IO>(
    io: IO,
    requests: Option<&RequestTemplates>,
    head: u32,
) -> Result<(Http1Sender, Driver)>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = match requests {
        Some(requests) => Either::Left(Http1Stream::new(io, Spelling::of(requests))),
        None => Either::Right(io),
    };
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(head as usize)
        .handshake(TokioIo::new(io))
        .await
        .map_err(Error::from_http1)?;
    let driver = Box::pin(async move { connection.await.map_err(Error::from_http1) });
    Ok((sender, driver))
}
