//! Bodies in the content codings that a profile asked for.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use bytes::Bytes;
use common::certificates::Authority;
use common::check::{self, Wanted};
use common::http1;
use common::peer::Peer;
use common::request::trusting;
use hotpool::client::RequestOptions;
use hotpool::{Body, Error, ErrorKind, Pool};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Empty};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

fn text() -> Bytes {
    b"All work and no play. ".repeat(30_000).into()
}

async fn read(mut encoder: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut coded = Vec::new();
    encoder.read_to_end(&mut coded).await.unwrap();
    coded
}

async fn coded(coding: &str, text: &[u8]) -> Bytes {
    let coded = match coding {
        "gzip" => read(GzipEncoder::new(text)).await,
        "deflate" => read(ZlibEncoder::new(text)).await,
        "br" => read(BrotliEncoder::new(text)).await,
        "zstd" => read(ZstdEncoder::new(text)).await,
        _ => text.to_vec(),
    };
    coded.into()
}

/// What the path says: `/gzip`, `/gzip/cut`, `/gzip/padded`, `/gzip/partial`, `/gzip/trailers`.
struct Asked {
    coding: String,
    fault: String,
}

impl Asked {
    fn of(path: &str) -> Self {
        let mut parts = path.trim_start_matches('/').split('/').map(str::to_owned);
        Self {
            coding: parts.next().unwrap(),
            fault: parts.next().unwrap_or_default(),
        }
    }

    async fn body(&self) -> Bytes {
        let coded = coded(&self.coding, &text()).await;
        match &*self.fault {
            "cut" => coded.slice(..coded.len() / 2),
            "empty" => Bytes::new(),
            "padded" => [coded, Bytes::from(vec![0; 100])].concat().into(),
            "noise" => Bytes::from_static(b"\x07this is nothing of the kind"),
            _ => coded,
        }
    }
}

async fn peer(authority: &Authority, alpn: &'static [&'static str]) -> Peer {
    let config = authority.issue(&["localhost"]).server_config(alpn);
    Peer::tls(config, |_, stream| async move {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            serve_http2(stream).await;
        } else {
            serve_http1(stream).await;
        }
    })
    .await
}

async fn serve_http2<IO: AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: IO) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let asked = Asked::of(request.uri().path());
        let body = asked.body().await;
        let status = if asked.fault == "partial" { 206 } else { 200 };
        let response = Response::builder()
            .status(status)
            .header(CONTENT_ENCODING, &asked.coding)
            .header(CONTENT_LENGTH, body.len())
            .body(())
            .unwrap();
        let is_head = request.method() == http::Method::HEAD;
        let mut stream = respond.send_response(response, is_head).unwrap();
        if is_head {
            continue;
        }
        let with_trailers = asked.fault == "trailers";
        stream.send_data(body, !with_trailers).unwrap();
        // An empty body's head came without END_STREAM.
        if with_trailers {
            let mut trailers = HeaderMap::new();
            trailers.insert("sum", "42".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        }
    }
}

async fn serve_http1<IO: AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: IO) {
    while let Some(request) = http1::request(&mut stream).await {
        let asked = Asked::of(request.split(' ').nth(1).unwrap());
        let body = asked.body().await;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {}\r\ncontent-length: {}\r\n\r\n",
            asked.coding,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        stream.flush().await.unwrap();
    }
}

fn pool(authority: &Authority) -> Pool {
    trusting(authority).profile("chromium-156").build().unwrap()
}

async fn response(
    pool: &Pool,
    peer: &Peer,
    request: http::request::Builder,
) -> Result<Response<Body>, Error> {
    let connection = pool.get(&peer.target()).await?;
    connection
        .send(request.body(Empty::<Bytes>::new()).unwrap())
        .await
}

async fn bytes(response: Response<Body>) -> Result<Bytes, Error> {
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn what_the_profile_asked_for_is_decoded() {
    let authority = Authority::new();
    for alpn in [&["h2"][..], &["http/1.1"]] {
        let peer = peer(&authority, alpn).await;
        let pool = pool(&authority);
        for coding in CODINGS {
            let answer = response(&pool, &peer, Request::get(format!("/{coding}"))).await;
            let answer = answer.unwrap();
            assert!(!answer.headers().contains_key(CONTENT_ENCODING));
            assert!(!answer.headers().contains_key(CONTENT_LENGTH));
            assert_eq!(bytes(answer).await.unwrap(), text(), "{coding} {alpn:?}");
        }
        assert_eq!(peer.accepted(), 1, "the connection went on after each");
        check::quiet(&pool).await;
    }
}

#[tokio::test]
async fn raw_bytes_can_be_had() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = pool(&authority);
    let raw = Request::get("/gzip").extension(RequestOptions::new().raw_body());
    // Whoever asks for codings reads them.
    let asked = Request::get("/gzip").header("accept-encoding", "gzip");
    for request in [raw, asked] {
        let answer = response(&pool, &peer, request).await.unwrap();
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(bytes(answer).await.unwrap(), coded("gzip", &text()).await);
    }
}

#[tokio::test]
async fn what_is_unknown_partial_or_has_no_body_is_left_as_it_is() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = pool(&authority);
    for path in ["/compress", "/gzip/partial"] {
        let answer = response(&pool, &peer, Request::get(path)).await.unwrap();
        assert!(answer.headers().contains_key(CONTENT_ENCODING), "{path}");
        let wanted = coded(&path[1..5], &text()).await;
        assert_eq!(bytes(answer).await.unwrap(), wanted, "{path}");
    }
    let head = response(&pool, &peer, Request::head("/gzip"))
        .await
        .unwrap();
    assert!(head.headers().contains_key(CONTENT_LENGTH));
    assert_eq!(bytes(head).await.unwrap(), "");
}

#[tokio::test]
async fn trailers_come_behind_the_decoded_body() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = pool(&authority);
    let answer = response(&pool, &peer, Request::get("/br/trailers"))
        .await
        .unwrap();
    let collected = answer.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["sum"], "42");
    assert_eq!(collected.to_bytes(), text());
    check::quiet(&pool).await;
}

#[tokio::test]
async fn an_empty_body_is_in_no_coding() {
    let authority = Authority::new();
    for alpn in [&["h2"][..], &["http/1.1"]] {
        let peer = peer(&authority, alpn).await;
        let pool = pool(&authority);
        for coding in CODINGS {
            let request = Request::get(format!("/{coding}/empty"));
            let answer = response(&pool, &peer, request).await.unwrap();
            assert_eq!(bytes(answer).await.unwrap(), "", "{coding} {alpn:?}");
        }
        check::quiet(&pool).await;
    }
}

#[tokio::test]
async fn padding_behind_a_coding_does_no_harm() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = pool(&authority);
    for coding in CODINGS {
        let request = Request::get(format!("/{coding}/padded"));
        let answer = response(&pool, &peer, request).await.unwrap();
        assert_eq!(bytes(answer).await.unwrap(), text(), "{coding}");
    }
    check::quiet(&pool).await;
}

#[tokio::test]
async fn a_body_that_is_not_in_its_coding_is_a_clear_error() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = pool(&authority);
    for coding in CODINGS {
        for fault in ["cut", "noise"] {
            let request = Request::get(format!("/{coding}/{fault}"));
            let answer = response(&pool, &peer, request).await.unwrap();
            let error = bytes(answer).await.unwrap_err();
            Wanted::sent(ErrorKind::ContentCoding, peer.address).check(&error);
        }
    }
    check::quiet(&pool).await;
}

#[tokio::test]
async fn a_body_that_is_dropped_half_read_leaves_nothing_behind() {
    let authority = Authority::new();
    let peer = peer(&authority, &["h2"]).await;
    let pool = pool(&authority);
    let answer = response(&pool, &peer, Request::get("/zstd")).await.unwrap();
    let mut body = answer.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    check::quiet(&pool).await;
}
