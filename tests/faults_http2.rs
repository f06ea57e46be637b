//! What a hostile HTTP/2 server can do, to connections that look like a browser's as to those that do not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use common::check::{Wanted, quiet};
use common::http1::silence;
use common::http2::{self, CONTINUATION, Http2, WINDOW_UPDATE};
use common::peer::Peer;
use common::request::{fetch, plain};
use common::wait::until;
use hotpool::profile::Profile;
use hotpool::{ErrorKind, Pool, Protocols};
use tokio::net::TcpStream;

const PADDED: u8 = 8;

const STATUS_200: &[u8] = &[0x88];

fn pools() -> impl Iterator<Item = (&'static str, Pool)> {
    ["rustls", "chromium-156", "firefox-esr-153"]
        .into_iter()
        .map(|name| {
            let profile = Profile::named(name).unwrap();
            let pool = plain(Protocols::Http2).profile(profile).build().unwrap();
            (name, pool)
        })
}

/// What does not survive the attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ends {
    Stream,
    Connection,
}

/// Runs `script` against each client, given its first request's stream. The request fails for the server's violation of the protocol,
/// and nothing is left of what ends.
async fn ends<F, Fut>(ends: Ends, script: F)
where
    F: Fn(Http2<TcpStream>, u32) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    ends_for(ErrorKind::ProtocolViolation, ends, script).await;
}

async fn ends_for<F, Fut>(wanted: ErrorKind, ends: Ends, script: F)
where
    F: Fn(Http2<TcpStream>, u32) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    for (name, pool) in pools() {
        let script = script.clone();
        let peer = Peer::tcp(move |_, socket| {
            let script = script.clone();
            async move {
                let mut http2 = Http2::accept(socket, &[]).await.unwrap();
                let stream = http2.request().await.unwrap();
                script(http2, stream).await;
            }
        })
        .await;
        let error = fetch(&pool, &peer.plain_target()).await.unwrap_err();
        let kind = error.kind();
        assert_eq!(kind, wanted, "{name}: {error:?}");
        Wanted::sent(kind, peer.address).check(&error);
        assert_eq!(peer.accepted(), 1, "it was sent again");
        if ends == Ends::Connection {
            until("the connection is gone", || pool.stats().connections == 0).await;
        }
        quiet(&pool).await;
    }
}

/// Frames without end, until the client has enough.
async fn flood(mut http2: Http2<TcpStream>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    for _ in 0..1 << 20 {
        if !http2.try_write(kind, flags, stream, payload).await {
            return;
        }
    }
    panic!("the client had a million frames and did not mind");
}

#[tokio::test]
async fn continuations_without_end() {
    ends(Ends::Connection, |mut http2, stream| async move {
        http2.write(http2::HEADERS, 0, stream, STATUS_200).await;
        flood(http2, CONTINUATION, 0, stream, &[]).await;
    })
    .await;
    // `x: xxx…`, a literal that is not indexed, over and over.
    let field = [&[0, 1, b'x', 100][..], &[b'x'; 100]].concat().repeat(100);
    ends_for(
        ErrorKind::ResponseHeadTooLarge,
        Ends::Connection,
        move |mut http2, stream| {
            let field = field.clone();
            async move {
                http2.write(http2::HEADERS, 0, stream, STATUS_200).await;
                flood(http2, CONTINUATION, 0, stream, &field).await;
            }
        },
    )
    .await;
}

#[tokio::test]
async fn empty_data_without_end() {
    ends(Ends::Connection, |mut http2, stream| async move {
        http2.begin(stream, b"hello").await;
        flood(http2, http2::DATA, 0, stream, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn empty_headers_after_the_answers() {
    ends(Ends::Stream, |mut http2, stream| async move {
        http2.begin(stream, b"hello").await;
        http2
            .write(http2::HEADERS, http2::END_HEADERS, stream, &[])
            .await;
        silence(http2.io).await;
    })
    .await;
}

#[tokio::test]
async fn padding_longer_than_its_frame() {
    ends(Ends::Connection, |mut http2, stream| async move {
        http2
            .write(http2::HEADERS, http2::END_HEADERS, stream, STATUS_200)
            .await;
        http2.write(http2::DATA, PADDED, stream, &[9, 0, 0]).await;
        silence(http2.io).await;
    })
    .await;
}

/// One entry of the table, and references to it: 16 KiB of a frame are 64 MiB of headers.
#[tokio::test]
async fn a_header_block_that_grows() {
    ends(Ends::Stream, |mut http2, stream| async move {
        let entry = [&[0x40, 1, b'x', 0x7f, 0x81, 0x1e][..], &[b'y'; 4000]].concat();
        let block = [STATUS_200, &entry, &[0xbe; 12_000]].concat();
        http2
            .write(http2::HEADERS, http2::END_HEADERS, stream, &block)
            .await;
        silence(http2.io).await;
    })
    .await;
}

#[tokio::test]
async fn a_header_table_larger_than_announced() {
    ends(Ends::Connection, |mut http2, stream| async move {
        // A size update of 2^20.
        let block = [&[0x3f, 0xe1, 0xff, 0x3f][..], STATUS_200].concat();
        http2
            .write(http2::HEADERS, http2::END_HEADERS, stream, &block)
            .await;
        silence(http2.io).await;
    })
    .await;
}

#[tokio::test]
async fn frames_on_idle_streams() {
    for beyond in [2, 100] {
        ends(Ends::Connection, move |mut http2, stream| async move {
            http2.write(http2::DATA, 0, stream + beyond, b"hello").await;
            silence(http2.io).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_window_that_overflows() {
    ends(Ends::Connection, |mut http2, _| async move {
        let most = 0x7fff_ffff_u32.to_be_bytes();
        http2.write(WINDOW_UPDATE, 0, 0, &most).await;
        silence(http2.io).await;
    })
    .await;
}

/// "Rapid reset", the other way round: each request is reset at once. Each says so, and the connection goes on.
#[tokio::test]
async fn every_request_is_reset() {
    for (name, pool) in pools() {
        let peer = Peer::tcp(|_, socket| async move {
            let mut http2 = Http2::accept(socket, &[]).await.unwrap();
            while let Some(stream) = http2.request().await {
                for _ in 0..3 {
                    http2.reset(stream, http2::INTERNAL_ERROR).await;
                }
            }
        })
        .await;
        for _ in 0..300 {
            let error = fetch(&pool, &peer.plain_target()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StreamReset, "{name}: {error:?}");
        }
        assert_eq!(peer.accepted(), 1);
        quiet(&pool).await;
    }
}

/// Acknowledged one by one, and the connection goes on.
#[tokio::test]
async fn settings_and_pings_by_the_thousand() {
    for (_, pool) in pools() {
        let peer = Peer::tcp(|_, socket| async move {
            let mut http2 = Http2::accept(socket, &[]).await.unwrap();
            while let Some(stream) = http2.request().await {
                for number in 0..5000 {
                    http2.settings(&[(1, number % 5000)]).await;
                    http2.write(http2::PING, 0, 0, &[0; 8]).await;
                    while http2.read().await.unwrap().kind != http2::PING {}
                }
                http2.respond(stream).await;
            }
        })
        .await;
        for _ in 0..2 {
            assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
        }
        quiet(&pool).await;
    }
}
