//! Sending, and sending again where that is safe.

use http::{Method, Request, Response};
use http_body::Body as HttpBody;

use super::body::Body;
use super::exchange::Exchange;
use super::outgoing::Outgoing;
use super::{http1, http2};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Connection, ConnectionInfo, Pool};
use crate::registry::Protocol;

/// How often a request that may have been sent is sent again: once. A second connection that dies under the same request says
/// something about the request.
const REPLAYS: u32 = 1;

/// How often a request that was certainly not processed is tried on yet another connection. A server that restarts leaves every
/// connection of a host dead, ten by default.
const REDIRECTIONS: u32 = 16;

impl Connection {
    /// Sends a request and returns the response as soon as its head has arrived.
    ///
    /// The request's URI may be absolute or only a path; `Host` or `:authority` come from the connection unless the request has a
    /// `Host` of its own. Connection-specific headers are left out of HTTP/2.
    ///
    /// If the connection turns out to be dead, the request goes to another connection of the same host, unseen, when that is safe:
    /// when nothing of it was sent, when the server said that it did not process it (REFUSED_STREAM, a GOAWAY below its stream), and
    /// for a GET, HEAD, OPTIONS or TRACE without a body also when a connection that had been idle ended before any answer
    /// (RFC 9110 §9.2.2). Requests with a body are sent again only while their body is untouched. Which connection answered is in the
    /// response's extensions: a [`ConnectionInfo`].
    ///
    /// # Errors
    ///
    /// Tell [whether the request was sent](Error::was_sent) and [whether a retry is safe](Error::is_retryable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request: the HTTP/2 stream is reset, the HTTP/1.1 connection closed.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Body>>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut outgoing = Outgoing::new(request, self.origin())?;
        let mut error = match self.send_once(&mut outgoing).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let mut moved: Option<Self> = None;
        let (mut replays, mut redirections) = (0, 0);
        loop {
            let held = moved.as_ref().unwrap_or(self);
            if error.is_retryable() && outgoing.is_whole() && redirections < REDIRECTIONS {
                redirections += 1;
            } else if held.is_reused() && replays < REPLAYS && is_replayable(&outgoing, &error) {
                replays += 1;
            } else {
                return Err(error);
            }
            tracing::debug!(%error, "sending again");
            // One that refused this stream may take the next, and at a limit it is the only one to be had.
            if error.kind() != ErrorKind::StreamRefused {
                drop(moved.take());
                moved = Some(self.another().await?);
            }
            error = match moved
                .as_ref()
                .unwrap_or(self)
                .send_once(&mut outgoing)
                .await
            {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
        }
    }

    async fn send_once(&self, outgoing: &mut Outgoing) -> Result<Response<Body>> {
        let exchange = Exchange::begin(self.share())?;
        let mut response = match self.protocol() {
            Protocol::Http2 => http2::send(exchange, outgoing, self.origin()).await,
            _ => http1::send(exchange, outgoing, self.origin()).await,
        }?;
        response
            .extensions_mut()
            .insert(ConnectionInfo::clone(self));
        Ok(response)
    }
}

impl Pool {
    /// Sends a request to the host that its absolute URI names, on a connection of the pool.
    ///
    /// # Errors
    ///
    /// As [`Pool::get`] and [`Connection::send`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Body>>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let connection = self.get(request.uri()).await?;
        connection.send(request).await
    }
}

/// Whether a request that may have reached the server may be sent again nevertheless: it asks for nothing to be done, has no body,
/// and its connection ended before any answer, as an idle connection does when the server closes it.
fn is_replayable(outgoing: &Outgoing, error: &Error) -> bool {
    outgoing.is_empty()
        && matches!(
            *outgoing.method(),
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
        )
        && matches!(
            error.kind(),
            ErrorKind::ConnectionClosed | ErrorKind::ConnectionReset
        )
}
