//! The pool's streams for hyper-util's client.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::error::{Error, Result};
use crate::pool::{ConnectionInfo, HotStream, Pool};

/// Connects [`hyper_util::client::legacy::Client`]s over a pool: their connections are streams that were warm, or that were dialed with
/// the pool's profile, limits, addresses and proxies.
///
/// ```no_run
/// use bytes::Bytes;
/// use hotpool::Pool;
/// use hotpool::client::hyper_util::HotConnector;
/// use http_body_util::Empty;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder().build()?;
/// pool.preheat_streams(["https://example.com"]).await;
/// let client: Client<_, Empty<Bytes>> =
///     Client::builder(TokioExecutor::new()).build(HotConnector::new(pool));
/// let response = client.get("https://example.com/".parse()?).await?;
/// # Ok(())
/// # }
/// ```
///
/// What the pool can no longer do, since hyper speaks on the stream: share a connection with others, keep it hot, see its requests. hyper
/// keeps connections by its own rules, and its HTTP/2 opening and header order are its own: the profile shapes TLS alone. Where these
/// matter, use the pool itself, which is a `tower` service of the same requests.
#[derive(Clone, Debug)]
pub struct HotConnector(Pool);

/// A stream as hyper wants it. A response's extensions have its [`ConnectionInfo`].
pub struct HyperStream(TokioIo<HotStream>);

/// A stream on its way. Dropping it gives it up; a dial that it caused goes on.
pub struct Connecting(Pin<Box<dyn Future<Output = Result<HyperStream>> + Send>>);

impl HotConnector {
    /// Over this pool.
    pub fn new(pool: Pool) -> Self {
        Self(pool)
    }
}

impl Service<Uri> for HotConnector {
    type Response = HyperStream;
    type Error = Error;
    type Future = Connecting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Connecting {
        let pool = self.0.clone();
        Connecting(Box::pin(async move {
            let stream = pool.stream(&uri).await?;
            Ok(HyperStream(TokioIo::new(stream)))
        }))
    }
}

impl Connection for HyperStream {
    fn connected(&self) -> Connected {
        let info: &ConnectionInfo = self.0.inner();
        let connected = Connected::new().extra(info.clone());
        match info.tls().is_some_and(|tls| tls.is_http2()) {
            true => connected.negotiated_h2(),
            false => connected,
        }
    }
}

impl Read for HyperStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for HyperStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Future for Connecting {
    type Output = Result<HyperStream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for HyperStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HyperStream").field(self.0.inner()).finish()
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").finish_non_exhaustive()
    }
}
