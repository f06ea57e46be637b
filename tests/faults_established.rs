//! Connections that break while or between they are used.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::{Wanted, quiet};
use common::http1::{self, answer, reset, silence};
use common::http2::{self, Http2};
use common::peer::Peer;
use common::request::{fetch, get, plain, post, trusting};
use common::wait::{PATIENCE, until};
use futures_util::stream;
use hotpool::{Error, ErrorKind, Pool, Protocols};
use http_body_util::{BodyExt, StreamBody};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const HEAD_OF_TEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";

fn http1_pool() -> Pool {
    plain(Protocols::Http1).build().unwrap()
}

fn http2_pool() -> Pool {
    plain(Protocols::Http2).build().unwrap()
}

/// A GET fails in its head or its body; the error is as wanted and nothing is left.
async fn breaks(pool: Pool, peer: &Peer, target: &str, kinds: &[ErrorKind]) {
    let error = fetch(&pool, target).await.unwrap_err();
    assert!(kinds.contains(&error.kind()), "{error:?}");
    Wanted::sent(error.kind(), peer.address).check(&error);
    assert_eq!(peer.accepted(), 1, "it was sent again");
    until("the connection is gone", || pool.stats().connections == 0).await;
    quiet(&pool).await;
}

async fn breaks_http1(text: &'static str, kinds: &[ErrorKind]) {
    let peer = Peer::tcp(move |_, mut socket| async move {
        http1::request(&mut socket).await;
        answer(&mut socket, text).await;
    })
    .await;
    breaks(http1_pool(), &peer, &peer.plain_target(), kinds).await;
}

/// Runs `script` on the first connection, given its first request's stream.
async fn breaks_http2<F, Fut>(script: F, kinds: &[ErrorKind])
where
    F: Fn(Http2<TcpStream>, u32) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let peer = Peer::tcp(move |_, socket| {
        let script = script.clone();
        async move {
            let mut http2 = Http2::accept(socket, &[]).await.unwrap();
            let stream = http2.request().await.unwrap();
            script(http2, stream).await;
        }
    })
    .await;
    breaks(http2_pool(), &peer, &peer.plain_target(), kinds).await;
}

const CLOSED: &[ErrorKind] = &[ErrorKind::ConnectionClosed];
const RESET: &[ErrorKind] = &[ErrorKind::ConnectionReset, ErrorKind::ConnectionClosed];
const VIOLATION: &[ErrorKind] = &[ErrorKind::ProtocolViolation];

#[tokio::test]
async fn http1_reset_in_the_middle_of_a_body() {
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        answer(&mut socket, HEAD_OF_TEN).await;
        reset(socket);
    })
    .await;
    breaks(http1_pool(), &peer, &peer.plain_target(), RESET).await;
}

#[tokio::test]
async fn http1_reset_or_closed_in_the_middle_of_a_head() {
    breaks_http1("HTTP/1.1 200 OK\r\ncontent-le", CLOSED).await;
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        answer(&mut socket, "HTTP/1.1 200 OK\r\n").await;
        reset(socket);
    })
    .await;
    breaks(http1_pool(), &peer, &peer.plain_target(), RESET).await;
}

#[tokio::test]
async fn http1_body_shorter_than_announced() {
    breaks_http1(HEAD_OF_TEN, CLOSED).await;
    breaks_http1(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        CLOSED,
    )
    .await;
}

#[tokio::test]
async fn http1_nonsense() {
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n",
    ] {
        breaks_http1(nonsense, VIOLATION).await;
    }
}

#[tokio::test]
async fn http1_head_without_end() {
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        answer(&mut socket, "HTTP/1.1 200 OK\r\nx: ").await;
        answer(&mut socket, &"x".repeat(1 << 20)).await;
        silence(socket).await;
    })
    .await;
    let too_large = &[ErrorKind::ResponseHeadTooLarge];
    breaks(http1_pool(), &peer, &peer.plain_target(), too_large).await;
}

/// Without a length, only TLS's close_notify tells a whole body from a cut one.
#[tokio::test]
async fn http1_body_until_the_end_of_a_tls_stream_that_was_cut() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    for whole in [true, false] {
        let config = certificate.server_config(&["http/1.1"]);
        let peer = Peer::tls(config, move |_, mut stream| async move {
            http1::request(&mut stream).await;
            answer(&mut stream, "HTTP/1.1 200 OK\r\n\r\nhello").await;
            if whole {
                let _ = stream.shutdown().await;
            } else {
                let _ = stream.get_mut().0.shutdown().await;
            }
            silence(stream).await;
        })
        .await;
        let pool = trusting(&authority).build().unwrap();
        if whole {
            assert_eq!(fetch(&pool, &peer.target()).await.unwrap(), "hello");
            quiet(&pool).await;
        } else {
            breaks(pool, &peer, &peer.target(), CLOSED).await;
        }
    }
}

#[tokio::test]
async fn http2_reset_or_closed_before_an_answer() {
    breaks_http2(|http2, _| async move { drop(http2) }, CLOSED).await;
    breaks_http2(|http2, _| async move { reset(http2.io) }, RESET).await;
}

#[tokio::test]
async fn http2_reset_or_closed_in_the_middle_of_a_body() {
    let closes = |mut http2: Http2<TcpStream>, stream| async move {
        http2.begin(stream, b"hello").await;
    };
    breaks_http2(closes, CLOSED).await;
    let resets = |mut http2: Http2<TcpStream>, stream| async move {
        http2.begin(stream, b"hello").await;
        reset(http2.io);
    };
    breaks_http2(resets, RESET).await;
}

#[tokio::test]
async fn http2_goes_away_and_closes_in_the_middle_of_a_body() {
    for code in [http2::NO_ERROR, http2::INTERNAL_ERROR] {
        let script = move |mut http2: Http2<TcpStream>, stream| async move {
            http2.begin(stream, b"hello").await;
            http2.go_away(stream, code).await;
        };
        breaks_http2(script, &[ErrorKind::ConnectionClosed, ErrorKind::GoAway]).await;
    }
}

/// RFC 9113 §8.1 lets a server end a stream with NO_ERROR after its whole answer, not instead of it.
#[tokio::test]
async fn http2_stream_reset_in_the_middle_of_a_body() {
    for code in [http2::NO_ERROR, http2::INTERNAL_ERROR] {
        let peer = Peer::tcp(move |_, socket| async move {
            let mut http2 = Http2::accept(socket, &[]).await.unwrap();
            while let Some(stream) = http2.request().await {
                http2.begin(stream, b"hello").await;
                http2.reset(stream, code).await;
            }
        })
        .await;
        let pool = http2_pool();
        let error = fetch(&pool, &peer.plain_target()).await.unwrap_err();
        Wanted::sent(ErrorKind::StreamReset, peer.address)
            .words(&["the server reset the stream"])
            .check(&error);
        quiet(&pool).await;
    }
}

/// A request whose body is still on its way while the server answers.
async fn answer_during_upload(target: &str, pool: &Pool) -> Result<Bytes, Error> {
    let endless = StreamBody::new(stream::pending::<Result<http_body::Frame<Bytes>, Error>>());
    let connection = pool.get(target).await?;
    let request = http::Request::post("/").body(endless).unwrap();
    let response = connection.send(request).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn http2_short_answer_before_the_end_of_the_request_is_an_error() {
    // `:status: 200` and `content-length: 10`, both by the static table's names.
    const TEN: &[u8] = &[0x88, 0x0f, 0x0d, 2, b'1', b'0'];
    let peer = Peer::tcp(|_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        while let Some(stream) = http2.request().await {
            http2
                .write(http2::HEADERS, http2::END_HEADERS, stream, TEN)
                .await;
            http2.write(http2::DATA, 0, stream, b"hello").await;
            http2.reset(stream, http2::NO_ERROR).await;
        }
    })
    .await;
    let pool = http2_pool();
    let answer = answer_during_upload(&peer.plain_target(), &pool).await;
    Wanted::sent(ErrorKind::StreamReset, peer.address).check(&answer.unwrap_err());
    quiet(&pool).await;
}

#[tokio::test]
async fn http2_whole_answer_before_the_end_of_the_request_is_no_error() {
    let peer = Peer::tcp(|_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        while let Some(stream) = http2.request().await {
            http2.respond(stream).await;
            http2.reset(stream, http2::NO_ERROR).await;
        }
    })
    .await;
    let pool = http2_pool();
    let answer = answer_during_upload(&peer.plain_target(), &pool).await;
    assert_eq!(answer.unwrap(), "hello");
    quiet(&pool).await;
}

#[tokio::test]
async fn http2_nonsense() {
    let garbage = |mut http2: Http2<TcpStream>, _| async move {
        answer(&mut http2.io, "HTTP/1.1 200 OK\r\n\r\n").await;
        silence(http2.io).await;
    };
    breaks_http2(garbage, VIOLATION).await;
    let data_first = |mut http2: Http2<TcpStream>, stream| async move {
        http2.write(http2::DATA, 0, stream, b"hello").await;
        silence(http2.io).await;
    };
    breaks_http2(data_first, VIOLATION).await;
    let broken_headers = |mut http2: Http2<TcpStream>, stream| async move {
        http2
            .write(http2::HEADERS, http2::END_HEADERS, stream, &[0xff; 9])
            .await;
        silence(http2.io).await;
    };
    breaks_http2(broken_headers, VIOLATION).await;
}

#[tokio::test]
async fn a_request_body_that_fails_is_the_callers_fault() {
    for protocols in [Protocols::Http1, Protocols::Http2] {
        let peer = Peer::tcp(move |_, mut socket| async move {
            match protocols {
                Protocols::Http1 => silence(socket).await,
                _ => {
                    if let Some(mut http2) = Http2::accept(&mut socket, &[]).await {
                        while http2.read().await.is_some() {}
                    }
                }
            }
        })
        .await;
        let pool = plain(protocols).build().unwrap();
        let failing = stream::iter([
            Ok(http_body::Frame::data(Bytes::from_static(b"some"))),
            Err(std::io::Error::other("the disk is gone")),
        ]);
        let request = http::Request::post("/")
            .body(StreamBody::new(failing))
            .unwrap();
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let error = connection.send(request).await.unwrap_err();
        Wanted::sent(ErrorKind::RequestBody, peer.address)
            .words(&["the request's body failed"])
            .check(&error);
        drop(connection);
        quiet(&pool).await;
    }
}

/// Not chunked, which some servers refuse: the length is known.
#[tokio::test]
async fn http1_request_body_of_known_length_is_announced() {
    let (heard, mut requests) = tokio::sync::mpsc::channel(1);
    let peer = Peer::tcp(move |_, mut socket| {
        let heard = heard.clone();
        async move {
            let request = http1::request(&mut socket).await.unwrap();
            heard.send(request).await.unwrap();
            answer(&mut socket, http1::HELLO).await;
        }
    })
    .await;
    let pool = http1_pool();
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let response = connection.send(post("four")).await.unwrap();
    assert_eq!(response.status(), 200);
    let request = requests.recv().await.unwrap();
    assert!(request.contains("content-length: 4\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nfour"), "{request}");
    drop((response, connection));
    quiet(&pool).await;
}

#[tokio::test]
async fn unasked_bytes_on_an_idle_connection_end_it() {
    let peer = Peer::tcp(|number, mut socket| async move {
        http1::request(&mut socket).await;
        answer(&mut socket, http1::HELLO).await;
        if number == 0 {
            answer(&mut socket, http1::HELLO).await;
        }
        http1::serve(socket).await;
    })
    .await;
    let pool = http1_pool();
    assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
    until("the connection is gone", || pool.stats().connections == 0).await;
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let response = connection.send(get()).await.unwrap();
    assert_eq!(response.status(), 200);
    drop((response, connection));
    quiet(&pool).await;
}

/// An HTTP/1.1 server that has answered may never read the rest of the request: the connection is nobody else's to wait for.
#[tokio::test]
async fn http1_answer_before_the_end_of_the_request_costs_the_connection() {
    let peer = Peer::tcp(|_, socket| http1::serve(socket)).await;
    let pool = http1_pool();
    let answer = answer_during_upload(&peer.plain_target(), &pool).await;
    assert_eq!(answer.unwrap(), "hello");
    let next = tokio::time::timeout(PATIENCE, fetch(&pool, &peer.plain_target())).await;
    assert_eq!(
        next.expect("waits for the other request's end").unwrap(),
        "hello"
    );
    assert_eq!(peer.accepted(), 2);
    quiet(&pool).await;
}
