//! `client.get(url).send_hot(&pool)`.

use ::reqwest::{Request, RequestBuilder, Response};

use super::client::HotClient;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Pool;

/// What a reqwest request can be sent over: a [`HotClient`], or a [`Pool`], which stands for a [`HotClient::new`] of it.
pub trait Hot {
    /// The client that sends.
    fn hot_client(&self) -> HotClient;
}

impl Hot for HotClient {
    fn hot_client(&self) -> HotClient {
        self.clone()
    }
}

impl Hot for Pool {
    fn hot_client(&self) -> HotClient {
        HotClient::new(self.clone())
    }
}

/// Sends what reqwest builds over a pool: [`reqwest::RequestBuilder`](RequestBuilder) and [`reqwest::Request`](Request) have it.
pub trait SendHot {
    /// Sends the request over `pool`, as [`HotClient::execute`] does.
    ///
    /// What the request carries is honoured: headers, body, timeout. What the [`reqwest::Client`] was built with is
    /// not, since a client does not show it: that is for the [`HotClient`] to say.
    ///
    /// # Errors
    ///
    /// As there; [`InvalidRequest`](ErrorKind::InvalidRequest) when the request could not be built.
    fn send_hot(self, pool: &impl Hot) -> impl Future<Output = Result<Response>> + Send;
}

impl SendHot for RequestBuilder {
    fn send_hot(self, pool: &impl Hot) -> impl Future<Output = Result<Response>> + Send {
        let client = pool.hot_client();
        async move {
            let request = self
                .build()
                .map_err(|error| Error::new(ErrorKind::InvalidRequest).with_source(error))?;
            client.execute(request).await
        }
    }
}

impl SendHot for Request {
    fn send_hot(self, pool: &impl Hot) -> impl Future<Output = Result<Response>> + Send {
        pool.hot_client().execute(self)
    }
}
