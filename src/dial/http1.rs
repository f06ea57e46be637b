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

/// Two header blocks' worth of what servers accept (8 to 16 KiB each), so that a hostile answer cannot make the buffer grow.
const LARGEST_HEAD: usize = 64 * 1024;

/// A request's body with its type erased: the connection is made before the first request is known.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Sends requests, one after the other.
pub(crate) type Http1Sender = http1::SendRequest<RequestBody>;

/// With `requests`, heads have their case.
pub(super) async fn open<IO>(
    io: IO,
    requests: Option<&RequestTemplates>,
) -> Result<(Http1Sender, Driver)>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = match requests {
        Some(requests) => Either::Left(Http1Stream::new(io, Spelling::of(requests))),
        None => Either::Right(io),
    };
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(io))
        .await
        .map_err(Error::from_http1)?;
    let driver = Box::pin(async move { connection.await.map_err(Error::from_http1) });
    Ok((sender, driver))
}
