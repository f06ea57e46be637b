//! Between hyper and the handler: counts.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use pin_project_lite::pin_project;

use super::body::Tracked;
use super::handler::Handler;
use super::introduction::Introduction;
use crate::registry::{ActivityGuard, Entry};

/// The handler, as hyper calls it on one connection.
#[derive(Debug)]
pub(super) struct Dispatch<H> {
    handler: Arc<H>,
    entry: Arc<Entry>,
    introduction: Introduction,
}

impl<H> Dispatch<H> {
    pub(super) fn new(handler: Arc<H>, entry: Arc<Entry>, introduction: Introduction) -> Self {
        Self {
            handler,
            entry,
            introduction,
        }
    }
}

impl<H: Handler> Service<Request<Incoming>> for Dispatch<H> {
    type Response = Response<Tracked<H::Body>>;
    type Error = Infallible;
    type Future = Answering<H::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.introduction.add_to(&mut request);
        let exchange = self.entry.begin();
        self.entry.stats().record_request();
        self.entry.stats().record_message_received();
        Answering {
            answer: self.handler.call(request, Arc::clone(&self.entry)),
            exchange: Some(exchange),
        }
    }
}

pin_project! {
    /// A request that is being answered.
    #[derive(Debug)]
    pub(super) struct Answering<F> {
        #[pin]
        answer: F,
        exchange: Option<ActivityGuard>,
    }
}

impl<F, B> Future for Answering<F>
where
    F: Future<Output = Response<B>>,
{
    type Output = Result<Response<Tracked<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.answer.poll(context));
        let exchange = this.exchange.take();
        if let Some(exchange) = &exchange {
            exchange.entry().stats().record_message_sent();
        }
        Poll::Ready(Ok(response.map(|body| Tracked::new(body, exchange))))
    }
}
