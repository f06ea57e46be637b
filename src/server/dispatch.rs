//! Between hyper and the handler: counts.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use pin_project_lite::pin_project;

use super::body::Tracked;
use super::handler::Handler;
use super::introduction::Introduction;
use super::upgrade::Switch;
use crate::registry::{ActivityGuard, Entry};

/// The handler, as hyper calls it on one connection.
#[derive(Debug)]
pub(super) struct Dispatch<H> {
    handler: Arc<H>,
    entry: Arc<Entry>,
    introduction: Introduction,
    switch: Arc<Switch>,
}

impl<H> Dispatch<H> {
    pub(super) fn new(
        handler: Arc<H>,
        entry: Arc<Entry>,
        introduction: Introduction,
        switch: Arc<Switch>,
    ) -> Self {
        Self {
            handler,
            entry,
            introduction,
            switch,
        }
    }
}

impl<H: Handler> Service<Request<Incoming>> for Dispatch<H> {
    type Response = Response<Tracked<H::Body>>;
    type Error = Infallible;
    type Future = Answering<H::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.introduction.add_to(&mut request);
        let is_connect = request.method() == Method::CONNECT;
        let switch = self.switch.offer(&mut request).then(|| Asked {
            switch: Arc::clone(&self.switch),
            is_connect,
        });
        let exchange = self.entry.begin();
        self.entry.stats().record_request();
        self.entry.stats().record_message_received();
        Answering {
            answer: self.handler.call(request, Arc::clone(&self.entry)),
            exchange: Some(exchange),
            switch,
        }
    }
}

/// A request for an upgrade or a tunnel.
#[derive(Debug)]
struct Asked {
    switch: Arc<Switch>,
    is_connect: bool,
}

impl Asked {
    fn answered(self, status: StatusCode) {
        let is_granted = match self.is_connect {
            true => status.is_success(),
            false => status == StatusCode::SWITCHING_PROTOCOLS,
        };
        if !is_granted {
            self.switch.forget();
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
        switch: Option<Asked>,
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
        if let Some(asked) = this.switch.take() {
            asked.answered(response.status());
        }
        let exchange = this.exchange.take();
        if let Some(exchange) = &exchange {
            exchange.entry().stats().record_message_sent();
        }
        Poll::Ready(Ok(response.map(|body| Tracked::new(body, exchange))))
    }
}
