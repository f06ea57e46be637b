//! One request of a chain of redirects: cookies on, over the pool, cookies off.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tower_service::Service;

use super::content::Content;
use super::cookies::Cookies;
use crate::client::Body;
use crate::error::{Error, Result};
use crate::pool::Pool;

/// What each request of the chain goes through.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) pool: Pool,
    /// Every request of the chain has them.
    pub(super) extensions: Extensions,
    pub(super) cookies: Cookies,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;

impl Service<Request<Content>> for Hop {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Content>) -> Answer {
        let hop = self.clone();
        Box::pin(async move { hop.send(request).await })
    }
}

impl Hop {
    async fn send(self, mut request: Request<Content>) -> Result<Response<Body>> {
        let uri = request.uri().clone();
        self.cookies.put_on(&uri, request.headers_mut());
        request.extensions_mut().extend(self.extensions);
        let response = self.pool.send(request).await?;
        self.cookies.keep(&uri, response.headers());
        Ok(response)
    }
}
