//! A WebSocket on a connection of its own, by HTTP/1.1's upgrade.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Parts};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::either::Either;

use super::opened::{self, WebSocket};
use super::opening::{Opening, unanswered};
use crate::client::appearance::Appearance;
use crate::config::Protocols;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{HotStream, Pool, Target};
use crate::registry::Protocol;
use crate::shape::h1::{Http1Stream, Spelling};
use crate::websocket::{Agreed, Key, Limits};

/// Opens it on a stream of the pool.
pub(super) async fn open(
    pool: &Pool,
    target: Target,
    opening: &Opening,
    answer_timeout: Duration,
    limits: Limits,
) -> Result<WebSocket> {
    let stream = pool.stream(target.protocols(Protocols::Http1)).await?;
    let info = stream.lease().info().clone();
    let entry = Arc::clone(stream.lease().live().entry());
    entry.stats().record_request();
    let upgrading = timeout(answer_timeout, upgrade(stream, opening));
    let outcome = upgrading.await.map_err(|_| unanswered(answer_timeout));
    let (stream, agreed) = outcome.and_then(|outcome| outcome).map_err(|error| {
        entry.stats().record_error();
        let host = info.origin().host();
        error.with_host(host).with_address(info.remote_addr())
    })?;
    stream.speaks(Protocol::WebSocket);
    Ok(opened::on(stream, info, entry, agreed, limits).await)
}

async fn upgrade(stream: HotStream, opening: &Opening) -> Result<(HotStream, Agreed)> {
    let live = Arc::clone(stream.lease().live());
    let key = Key::new(&mut rand::rng());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = Uri::from(opening.path());
    *request.headers_mut() = opening.http1_headers(&key, &Appearance::of(stream.lease()))?;
    let offered = request.headers().clone();
    let io = match live.profile().request_templates() {
        Some(requests) => Either::Left(Http1Stream::new(stream, Spelling::of(requests))),
        None => Either::Right(stream),
    };
    let (response, parts) = exchange(io, request, live.head_limit()).await?;
    let agreed = opening.upgraded(&key, &offered, response.into_parts().0)?;
    let Some(Parts { io, read_buf, .. }) = parts else {
        return Err(Error::new(ErrorKind::ConnectionClosed).sent());
    };
    let mut stream = match io.into_inner() {
        Either::Left(shaped) => shaped.into_inner(),
        Either::Right(stream) => stream,
    };
    if !read_buf.is_empty() {
        stream.unread(read_buf);
    }
    Ok((stream, agreed))
}

/// Sends the request and waits for the answer's head; after that of an upgrade, the stream is handed back.
async fn exchange<IO>(
    io: IO,
    request: Request<Empty<Bytes>>,
    head_limit: u32,
) -> Result<(Response<Incoming>, Option<Parts<TokioIo<IO>>>)>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(head_limit as usize)
        .handshake(TokioIo::new(io))
        .await
        .map_err(Error::from_http1)?;
    let mut answer = pin!(sender.try_send_request(request));
    let mut serving = pin!(connection.without_shutdown());
    let mut served = None;
    let response = tokio::select! {
        biased;
        response = &mut answer => response,
        outcome = &mut serving => {
            served = Some(outcome);
            answer.await
        }
    };
    let response = response.map_err(|mut failed| {
        let was_sent = failed.take_message().is_none();
        let error = Error::from_http1(failed.into_error());
        if was_sent { error.sent() } else { error }
    })?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok((response, None));
    }
    let served = match served {
        Some(outcome) => outcome,
        None => serving.await,
    };
    let parts = served.map_err(|error| Error::from_http1(error).sent())?;
    Ok((response, Some(parts)))
}
