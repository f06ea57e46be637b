//! Who answers requests.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;

use crate::registry::Entry;

/// Any error, as a response's body may end in.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Answers requests. A closure
/// `Fn(Request<Incoming>, Arc<Entry>) -> impl Future<Output = Response<B>>` is one.
///
/// It cannot fail: what goes wrong is a response too. If its future panics, the request's
/// stream (HTTP/2) or its connection (HTTP/1.1) ends and all others go on. The future is dropped
/// when the connection ends or the client takes the request back.
pub trait Handler: Send + Sync + 'static {
    /// The body of a response. One that ends in an error resets the stream or cuts the connection.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
    /// The response to be.
    type Future: Future<Output = Response<Self::Body>> + Send + 'static;

    /// Answers `request`, which came in on `connection`.
    fn call(&self, request: Request<Incoming>, connection: Arc<Entry>) -> Self::Future;
}

impl<F, Fut, B> Handler for F
where
    F: Fn(Request<Incoming>, Arc<Entry>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
    type Future = Fut;

    fn call(&self, request: Request<Incoming>, connection: Arc<Entry>) -> Fut {
        self(request, connection)
    }
}
