//! The pool as a `tower` service: what composes with layers for retries, timeouts, authentication, tracing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::body::Body;
use crate::error::{Error, Result};
use crate::pool::Pool;

/// An answer on its way. Dropping it cancels the request, as [`Pool::send`] says.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>);

/// [`Pool::send`] as a service: the request's URI is absolute and names the host. Whatever layers it is in, a request that failed says
/// [whether it was sent](Error::was_sent) and [whether a retry is safe](Error::is_retryable).
///
/// tonic's clients call over it as over any service: `GreeterClient::with_origin(pool, "https://example.com".parse()?)`, the pool's
/// protocols being [`Http2`](crate::Protocols::Http2).
///
/// It is always ready: where a limit is reached, the call itself waits its turn, first come first served.
impl<B> Service<Request<B>> for Pool
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        Service::call(&mut &*self, request)
    }
}

/// As for [`Pool`].
impl<B> Service<Request<B>> for &Pool
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let pool = self.clone();
        ResponseFuture(Box::pin(async move { pool.send(request).await }))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
