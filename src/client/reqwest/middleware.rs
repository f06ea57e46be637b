//! For programs that use reqwest-middleware.

use ::reqwest::{Request, Response};
use async_trait::async_trait;
use http::Extensions;
use reqwest_middleware::{Error, Middleware, Next};

use super::client::HotClient;

/// Sends over the pool what reaches it, in place of the client at the chain's end. To be added last: what stands behind it is never
/// asked.
///
/// ```no_run
/// use hotpool::Pool;
/// use hotpool::client::reqwest::{HotClient, HotMiddleware};
/// use reqwest_middleware::ClientBuilder;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hot = HotClient::new(Pool::builder().build()?);
/// let client = ClientBuilder::new(reqwest::Client::new()).with(HotMiddleware::new(hot)).build();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HotMiddleware(HotClient);

impl HotMiddleware {
    /// Of this client, whose settings hold in place of those of the reqwest client at the chain's end.
    pub fn new(client: HotClient) -> Self {
        Self(client)
    }
}

#[async_trait]
impl Middleware for HotMiddleware {
    async fn handle(
        &self,
        request: Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.0.execute(request).await.map_err(Error::middleware)
    }
}
