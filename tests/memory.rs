//! What one connection keeps for a server that sends without end, and for one that reads nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::certificates::Authority;
use common::check::quiet;
use common::http1;
use common::http2::{
    CONTINUATION, DATA, END_HEADERS, GOAWAY, HEADERS, Http2, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE,
};
use common::peer::Peer;
use common::request::{fetch, get, plain, trusting};
use common::wait::until;
use hotpool::pool::{Limit, PoolEvent};
use hotpool::profile::Profile;
use hotpool::{Connection, ErrorKind, Pool, Protocols};
use http::Request;
use http_body::{Body, Frame};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// The least that may be set.
const LEAST: usize = 512 << 10;

/// What is left of it for one head, or one upload.
const SHARE: usize = 16 << 10;

fn small(protocols: Protocols) -> Pool {
    let builder = plain(protocols).max_memory_per_connection(LEAST);
    builder.build().unwrap()
}

fn small_as_chrome() -> Pool {
    let builder = plain(Protocols::Http2).max_memory_per_connection(LEAST);
    let chrome = Profile::named("chrome").unwrap();
    builder.profile(chrome).build().unwrap()
}

fn received(connection: &Connection) -> u64 {
    connection.entry().stats().bytes_received()
}

/// The request fails for the size of its answer's head, which is told as a limit of so many bytes.
async fn head_refused(pool: &Pool, target: &str, most: usize) {
    let mut events = pool.subscribe();
    let error = fetch(pool, target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseHeadTooLarge, "{error:?}");
    assert!(error.was_sent() && !error.is_retryable());
    let words = format!("max_memory_per_connection: more than the {most} bytes");
    assert!(error.to_string().contains(&words), "{error}");
    let told = std::iter::from_fn(|| events.try_recv()).find_map(|event| match event {
        PoolEvent::LimitReached { limit, most, .. } => Some((limit, most)),
        _ => None,
    });
    assert_eq!(told, Some((Limit::MaxMemoryPerConnection, most)));
}

#[tokio::test]
async fn an_http1_head_without_end_is_refused() {
    for (pool, most) in [
        (small(Protocols::Http1), SHARE),
        (plain(Protocols::Http1).build().unwrap(), 64 << 10),
    ] {
        let peer = Peer::tcp(|_, mut socket| async move {
            http1::request(&mut socket).await;
            http1::answer(&mut socket, "HTTP/1.1 200 OK\r\nx: ").await;
            while socket.write_all(&[b'a'; 1024]).await.is_ok() {}
        })
        .await;
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let entry = connection.entry().clone();
        drop(connection);
        head_refused(&pool, &peer.plain_target(), most).await;
        let read = entry.stats().bytes_received();
        assert!(read <= 2 * most as u64, "{read} bytes of it were read");
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn an_http1_head_of_too_many_fields_is_refused() {
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        let fields = "x: y\r\n".repeat(101);
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        http1::answer(&mut socket, &head).await;
        http1::silence(socket).await;
    })
    .await;
    let pool = small(Protocols::Http1);
    head_refused(&pool, &peer.plain_target(), SHARE).await;
    quiet(&pool).await;
}

/// HPACK: `:status: 200`, and fields `x` of a kibibyte each, without Huffman's code and without an index.
fn head_of(kibibytes: usize) -> Vec<u8> {
    let mut head = vec![0x88];
    for _ in 0..kibibytes {
        // 1,000 is 127 and 873, which is 105 + 6 · 128.
        head.extend([0x00, 1, b'x', 0x7f, 0xe9, 0x06]);
        head.extend([b'a'; 1000]);
    }
    head
}

/// The head of an answer, in frames of at most 16 KiB, and the end of the stream.
async fn answer_with_head(http2: &mut Http2<TcpStream>, stream: u32, head: &[u8]) {
    let pieces: Vec<_> = head.chunks(16_000).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        let ends = number + 1 == pieces.len();
        http2
            .write(kind, if ends { END_HEADERS } else { 0 }, stream, piece)
            .await;
    }
    http2.write(DATA, 1, stream, b"hello").await;
}

/// The first answer's head is this large, the others' small.
async fn server_of_a_head(kibibytes: usize) -> Peer {
    Peer::tcp(move |_, socket| async move {
        let mut http2 = Http2::accept(socket, &[]).await.unwrap();
        let stream = http2.request().await.unwrap();
        answer_with_head(&mut http2, stream, &head_of(kibibytes)).await;
        http2.serve().await;
    })
    .await
}

#[tokio::test]
async fn an_http2_head_that_is_too_large_costs_its_stream() {
    for pool in [small(Protocols::Http2), small_as_chrome()] {
        let peer = server_of_a_head(20).await;
        head_refused(&pool, &peer.plain_target(), SHARE).await;
        assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
        assert_eq!(peer.accepted(), 1);

        let peer = server_of_a_head(14).await;
        assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
        quiet(&pool).await;
    }
}

/// By default a profile's heads are as large as its client takes: Chrome's, 256 KiB.
#[tokio::test]
async fn the_default_takes_nothing_from_a_profile() {
    let peer = server_of_a_head(200).await;
    let chrome = Profile::named("chrome").unwrap();
    let pool = plain(Protocols::Http2).profile(chrome).build().unwrap();
    assert_eq!(fetch(&pool, &peer.plain_target()).await.unwrap(), "hello");
    quiet(&pool).await;
}

#[tokio::test]
async fn an_http2_head_without_end_is_refused() {
    for pool in [small(Protocols::Http2), small_as_chrome()] {
        let peer = Peer::tcp(|_, socket| async move {
            let mut http2 = Http2::accept(socket, &[]).await.unwrap();
            let stream = http2.request().await.unwrap();
            let piece = head_of(8);
            http2.write(HEADERS, 0, stream, &piece).await;
            let more = piece.get(1..).unwrap();
            while http2.try_write(CONTINUATION, 0, stream, more).await {}
        })
        .await;
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let entry = connection.entry().clone();
        drop(connection);
        head_refused(&pool, &peer.plain_target(), SHARE).await;
        let read = entry.stats().bytes_received();
        // h2 reads four times the limit before it gives the connection up, to keep HPACK's table right.
        assert!(read <= 6 * SHARE as u64, "{read} bytes of it were read");
        quiet(&pool).await;
    }
}

/// What the client lets this server send, as its frames have said so far.
struct Credit {
    connection: usize,
    stream: usize,
}

impl Credit {
    /// What was said before the first request, and that request's stream.
    async fn before_request(http2: &mut Http2<TcpStream>) -> (Self, u32) {
        let mut credit = Self {
            connection: 65_535,
            stream: 65_535,
        };
        loop {
            let frame = http2.read().await.unwrap();
            match frame.kind {
                SETTINGS => {
                    for entry in frame.payload.chunks(6) {
                        let [0, 4, value @ ..] = entry else { continue };
                        credit.stream = u32::from_be_bytes(value.try_into().unwrap()) as usize;
                    }
                }
                WINDOW_UPDATE if frame.stream == 0 => {
                    let more = u32::from_be_bytes(frame.payload.try_into().unwrap());
                    credit.connection += more as usize;
                }
                HEADERS => return (credit, frame.stream),
                _ => {}
            }
        }
    }

    fn least(&self) -> usize {
        self.connection.min(self.stream)
    }
}

/// So many bytes of a body.
async fn send_body(http2: &mut Http2<TcpStream>, stream: u32, mut bytes: usize) {
    while bytes > 0 {
        let piece = vec![0; bytes.min(16_384)];
        http2.write(DATA, 0, stream, &piece).await;
        bytes -= piece.len();
    }
}

/// What a server could send of a body that nobody reads, and the first to break that bound.
#[tokio::test]
async fn an_http2_body_that_nobody_reads_stops_its_server() {
    let as_chrome = small_as_chrome();
    for (pool, window) in [
        (small(Protocols::Http2), LEAST / 4),
        (plain(Protocols::Http2).build().unwrap(), 2 << 20),
        // What a profile's client announces is what it announces.
        (as_chrome, 6 << 20),
    ] {
        let sent = Arc::new(Mutex::new(None));
        let count = Arc::clone(&sent);
        let go_on = Arc::new(tokio::sync::Notify::new());
        let gone_on = Arc::clone(&go_on);
        let refused = Arc::new(AtomicBool::new(false));
        let refuses = Arc::clone(&refused);
        let peer = Peer::tcp(move |_, socket| {
            let (count, gone_on) = (Arc::clone(&count), Arc::clone(&gone_on));
            let refusing = Arc::clone(&refuses);
            async move {
                let mut http2 = Http2::accept(socket, &[]).await.unwrap();
                let (credit, stream) = Credit::before_request(&mut http2).await;
                http2.begin(stream, b"").await;
                send_body(&mut http2, stream, credit.least()).await;
                // All of it has arrived when this is answered.
                http2.write(PING, 0, 0, b"arrived?").await;
                let mut more = 0;
                loop {
                    let frame = http2.read().await.unwrap();
                    more += usize::from(frame.kind == WINDOW_UPDATE);
                    if frame.kind == PING && frame.flags == 1 {
                        break;
                    }
                }
                *count.lock() = Some((credit.least(), more));
                gone_on.notified().await;
                send_body(&mut http2, stream, 1).await;
                loop {
                    match http2.read().await.map(|frame| frame.kind) {
                        Some(RST_STREAM | GOAWAY) | None => break,
                        Some(_) => {}
                    }
                }
                refusing.store(true, Ordering::SeqCst);
                // PINGs are answered.
                while http2.read().await.is_some() {}
            }
        })
        .await;
        let connection = pool.get(peer.plain_target()).await.unwrap();
        let unread = connection.send(get()).await.unwrap();
        until("the server has sent what it may", || sent.lock().is_some()).await;
        assert_eq!(*sent.lock(), Some((window, 0)));
        let read = received(&connection) as usize;
        assert!((window..window + SHARE).contains(&read), "{read}");
        go_on.notify_one();
        until("one byte more is refused", || {
            refused.load(Ordering::SeqCst)
        })
        .await;
        drop((unread, connection));
        quiet(&pool).await;
    }
}

#[tokio::test]
async fn an_http1_body_that_nobody_reads_stops_its_server() {
    let peer = Peer::tcp(|_, mut socket| async move {
        http1::request(&mut socket).await;
        http1::answer(
            &mut socket,
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n",
        )
        .await;
        while socket.write_all(&[b'a'; 16_384]).await.is_ok() {}
    })
    .await;
    let pool = small(Protocols::Http1);
    let connection = pool.get(peer.plain_target()).await.unwrap();
    let unread = connection.send(get()).await.unwrap();
    let read = settled(|| received(&connection)).await;
    assert!((1..=3 * SHARE as u64).contains(&read), "{read}");
    drop((unread, connection));
    quiet(&pool).await;
}

/// The value once it has stopped changing.
async fn settled(value: impl Fn() -> u64) -> u64 {
    let (mut last, mut same) = (value(), 0);
    while same < 10 {
        // Nothing tells that nothing more happens.
        sleep(Duration::from_millis(20)).await;
        let now = value();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

/// A body that is there as fast as anybody takes it.
struct Endless {
    taken: Arc<AtomicUsize>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        // Large, so that frames' and records' heads do not count.
        const PIECE: &[u8] = &[0; SHARE];
        self.taken.fetch_add(PIECE.len(), Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }
}

/// Allows a gigabyte, takes one request's head, and reads nothing more.
async fn take_nothing<IO: AsyncRead + AsyncWrite + Unpin>(io: IO) {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let mut http2 = Http2::accept(io, &[(INITIAL_WINDOW_SIZE, 1 << 30)]).await;
    let http2 = http2.as_mut().unwrap();
    let increment = (1_u32 << 30).to_be_bytes();
    http2.write(WINDOW_UPDATE, 0, 0, &increment).await;
    http2.settled().await;
    http2.request().await.unwrap();
    std::future::pending::<()>().await;
}

/// Uploads without end, and says how much of it was taken from its source and not yet given to the socket.
async fn ahead(pool: &Pool, target: &str) -> usize {
    let connection = pool.get(target).await.unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let request = Request::post("/").body(Endless {
        taken: Arc::clone(&taken),
    });
    let sending = connection.send(request.unwrap());
    tokio::pin!(sending);
    let taken_in_all = || taken.load(Ordering::SeqCst) as u64;
    let taken = tokio::select! {
        _ = &mut sending => panic!("an answer"),
        taken = settled(taken_in_all) => taken,
    };
    assert!(taken > 1 << 16);
    let sent = connection.entry().stats().bytes_sent();
    usize::try_from(taken.saturating_sub(sent)).unwrap()
}

/// Besides the share there is one frame that is being written, and one piece that waits.
const AROUND_IT: usize = 2 * SHARE + 2048;

#[tokio::test]
async fn an_upload_that_nobody_reads_stops_its_source() {
    let peer = Peer::tcp(|_, socket| take_nothing(socket)).await;
    for pool in [small(Protocols::Http2), small_as_chrome()] {
        let ahead = ahead(&pool, &peer.plain_target()).await;
        assert!(ahead <= SHARE + AROUND_IT, "{ahead} bytes");
    }
}

/// TLS adds no more than the share that it has for records.
#[tokio::test]
async fn an_upload_over_tls_stops_its_source_too() {
    let authority = Authority::new();
    let config = authority.issue(&["localhost"]).server_config(&["h2"]);
    let peer = Peer::tls(config, |_, stream| take_nothing(stream)).await;
    let pool = trusting(&authority).max_memory_per_connection(LEAST);
    let ahead = ahead(&pool.build().unwrap(), &peer.target()).await;
    assert!(ahead <= 2 * SHARE + AROUND_IT, "{ahead} bytes");
}

#[tokio::test]
async fn less_memory_allows_fewer_streams() {
    let peer = Peer::tcp(|_, socket| async move {
        Http2::accept(socket, &[]).await.unwrap().serve().await;
    })
    .await;
    let pool = small(Protocols::Http2);
    let mut held = Vec::new();
    for _ in 0..=LEAST / 4 / SHARE {
        held.push(pool.get(peer.plain_target()).await.unwrap());
    }
    assert_eq!((held.len(), peer.accepted()), (9, 2));
    drop(held);
    quiet(&pool).await;
}
