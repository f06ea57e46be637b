//! A WebSocket that is to be opened.

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use http::uri::Scheme as UriScheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};

use super::opened::WebSocket;
use super::opening::Opening;
use super::{http1, http2};
use crate::client::RequestOptions;
use crate::dial::OriginRef;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Pool, Target};
use crate::websocket::Limits;

/// As Firefox's (`network.websocket.timeout.open`); Chromium waits four minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A WebSocket that is to be opened: awaiting it opens it.
///
/// ```no_run
/// # async fn run(pool: hotpool::Pool) -> hotpool::error::Result<()> {
/// let mut socket = pool
///     .websocket("wss://example.com/chat")
///     .subprotocols(["chat.v2", "chat.v1"])
///     .header(http::header::ORIGIN, http::HeaderValue::from_static("https://example.com"))
///     .await?;
/// println!("{:?}", socket.subprotocol());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before it is awaited"]
pub struct WebSocketRequest {
    pool: Pool,
    uri: Result<Uri>,
    target: Option<Target>,
    version: Option<Version>,
    answer_timeout: Duration,
    limits: Limits,
    opening: Opening,
}

impl Pool {
    /// A WebSocket to be opened at a `ws`, `wss`, `http` or `https` URI.
    pub fn websocket<U>(&self, uri: U) -> WebSocketRequest
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        WebSocketRequest {
            pool: self.clone(),
            uri: uri
                .try_into()
                .map_err(|error| Error::new(ErrorKind::InvalidTarget).with_source(error.into())),
            target: None,
            version: None,
            answer_timeout: ANSWER_TIMEOUT,
            limits: Limits::default(),
            opening: Opening::default(),
        }
    }
}

impl WebSocketRequest {
    /// Reaches the host as this target says, be it another host, by its address, profile, proxy, partition. Default: what the URI names.
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Offers these subprotocols, the preferred first. Default: none. Names that are no header value are an error when it is opened.
    pub fn subprotocols<S: Into<String>>(
        mut self,
        subprotocols: impl IntoIterator<Item = S>,
    ) -> Self {
        self.opening.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a header to the opening request, such as `origin`, `cookie` or `authorization`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.opening.headers.append(name, value);
        self
    }

    /// Adds headers to the opening request.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.opening.headers.extend(headers);
        self
    }

    /// How the opening request differs from what the profile makes of it. Its kind is the profile's `websocket`, if it has one and
    /// none is chosen here. Of what is said about retries and bodies nothing applies.
    pub fn options(mut self, options: RequestOptions) -> Self {
        self.opening.options = options;
        self
    }

    /// Opens it over this version of HTTP: [`HTTP_11`](Version::HTTP_11) on a stream of its own, [`HTTP_2`](Version::HTTP_2) as a stream of
    /// a connection that the pool has or makes, and whose server must have announced extended CONNECT. Default: HTTP/2 if there is such a
    /// connection already, else HTTP/1.1.
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// Whether compression of messages (RFC 7692) is offered. Default: as the profile's client does, without a profile not. A compressed
    /// WebSocket takes some 400 KB of memory once it has sent a message, and 50 KB once it has received one.
    pub fn compression(mut self, offered: bool) -> Self {
        self.opening.compression = Some(offered);
        self
    }

    /// How long the server may take to answer once it has the request. Default: 20 s. The way there has deadlines of its own: the pool's.
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }

    /// The largest message that is received, in bytes, decompressed. Default: 64 MiB.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.limits.message = bytes;
        self
    }

    /// Pings a server that has said nothing for `interval`, and ends the WebSocket with an error if it then says nothing for
    /// `patience`. Only while it is read. Default: never, as browsers.
    pub fn heartbeat(mut self, interval: Duration, patience: Duration) -> Self {
        self.limits.heartbeat = Some((interval, patience));
        self
    }

    /// Opens it, as awaiting the request does.
    ///
    /// # Errors
    ///
    /// As [`Pool::stream`] and [`Pool::get`]; [`WebSocketRefused`](ErrorKind::WebSocketRefused) if the server answers something else, with
    /// the answer as the error's source, a [`Refusal`](super::Refusal); [`ProtocolNotOffered`](ErrorKind::ProtocolNotOffered) where
    /// HTTP/2 was asked for and the server does not do it; [`RequestTimeout`](ErrorKind::RequestTimeout) if it does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the opening: the HTTP/2 stream is reset, the HTTP/1.1 connection closed.
    pub async fn open(self) -> Result<WebSocket> {
        let Self {
            pool,
            uri,
            target,
            version,
            answer_timeout,
            limits,
            mut opening,
        } = self;
        let uri = as_http(uri?)?;
        opening.path = uri.path_and_query().cloned();
        let target = match target {
            Some(target) => target,
            None => OriginRef::from_uri(&uri, None)?.to_owned().into(),
        };
        let patience = opening.options.patience;
        let connection = match version {
            None => pool.try_get(&target)?.filter(http2::is_offered_on),
            Some(Version::HTTP_11) => None,
            Some(Version::HTTP_2) => {
                let connection = match patience {
                    Some(patience) => pool.get_within(&target, patience).await?,
                    None => pool.get(&target).await?,
                };
                if !http2::is_offered_on(&connection) {
                    return Err(Error::new(ErrorKind::ProtocolNotOffered)
                        .with_detail("WebSockets over HTTP/2 (RFC 8441)")
                        .with_host(target.origin().host())
                        .with_address(connection.remote_addr()));
                }
                Some(connection)
            }
            Some(other) => {
                return Err(Error::new(ErrorKind::InvalidRequest)
                    .with_detail(format!("there are no WebSockets over {other:?}")));
            }
        };
        match connection {
            Some(connection) => http2::open(connection, &opening, answer_timeout, limits).await,
            None => http1::open(&pool, target, &opening, answer_timeout, limits).await,
        }
    }
}

impl IntoFuture for WebSocketRequest {
    type Output = Result<WebSocket>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// RFC 6455 §3: `ws` and `wss` are `http` and `https` by another name.
fn as_http(uri: Uri) -> Result<Uri> {
    let scheme = match uri.scheme_str() {
        Some(scheme) if scheme.eq_ignore_ascii_case("ws") => UriScheme::HTTP,
        Some(scheme) if scheme.eq_ignore_ascii_case("wss") => UriScheme::HTTPS,
        _ => return Ok(uri),
    };
    let mut parts = uri.into_parts();
    parts.scheme = Some(scheme);
    Uri::from_parts(parts).map_err(|error| Error::new(ErrorKind::InvalidTarget).with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ws_and_wss_are_http_and_https() {
        for (given, meant) in [
            ("ws://a/b?c", "http://a/b?c"),
            ("WSS://a:1", "https://a:1/"),
            ("https://a/", "https://a/"),
        ] {
            assert_eq!(as_http(given.parse().unwrap()).unwrap(), meant);
        }
    }
}
