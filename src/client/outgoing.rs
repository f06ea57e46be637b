//! A request on its way out: what each protocol makes of it, and whether it can be sent again.

use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;

use super::appearance::Appearance;
use super::content::Content;
use super::options::RequestOptions;
use crate::dial::{Origin, OriginRef, RequestBody, Scheme};
use crate::error::{Error, ErrorKind, Result};
use crate::shape::h2::PRIORITY_MARK;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A request whose head can be written more than once, and its body too where that is in memory.
#[derive(Debug)]
pub(super) struct Outgoing {
    method: Method,
    path: PathAndQuery,
    headers: HeaderMap,
    content: Content,
    length: Option<u64>,
    options: RequestOptions,
}

/// A request's head, ready to be sent.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request<()>,
    /// The content codings that whoever made the request did not ask for, or does not expect.
    pub(super) codings: Option<HeaderValue>,
}

impl Outgoing {
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when the request's URI names another origin, or the method is CONNECT.
    pub(super) fn new<B>(request: Request<B>, origin: &Origin) -> Result<Self>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut head, body) = request.into_parts();
        // What only this crate's own stream understands is nobody's to send.
        head.headers.remove(PRIORITY_MARK);
        if head.method == Method::CONNECT {
            return Err(invalid(
                "CONNECT asks a proxy for a tunnel; a connection of the pool leads to its origin",
            ));
        }
        if head.uri.authority().is_some() {
            check_origin(&head.uri, origin)?;
        }
        let path = match head.uri.into_parts().path_and_query {
            Some(path) if path.as_str() == "*" && head.method != Method::OPTIONS => {
                return Err(invalid("the target * is for OPTIONS"));
            }
            // RFC 9110 §4.2.3: an empty path is the same as "/", and only that may stand in a request.
            Some(path) if path.as_str().starts_with('?') => {
                PathAndQuery::try_from(format!("/{}", path.as_str()))
                    .map_err(|error| invalid("the query cannot be sent").with_source(error))?
            }
            Some(path) => path,
            None => PathAndQuery::from_static("/"),
        };
        let length = body.size_hint().exact();
        Ok(Self {
            method: head.method,
            path,
            headers: head.headers,
            options: head.extensions.remove().unwrap_or_default(),
            length,
            content: match body.is_end_stream() {
                true => Content::Nothing,
                false => {
                    let body = body.map_frame(|frame| frame.map_data(into_bytes));
                    Content::of(RequestBody::new(body.map_err(Into::into)), length)
                }
            },
        })
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn is_empty(&self) -> bool {
        self.content.is_nothing()
    }

    /// Whether the body, if there is one, can still be sent from its beginning.
    pub(super) fn is_whole(&self) -> bool {
        self.content.is_whole()
    }

    /// Whether the caller has said that it may be processed twice.
    pub(super) fn is_replayable(&self) -> bool {
        self.options.replayable
    }

    /// Whether the caller decides itself about everything that may have reached a server.
    pub(super) fn resend_unsent_only(&self) -> bool {
        self.options.resend_unsent_only
    }

    /// How often the caller lets it be sent again, if that has been said.
    pub(super) fn max_retries(&self) -> Option<usize> {
        self.options.max_retries
    }

    /// How long the caller lets it wait for a connection, if that has been said.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.options.patience
    }

    /// The body, if the request has one and it can still be sent.
    pub(super) fn take_body(&mut self) -> Option<RequestBody> {
        self.content.take()
    }

    /// A connection gave the body back untouched.
    pub(super) fn put_body(&mut self, body: RequestBody) {
        self.content.put_back(body);
    }

    /// RFC 9112 §3.2.1: origin form, and `Host`.
    pub(super) fn http1_head(&self, appearance: &Appearance<'_>) -> Result<Head> {
        let mut headers = self.headers.clone();
        if !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(appearance.origin().authority())
                .map_err(|error| invalid("the host is no header value").with_source(error))?;
            headers.insert(HOST, host);
        }
        self.announce_length(&mut headers);
        // hyper would say it too, but behind everything else.
        if !self.is_empty() && !headers.contains_key(CONTENT_LENGTH) {
            let chunked = HeaderValue::from_static("chunked");
            headers.entry(TRANSFER_ENCODING).or_insert(chunked);
        }
        self.head(
            Version::HTTP_11,
            Uri::from(self.path.clone()),
            headers,
            appearance,
        )
    }

    /// RFC 9113 §8.2.2 and §8.3.1: an absolute URI, from which h2 makes the pseudo-headers, and no connection-specific fields.
    pub(super) fn http2_head(&self, appearance: &Appearance<'_>) -> Result<Head> {
        let origin = appearance.origin();
        let mut headers = self.headers.clone();
        for name in [
            CONNECTION,
            KEEP_ALIVE,
            PROXY_CONNECTION,
            TRANSFER_ENCODING,
            UPGRADE,
        ] {
            headers.remove(name);
        }
        if headers.get(TE).is_some_and(|te| te != "trailers") {
            headers.remove(TE);
        }
        self.announce_length(&mut headers);
        let uri = http2_uri(origin, self.path.clone(), &mut headers)?;
        self.head(Version::HTTP_2, uri, headers, appearance)
    }

    fn head(
        &self,
        version: Version,
        uri: Uri,
        headers: HeaderMap,
        appearance: &Appearance<'_>,
    ) -> Result<Head> {
        let dressed = appearance.dress(version, &self.method, &self.options, headers)?;
        if dressed.headers.contains_key(UPGRADE) {
            return Err(invalid(
                "a connection of the pool cannot be upgraded to another protocol",
            ));
        }
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        *request.headers_mut() = dressed.headers;
        let codings = match dressed.asks_for_codings {
            true => request.headers().get(ACCEPT_ENCODING),
            false => appearance.undressed_codings(&self.options),
        };
        let codings = codings.filter(|_| !self.options.raw_body).cloned();
        Ok(Head { request, codings })
    }

    /// RFC 9110 §8.6.
    fn announce_length(&self, headers: &mut HeaderMap) {
        if let Some(length) = self.length
            && (length > 0 || takes_content(&self.method))
            && !headers.contains_key(CONTENT_LENGTH)
            && !headers.contains_key(TRANSFER_ENCODING)
        {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
}

/// An absolute URI, from which h2 makes the pseudo-headers. A `Host` among the headers is its authority.
pub(super) fn http2_uri(
    origin: &Origin,
    path: PathAndQuery,
    headers: &mut HeaderMap,
) -> Result<Uri> {
    let authority = match headers.remove(HOST) {
        Some(host) => Authority::try_from(host.as_bytes())
            .map_err(|error| invalid("the Host header is no authority").with_source(error))?,
        None => origin
            .uri_authority()
            .cloned()
            .ok_or_else(|| invalid("the host is no authority"))?,
    };
    Uri::builder()
        .scheme(match origin.scheme() {
            Scheme::Http => UriScheme::HTTP,
            Scheme::Https => UriScheme::HTTPS,
        })
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|error| invalid("the URI cannot be put together").with_source(error))
}

/// Methods whose empty content is said explicitly (RFC 9110 §8.6).
fn takes_content(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn into_bytes(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}

fn check_origin(uri: &Uri, origin: &Origin) -> Result<()> {
    let meant = OriginRef::from_uri(uri, Some(origin.scheme()))?;
    // Servers see no trailing dot.
    let seen = OriginRef {
        is_absolute: origin.as_ref().is_absolute,
        ..meant
    };
    if seen == *origin {
        return Ok(());
    }
    Err(invalid(&format!(
        "the request is for {}, the connection for {origin}",
        meant.to_owned()
    )))
}

pub(super) fn invalid(fault: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest).with_detail(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use http_body_util::{Empty, Full};
    use std::sync::LazyLock;

    fn origin() -> Origin {
        Origin::parse("example.com:8443").unwrap()
    }

    /// A connection without a profile.
    fn plain() -> Appearance<'static> {
        static CONNECTION: LazyLock<(Profile, Origin)> =
            LazyLock::new(|| (Profile::rustls(), origin()));
        Appearance::new(&CONNECTION.0, None, &CONNECTION.1)
    }

    fn outgoing(request: http::request::Builder) -> Outgoing {
        Outgoing::new(request.body(Empty::<Bytes>::new()).unwrap(), &origin()).unwrap()
    }

    #[test]
    fn http1_gets_origin_form_and_host() {
        let head = outgoing(Request::get("https://example.com:8443/a?b"))
            .http1_head(&plain())
            .unwrap()
            .request;
        assert_eq!(head.uri(), "/a?b");
        assert_eq!(head.headers()[HOST], "example.com:8443");
        let own = outgoing(Request::get("/").header("host", "else"))
            .http1_head(&plain())
            .unwrap()
            .request;
        assert_eq!(own.headers()[HOST], "else");
    }

    #[test]
    fn a_trailing_dot_is_no_matter_between_a_request_and_its_connection() {
        let head = outgoing(Request::get("https://example.com.:8443/"))
            .http1_head(&plain())
            .unwrap()
            .request;
        assert_eq!(head.headers()[HOST], "example.com:8443");
        let uri = Uri::from_static("https://example.com/");
        assert!(check_origin(&uri, &Origin::parse("example.com.").unwrap()).is_ok());
        assert!(check_origin(&uri, &Origin::parse("example.org.").unwrap()).is_err());
    }

    #[test]
    fn an_empty_path_before_a_query_is_the_root() {
        for uri in ["https://example.com:8443?b", "https://example.com:8443/?b"] {
            let outgoing = outgoing(Request::get(uri));
            assert_eq!(outgoing.http1_head(&plain()).unwrap().request.uri(), "/?b");
            let head = outgoing.http2_head(&plain()).unwrap().request;
            assert_eq!(head.uri().path_and_query().unwrap().as_str(), "/?b");
        }
    }

    #[test]
    fn http2_gets_an_absolute_uri_and_no_connection_fields() {
        let request = Request::get("/a?b")
            .header("connection", "keep-alive, x")
            .header("transfer-encoding", "chunked")
            .header("te", "gzip")
            .header("host", "other.example");
        let head = outgoing(request).http2_head(&plain()).unwrap().request;
        assert_eq!(head.uri(), "https://other.example/a?b");
        assert!(head.headers().is_empty(), "{:?}", head.headers());
        let head = outgoing(Request::get("/"))
            .http2_head(&plain())
            .unwrap()
            .request;
        assert_eq!(head.uri(), "https://example.com:8443/");
    }

    #[test]
    fn an_upgrade_is_refused_over_http1() {
        let request = Request::get("/")
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        let error = outgoing(request).http1_head(&plain()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_known_length_is_said() {
        let full = |method: Method, content: &'static str| {
            let request = Request::builder()
                .method(method)
                .uri("/")
                .body(Full::<Bytes>::from(content))
                .unwrap();
            let head = Outgoing::new(request, &origin())
                .unwrap()
                .http2_head(&plain())
                .unwrap()
                .request;
            head.headers()
                .get(CONTENT_LENGTH)
                .map(|length| length.to_str().unwrap().to_owned())
        };
        assert_eq!(
            full(Method::POST, "four").as_deref(),
            Some("four".len().to_string().as_str())
        );
        assert_eq!(full(Method::POST, "").as_deref(), Some("0"));
        assert_eq!(full(Method::GET, ""), None);
    }

    #[test]
    fn a_request_for_another_origin_is_refused() {
        for uri in [
            "https://example.com/",
            "http://example.com:8443/",
            "https://example.org:8443/",
        ] {
            let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
            let error = Outgoing::new(request, &origin()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{uri}");
        }
    }
}
