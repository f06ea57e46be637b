//! A client that sends reqwest's requests over the pool.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::reqwest::{Request, Response, ResponseBuilderExt, Url};
use http::Extensions;
use tower_http::follow_redirect::{FollowRedirect, RequestUri};
use tower_service::Service;

use super::content::Content;
use super::deadline::Deadline;
use super::hop::Hop;
use super::redirect::{Following, check_scheme};
use super::sender::Sender;
use super::settings::{HotClientBuilder, Settings};
use crate::client::RequestOptions;
use crate::client::options::fill;
use crate::dial::{Proxies, Proxy};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Pool;
use crate::profile::Profile;

/// Executes reqwest's requests over a [`Pool`]. Cloning is cheap.
///
/// ```no_run
/// use hotpool::Pool;
/// use hotpool::client::reqwest::{HotClient, SendHot};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder().build()?;
/// pool.preheat(["example.com"]).await;
/// let hot = HotClient::new(pool);
///
/// let client = reqwest::Client::new();                    // builds requests, as before
/// let response = client.get("https://example.com/").send_hot(&hot).await?;
/// println!("{}", response.error_for_status()?.text().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HotClient {
    pool: Pool,
    settings: Arc<Settings>,
}

/// A response on its way. Dropping it cancels the request.
pub struct Pending(Pin<Box<dyn Future<Output = Result<Response>> + Send>>);

impl HotClient {
    /// With reqwest's defaults.
    pub fn new(pool: Pool) -> Self {
        Self::with_settings(pool, Settings::default().finished())
    }

    /// To be set up.
    pub fn builder(pool: Pool) -> HotClientBuilder {
        HotClientBuilder::new(pool)
    }

    pub(super) fn with_settings(pool: Pool, settings: Settings) -> Self {
        Self {
            pool,
            settings: Arc::new(settings),
        }
    }

    /// The pool that it sends over.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Sends the request, follows redirects and returns the response as soon as its head has arrived.
    ///
    /// [`RequestOptions`], a [`Profile`], a [`Proxy`] and [`Proxies`] in the request's extensions (it has some if it was made from an [`http::Request`]) take the
    /// place of this client's. The response's extensions say which connection brought it: a
    /// [`ConnectionInfo`](crate::ConnectionInfo).
    ///
    /// # Errors
    ///
    /// As [`Pool::send`]; [`RequestTimeout`](ErrorKind::RequestTimeout); [`RedirectRefused`](ErrorKind::RedirectRefused);
    /// [`InvalidTarget`](ErrorKind::InvalidTarget) for other schemes than `http` and `https`. Reading the body gives
    /// [`reqwest::Error`]s, whose source is the pool's.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request, as [`Pool::send`] says.
    pub fn execute(&self, request: Request) -> Pending {
        let client = self.clone();
        Pending(Box::pin(async move { client.send(request).await }))
    }

    async fn send(self, request: Request) -> Result<Response> {
        let settings = &*self.settings;
        check_scheme(request.url(), settings.https_only)?;
        let deadline = Deadline::new(
            request.timeout().copied().or(settings.timeout),
            settings.read_timeout,
        );
        let mut request = http::Request::<::reqwest::Body>::try_from(request)
            .map_err(|error| Error::new(ErrorKind::InvalidRequest).with_source(error))?;
        fill(request.headers_mut(), &settings.headers);
        let sender = Sender::new(self.pool);
        let hop = Hop {
            extensions: settings.extensions(std::mem::take(request.extensions_mut())),
            sender: sender.clone(),
            cookies: settings.cookies.clone(),
            retry: settings.retry.clone(),
        };
        let following = Following::new(&settings.redirect, settings.referer, settings.https_only);
        let mut chain = FollowRedirect::with_policy(hop, following);
        let response = deadline.head(chain.call(request.map(Content::new))).await?;
        let body = sender.take_body().map(|body| deadline.body(body));
        Ok(respond(response.map(|()| body.map(::reqwest::Body::wrap))))
    }
}

impl Settings {
    /// What the requests of a chain have in their extensions: the first one's own, and this client's.
    fn extensions(&self, mut own: Extensions) -> Extensions {
        let mut options = own
            .remove::<RequestOptions>()
            .unwrap_or_else(|| self.options.clone());
        options.undressed = self.options.undressed.clone();
        own.insert(options);
        if let Some(profile) = &self.profile
            && own.get::<Profile>().is_none()
        {
            own.insert(profile.clone());
        }
        if let Some(proxies) = &self.proxies
            && own.get::<Proxies>().is_none()
            && own.get::<Proxy>().is_none()
        {
            own.insert(proxies.clone());
        }
        own
    }
}

fn respond(response: http::Response<Option<::reqwest::Body>>) -> Response {
    let mut response = response.map(Option::unwrap_or_default);
    let last = response.extensions_mut().remove::<RequestUri>();
    // reqwest takes the URL from a place of its own, which only its builder reaches.
    if let Some(url) = last.and_then(|RequestUri(uri)| Url::parse(&uri.to_string()).ok())
        && let Ok(named) = http::Response::builder().url(url).body(())
    {
        let named = named.into_parts().0.extensions;
        response.extensions_mut().extend(named);
    }
    response.into()
}

impl Service<Request> for HotClient {
    type Response = Response;
    type Error = Error;
    type Future = Pending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Pending {
        self.execute(request)
    }
}

impl Service<Request> for &HotClient {
    type Response = Response;
    type Error = Error;
    type Future = Pending;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Pending {
        self.execute(request)
    }
}

impl From<Pool> for HotClient {
    fn from(pool: Pool) -> Self {
        Self::new(pool)
    }
}

impl Future for Pending {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for HotClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotClient")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
