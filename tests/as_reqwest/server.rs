//! A server of hyper's with a path for each of HTTP's habits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, LOCATION, SET_COOKIE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::common::certificates::Authority;
use crate::common::peer::Peer;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// How long a slow answer pauses: longer than any deadline in these tests, which are seconds.
const SLOW: Duration = Duration::from_secs(600);

/// How large a large answer is: more than any window or buffer on the way.
const LARGE: usize = 3 << 20;

/// The names that its certificate is for, and that lead to it.
pub(crate) const NAMES: [&str; 2] = ["one.test", "two.test"];

/// One form of it.
pub(crate) struct Site {
    scheme: &'static str,
    peer: Peer,
    pub(crate) seen: Seen,
}

impl Site {
    /// HTTP/1.1 without TLS.
    pub(crate) async fn plain() -> Self {
        let seen = Seen::default();
        let noted = seen.clone();
        let peer = Peer::tcp(move |_, socket| serve_http1(socket, noted.clone())).await;
        let scheme = "http";
        Self { scheme, peer, seen }
    }

    /// HTTP/1.1 over TLS, where `protocol` is that; else HTTP/2.
    pub(crate) async fn tls(authority: &Authority, protocol: &str) -> Self {
        let config = authority.issue(&NAMES).server_config(&[protocol]);
        let seen = Seen::default();
        let noted = seen.clone();
        let peer = match protocol {
            "h2" => Peer::tls(config, move |_, stream| serve_http2(stream, noted.clone())).await,
            _ => Peer::tls(config, move |_, stream| serve_http1(stream, noted.clone())).await,
        };
        let scheme = "https";
        Self { scheme, peer, seen }
    }

    /// How many connections.
    pub(crate) fn accepted(&self) -> usize {
        self.peer.accepted()
    }

    /// By its first name.
    pub(crate) fn at(&self, path: &str) -> String {
        let (scheme, [name, _], port) = (self.scheme, NAMES, self.peer.port());
        format!("{scheme}://{name}:{port}{path}")
    }
}

/// Where requests go that break off: they may come or not.
const HALF: &str = "/half";

/// Every request that came, by its method and path.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    /// How often the same had come before.
    fn note<B>(&self, request: &Request<B>) -> usize {
        let line = format!("{} {}", request.method(), request.uri().path());
        let mut lines = self.0.lock();
        let before = lines.iter().filter(|before| **before == line).count();
        if request.uri().path() != HALF {
            lines.push(line);
        }
        before
    }

    /// Forgets them.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

async fn serve_http1(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Seen) {
    let service = service_fn(|request| answer(request, seen.clone()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(io), service);
    // How it ends is the client's affair.
    let _ = connection.await;
}

async fn serve_http2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Seen) {
    let service = service_fn(move |request| answer(request, seen.clone()));
    let connection =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service);
    let _ = connection.await;
}

/// An error resets the stream or, over HTTP/1.1, closes the connection.
async fn answer(request: Request<Incoming>, seen: Seen) -> Result<Response<Body>, h2::Error> {
    let before = seen.note(&request);
    let is_head = request.method() == Method::HEAD;
    let mut response = respond(request, before).await?;
    // hyper leaves the body out by itself over HTTP/1.1 only.
    if is_head {
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = full("");
    }
    Ok(response)
}

/// `before`: how often it was asked for before.
async fn respond(request: Request<Incoming>, before: usize) -> Result<Response<Body>, h2::Error> {
    let path = request.uri().path().to_owned();
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (what, which) = (parts.next().unwrap(), parts.next().unwrap_or_default());
    let rest = parts.next().unwrap_or_default().to_owned();
    let number = || which.parse::<usize>().unwrap();
    let response = Response::builder();
    let built = match what {
        "echo" | "half" => return Ok(echo(request).await),
        // These so often, and then nothing is amiss.
        "failing" if before < number() => response.status(503).body(full("not now")),
        "refused" if before < number() => return Err(h2::Reason::REFUSED_STREAM.into()),
        "broken" if before < number() => return Err(h2::Reason::INTERNAL_ERROR.into()),
        "failing" | "refused" | "broken" => return Ok(echo(request).await),
        "status" => response.status(which).body(full("")),
        "redirect" => {
            let to = query(&request).unwrap_or_else(|| format!("/{rest}"));
            response
                .status(which)
                .header(LOCATION, to)
                .body(full("moved"))
        }
        "away" => response.status(302).body(full("no location")),
        "cookie" => response
            .header(SET_COOKIE, format!("{which}=1; Path=/"))
            .header(SET_COOKIE, "narrow=1; Path=/echo")
            .body(full("set")),
        "coded" => coded(which).await,
        "late" if which == "head" => {
            tokio::time::sleep(SLOW).await;
            response.body(full("late"))
        }
        "late" => response.body(pausing()),
        "large" => response.body(full(vec![b'x'; LARGE])),
        "pieces" => response.body(pieces(number())),
        "trailers" if which == "gzip" => response
            .header(TRAILER, "x-check")
            .header(CONTENT_ENCODING, "gzip")
            .body(with_trailers(gzip(b"before").await)),
        "trailers" => response
            .header(TRAILER, "x-check")
            .body(with_trailers(Bytes::from_static(b"before"))),
        "headers" => (0..number())
            .fold(response, |response, n| {
                response.header(format!("x-large-{n}"), "v".repeat(200))
            })
            .body(full("many")),
        _ => response.status(404).body(full("no such path")),
    };
    Ok(built.unwrap())
}

/// What came, as JSON.
async fn echo(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let collected = body.collect().await;
    let trailers = collected.as_ref().ok().and_then(|body| body.trailers());
    let trailers: Vec<String> = trailers.into_iter().flatten().map(line).collect();
    let body = collected.map(|body| body.to_bytes());
    let mut headers: Vec<String> = head.headers.iter().map(line).collect();
    // That nothing comes may be said or not (RFC 9110 §8.6): the pool says it, reqwest over HTTP/1.1 does not.
    headers.retain(|line| line != "content-length: 0");
    headers.sort();
    let boundary = headers
        .iter()
        .find_map(|line| Some(line.split_once("boundary=")?.1.to_owned()));
    let text = serde_json::json!({
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().unwrap().as_str(),
        "headers": headers,
        "trailers": trailers,
        "body": body.map(|body| String::from_utf8(body.to_vec()).unwrap()).map_err(|error| error.to_string()),
    });
    // It is drawn anew for each request.
    let text = match boundary {
        Some(boundary) => text.to_string().replace(&boundary, "BOUNDARY"),
        None => text.to_string(),
    };
    Response::new(full(text))
}

/// Jars name their cookies in any order.
fn line((name, value): (&HeaderName, &HeaderValue)) -> String {
    let value = value.to_str().unwrap();
    let mut parts: Vec<&str> = value.split("; ").collect();
    if name == COOKIE {
        parts.sort_unstable();
    }
    format!("{name}: {}", parts.join("; "))
}

async fn gzip(text: &[u8]) -> Bytes {
    let mut coded = Vec::new();
    write(GzipEncoder::new(&mut coded), text).await;
    coded.into()
}

async fn coded(coding: &str) -> http::Result<Response<Body>> {
    let text = b"coded and decoded ".repeat(50);
    let mut coded = Vec::new();
    match coding {
        "gzip" => write(GzipEncoder::new(&mut coded), &text).await,
        "br" => write(BrotliEncoder::new(&mut coded), &text).await,
        "deflate" => write(ZlibEncoder::new(&mut coded), &text).await,
        "zstd" => write(ZstdEncoder::new(&mut coded), &text).await,
        // Says gzip and is none.
        _ => coded = text,
    }
    let said = if coding == "broken" { "gzip" } else { coding };
    Response::builder()
        .header(CONTENT_ENCODING, said)
        .body(full(coded))
}

async fn write(mut encoder: impl AsyncWrite + Unpin, text: &[u8]) {
    encoder.write_all(text).await.unwrap();
    encoder.shutdown().await.unwrap();
}

fn query(request: &Request<Incoming>) -> Option<String> {
    Some(request.uri().query()?.to_owned())
}

fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).boxed()
}

fn frames(frames: Vec<Frame<Bytes>>) -> Body {
    StreamBody::new(stream::iter(frames.into_iter().map(Ok))).boxed()
}

/// Of no announced length.
fn pieces(count: usize) -> Body {
    frames(
        (0..count)
            .map(|n| Frame::data(format!("piece {n};").into()))
            .collect(),
    )
}

fn with_trailers(data: Bytes) -> Body {
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-check"),
        http::HeaderValue::from_static("passed"),
    )]);
    frames(vec![Frame::data(data), Frame::trailers(trailers)])
}

/// A piece, and then for a long time nothing.
fn pausing() -> Body {
    let parts = stream::unfold(0, |n| async move {
        if n > 0 {
            tokio::time::sleep(SLOW).await;
        }
        Some((Ok(Frame::data(Bytes::from_static(b"begun"))), n + 1))
    });
    BodyExt::boxed(StreamBody::new(sync(parts)))
}

/// Streams of futures are not `Sync`; a body is polled by one at a time.
fn sync<S>(stream: S) -> impl futures_util::Stream<Item = S::Item> + Sync + Send
where
    S: futures_util::Stream + Send + 'static,
{
    let mut stream = Mutex::new(Box::pin(stream));
    stream::poll_fn(move |context| stream.get_mut().as_mut().poll_next(context))
}
