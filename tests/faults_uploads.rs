//! Requests with a body that cannot be sent, or whose pool is gone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use bytes::Bytes;
use common::check::quiet;
use common::http1;
use common::http2::Http2;
use common::peer::Peer;
use common::request::{plain, post};
use common::wait::{PATIENCE, until};
use futures_util::stream;
use hotpool::{Error, ErrorKind, Protocols};
use http_body_util::{BodyExt, StreamBody};

/// h2 does not take connection-specific trailers, and says so only when the body is already on its way.
#[tokio::test]
async fn http2_trailers_that_cannot_be_sent_are_the_callers_fault() {
    let peer = Peer::tcp(|_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        while http2.read().await.is_some() {}
    })
    .await;
    let pool = plain(Protocols::Http2).build().unwrap();
    let trailers = http::HeaderMap::from_iter([(
        http::header::CONNECTION,
        http::HeaderValue::from_static("close"),
    )]);
    let frames = [Ok::<_, Error>(http_body::Frame::<Bytes>::trailers(
        trailers,
    ))];
    let request = http::Request::post("/")
        .body(StreamBody::new(stream::iter(frames)))
        .unwrap();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let sent = tokio::time::timeout(PATIENCE, connection.send(request)).await;
    let error = sent
        .expect("waits for an answer to half a request")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody, "{error:?}");
    drop(connection);
    quiet(&pool).await;
}

/// What a caller holds works until it is returned, also when the pool's last handle is gone.
#[tokio::test]
async fn a_connection_outlives_the_pools_last_handle() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let peer = Peer::tcp(move |_, socket| async move {
            match protocols {
                Protocols::Http1 => http1::serve(socket).await,
                _ => {
                    Http2::accept(socket, &[]).await.unwrap().serve().await;
                }
            }
        })
        .await;
        let pool = plain(protocols).build().unwrap();
        let registry = pool.registry().clone();
        let connection = pool.get(peer.plain_target()).await.unwrap();
        drop(pool);
        let sent = tokio::time::timeout(PATIENCE, connection.send(post("body"))).await;
        let response = sent.expect("the body is not sent").unwrap();
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "hello"
        );
        drop(connection);
        until("closed", || registry.count() == 0).await;
    }
}
