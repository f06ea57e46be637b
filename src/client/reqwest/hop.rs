//! One request of a chain of redirects: cookies on, over the pool, perhaps again, cookies off.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tower::retry::Retry;
use tower_service::Service;

use super::content::Content;
use super::cookies::Cookies;
use super::retry::Policy;
use super::sender::Sender;
use crate::client::RequestOptions;
use crate::error::{Error, Result};

/// What each request of the chain goes through.
#[derive(Clone)]
pub(super) struct Hop {
    pub(super) sender: Sender,
    /// Every request of the chain has them.
    pub(super) extensions: Extensions,
    pub(super) cookies: Cookies,
    pub(super) retry: Option<Policy>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<()>>> + Send>>;

impl Service<Request<Content>> for Hop {
    type Response = Response<()>;
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
    async fn send(mut self, mut request: Request<Content>) -> Result<Response<()>> {
        let uri = request.uri().clone();
        self.cookies.put_on(&uri, request.headers_mut());
        let extensions = std::mem::take(&mut self.extensions);
        request.extensions_mut().extend(extensions);
        let response = match self.policy(&mut request) {
            None => self.sender.send(request).await?,
            Some(policy) => Retry::new(policy, self.sender).call(request).await?,
        };
        self.cookies.keep(&uri, response.headers());
        Ok(response)
    }

    /// What takes the pool's place in deciding what is sent again, where that is wanted, or the pool has nothing left to send.
    fn policy(&self, request: &mut Request<Content>) -> Option<Policy> {
        let is_kept = request.body().is_kept_by_the_pool();
        let options = request
            .extensions_mut()
            .get_or_insert_default::<RequestOptions>();
        let policy = match &self.retry {
            Some(policy) => policy.clone(),
            None if is_kept => return None,
            None => {
                let most = || self.sender.pool().config().max_retries();
                Policy::not_processed(options.max_retries.unwrap_or_else(most))
            }
        };
        options.resend_unsent_only = true;
        Some(policy)
    }
}
