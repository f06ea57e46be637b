//! Sending, and sending again where that is safe.

use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;

use super::body::Body;
use super::exchange::Exchange;
use super::options::RequestOptions;
use super::outgoing::Outgoing;
use super::retry::{Again, Retries, is_felt};
use super::{http1, http2};
use crate::dial::{OriginRef, Proxies, Proxy};
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Connection, ConnectionInfo, Pool, Site, Target};
use crate::profile::Profile;
use crate::registry::Protocol;

impl Connection {
    /// Sends a request and returns the response as soon as its head has arrived.
    ///
    /// The request's URI may be absolute or only a path; `Host` or `:authority` come from the connection unless the request has a
    /// `Host` of its own. Connection-specific headers are left out of HTTP/2.
    ///
    /// If the connection turns out to be dead, the request goes to another connection of the same host, unseen, when that is safe:
    /// when nothing of it was sent; when the server said that it did not process it (REFUSED_STREAM, a GOAWAY below its stream); and when
    /// its connection ended before any answer, if the caller has marked it
    /// [replayable](super::RequestOptions::replayable). Nothing else that the server might have processed is sent twice. A body can be sent
    /// again if it is in memory, up to 64 KiB, or untouched. Which connection answered is in the response's extensions: a
    /// [`ConnectionInfo`].
    ///
    /// # Errors
    ///
    /// Tell [whether the request was sent](crate::Error::was_sent), in any of the tries, and
    /// [whether a retry is safe](crate::Error::is_retryable). There is no deadline for the answer: put one around the call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request: the HTTP/2 stream is reset, the HTTP/1.1 connection closed.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Body>>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut outgoing = Outgoing::new(request, self.origin())?;
        let mut moved: Option<Self> = None;
        let mut retries = Retries::default();
        let most =
            |outgoing: &Outgoing| outgoing.max_retries().unwrap_or_else(|| self.max_retries());
        self.count_request();
        loop {
            let held = moved.as_ref().unwrap_or(self);
            let used_before = held.is_reused() || held.entry().stats().messages_received() > 0;
            let error = match held.send_once(&mut outgoing).await {
                Ok(response)
                    if response.status() == StatusCode::MISDIRECTED_REQUEST
                        && held.keep_apart()
                        && outgoing.is_whole()
                        && most(&outgoing) > 0 =>
                {
                    // RFC 9110 §15.5.20: not processed; it may be sent on another connection.
                    drop(response);
                    retries.misdirected();
                    drop(moved.take());
                    let another = self.another(outgoing.patience()).await;
                    moved = Some(another.map_err(|error| retries.tell(error))?);
                    continue;
                }
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let safe_methods = used_before && held.replays_safe_methods();
            let Some(again) = retries.again(&outgoing, &error, safe_methods, most(&outgoing))
            else {
                return Err(retries.tell(error));
            };
            if is_felt(&error) && !held.may_send_again() {
                tracing::debug!(%error, "too many are sent again");
                return Err(retries.tell(error));
            }
            tracing::debug!(%error, "sending again");
            match again {
                // The connection may take the next one, and at a limit it is the only one to be had.
                Again::Here(pause) => held.pause(pause).await,
                Again::Elsewhere => {
                    drop(moved.take());
                    let another = self.another(outgoing.patience()).await;
                    moved = Some(another.map_err(|error| retries.tell(error))?);
                }
            }
        }
    }

    pub(super) async fn send_once(&self, outgoing: &mut Outgoing) -> Result<Response<Body>> {
        let exchange = Exchange::begin(self.share())?;
        if !exchange.lease().live().is_still_open().await {
            return Err(exchange.unsent(Error::new(ErrorKind::ConnectionClosed)));
        }
        let mut response = match self.protocol() {
            Protocol::Http2 => http2::send(exchange, outgoing).await,
            _ => http1::send(exchange, outgoing).await,
        }?;
        response
            .extensions_mut()
            .insert(ConnectionInfo::clone(self));
        Ok(response)
    }
}

impl Pool {
    /// Sends a request to the host that its absolute URI names, on a connection of the pool. A [`Profile`] in the request's extensions
    /// is chosen instead of the pool's, and a [`Proxy`] or [`Proxies`] instead of the pool's proxies ([`Proxies::none`]: none).
    ///
    /// # Errors
    ///
    /// As [`Pool::get`] and [`Connection::send`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    #[track_caller]
    pub fn send<B>(&self, request: Request<B>) -> impl Future<Output = Result<Response<Body>>>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.send_at(request, Site::caller())
    }

    async fn send_at<B>(&self, request: Request<B>, site: Site) -> Result<Response<Body>>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let options = request.extensions().get::<RequestOptions>();
        let patience = options.and_then(|options| options.patience);
        let profile = request.extensions().get::<Profile>();
        let proxies = request.extensions().get::<Proxies>();
        let proxy = request.extensions().get::<Proxy>();
        let connection = match (profile, proxies, proxy) {
            (None, None, None) => self.get_at(request.uri(), patience, site).await?,
            (profile, proxies, proxy) => {
                let origin = OriginRef::from_uri(request.uri(), None)?.to_owned();
                let chosen = proxy.or_else(|| proxies?.of(&origin)).cloned();
                let mut target = Target::from(origin);
                if let Some(profile) = profile {
                    target = target.profile(profile.clone());
                }
                target = match chosen {
                    Some(proxy) => target.proxy(proxy),
                    None if proxies.is_some() => target.without_proxy(),
                    None => target,
                };
                self.get_at(target, patience, site).await?
            }
        };
        connection.send(request).await
    }
}
