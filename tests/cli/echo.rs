//! A server that answers with what it was asked.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::common::peer::Peer;

/// Says what arrived, as JSON. `/status/404` is answered with that status, `/never` not at all.
pub async fn tls(config: Arc<ServerConfig>) -> Peer {
    let http2 = config
        .alpn_protocols
        .first()
        .is_some_and(|name| name == b"h2");
    Peer::tls(config, move |number, stream| async move {
        let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        serve(number, stream, http2 && agreed).await;
    })
    .await
}

pub async fn plain() -> Peer {
    Peer::tcp(|number, stream| serve(number, stream, false)).await
}

async fn serve<IO>(number: usize, stream: IO, http2: bool)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = Arc::new(AtomicUsize::new(0));
    let service = service_fn(move |request| {
        let place = served.fetch_add(1, Ordering::SeqCst);
        answer(number, place, request)
    });
    let io = TokioIo::new(stream);
    // A client that leaves is no failure of the test.
    if http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(io, service).await;
    } else {
        let server = hyper::server::conn::http1::Builder::new();
        let _ = server.serve_connection(io, service).await;
    }
}

async fn answer(
    connection: usize,
    place: usize,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path == "/never" {
        std::future::pending::<()>().await;
    }
    let status = path
        .strip_prefix("/status/")
        .map_or(200, |status| status.parse().unwrap());
    let content = body.collect().await.unwrap().to_bytes();
    let seen = json!({
        "connection": connection,
        "place": place,
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map(ToString::to_string),
        "authority": head.uri.authority().map(ToString::to_string),
        "headers": headers(&head.headers),
        "content": String::from_utf8_lossy(&content),
    });
    let content = if head.method == http::Method::HEAD {
        // hyper would send it over HTTP/2.
        Bytes::new()
    } else {
        seen.to_string().into()
    };
    let mut response = Response::new(Full::from(content));
    *response.status_mut() = status.try_into().unwrap();
    Ok(response)
}

fn headers(headers: &HeaderMap) -> Value {
    let mut lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.into()
}
