//! One try of one request; what the one before it left unread is read first.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use parking_lot::Mutex;
use tokio::time::timeout;
use tower_service::Service;

use super::content::Content;
use crate::client::Body;
use crate::error::{Error, Result};
use crate::pool::Pool;

/// What is read of an answer that nobody wants, for its connection to be used again: Go's figure. Redirects and refusals say little, and
/// more than this costs more than another connection.
const MOST_UNREAD: usize = 2 * 1024;

/// How long that may take: it comes with the head, as a rule, and the next request waits for it.
const UNREAD_PATIENCE: Duration = Duration::from_millis(100);

/// Sends the requests of one chain of redirects and retries, one after the other. A response has its body here: until the next request,
/// for which it is given up.
#[derive(Clone)]
pub(super) struct Sender {
    pool: Pool,
    body: Arc<Mutex<Option<Body>>>,
}

impl Sender {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            body: Arc::default(),
        }
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The last response's.
    pub(super) fn take_body(&self) -> Option<Body> {
        self.body.lock().take()
    }

    pub(super) async fn send(self, request: Request<Content>) -> Result<Response<()>> {
        if let Some(unread) = self.take_body() {
            give_up(unread).await;
        }
        let (head, body) = self.pool.send(request).await?.into_parts();
        *self.body.lock() = Some(body);
        Ok(Response::from_parts(head, ()))
    }
}

/// Drops it, if need be with its connection.
async fn give_up(unread: Body) {
    if unread.size_hint().lower() <= MOST_UNREAD as u64 {
        // Whether it was read whole is seen by its connection.
        let _ = timeout(UNREAD_PATIENCE, Limited::new(unread, MOST_UNREAD).collect()).await;
    }
}

impl Service<Request<Content>> for Sender {
    type Response = Response<()>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<()>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Content>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}
