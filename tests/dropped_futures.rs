//! Every public future, dropped after each number of polls, at once or when what it waited for is there: what it held goes back.
//!
//! Each pool here has one place of each kind, so that one that is not given back is missed by the next caller.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use common::certificates::Authority;
use common::check::{gone, idle, quiet};
use common::dropping::dropped_everywhere;
use common::http1;
use common::http2::{DATA, END_HEADERS, END_STREAM, HEADERS, Http2, NO_ERROR, REFUSED_STREAM};
use common::peer::Peer;
use common::request::{fetch, get, plain, trusting};
use common::wait::PATIENCE;
use hotpool::config::Settings;
use hotpool::pool::{PoolBuilder, PoolEvent, PoolEvents};
use hotpool::{Body, Connection, Pool, Protocols};
use http_body_util::{BodyExt, Empty};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

const BOTH: [Protocols; 2] = [Protocols::Http1, Protocols::Http2];

fn narrow(builder: PoolBuilder) -> PoolBuilder {
    builder.settings(Settings {
        max_connections: Some(1),
        max_connections_per_host: Some(1),
        max_connections_per_address: Some(1),
        max_dials: Some(1),
        max_dials_per_host: Some(1),
        max_dials_per_address: Some(1),
        max_streams_per_connection: Some(1),
        max_waiters_per_host: Some(1),
        ..Settings::default()
    })
}

async fn serve(protocols: Protocols, socket: TcpStream) {
    match protocols {
        Protocols::Http1 => http1::serve(socket).await,
        _ => {
            if let Some(mut http2) = Http2::accept(socket, &[]).await {
                http2.serve().await;
            }
        }
    }
}

async fn server(protocols: Protocols) -> Peer {
    Peer::tcp(move |_, socket| serve(protocols, socket)).await
}

/// The one place of each kind is there for the next caller; and nothing is left behind in the end.
async fn usable(pool: &Pool, target: &str) {
    idle(pool).await;
    let next = timeout(PATIENCE, fetch(pool, target)).await;
    assert_eq!(next.unwrap().unwrap(), "hello");
    quiet(pool).await;
}

async fn send(pool: &Pool, target: &str) -> Bytes {
    let request = http::Request::get(target).body(Empty::<Bytes>::new());
    let response = pool.send(request.unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn pool_send() {
    for protocols in BOTH {
        let peer = server(protocols).await;
        let target = peer.plain_target();
        for hot in [false, true] {
            dropped_everywhere(
                async || {
                    let pool = narrow(plain(protocols)).build().unwrap();
                    if hot {
                        fetch(&pool, &target).await.unwrap();
                    }
                    pool
                },
                async |pool| assert_eq!(send(pool, &target).await, "hello"),
                async |pool, _| usable(&pool, &target).await,
            )
            .await;
        }
    }
}

#[tokio::test]
async fn pool_send_over_tls() {
    let authority = Authority::new();
    for (protocols, alpn) in [(Protocols::Http1, "http/1.1"), (Protocols::Http2, "h2")] {
        let config = authority.issue(&["localhost"]).server_config(&[alpn]);
        let peer = Peer::tls(config, move |_, mut stream| async move {
            match protocols {
                Protocols::Http1 => http1::serve(stream).await,
                _ => {
                    if let Some(mut http2) = Http2::accept(&mut stream, &[]).await {
                        http2.serve().await;
                    }
                }
            }
        })
        .await;
        let target = peer.target();
        dropped_everywhere(
            async || narrow(trusting(&authority)).build().unwrap(),
            async |pool| assert_eq!(send(pool, &format!("https://{target}")).await, "hello"),
            async |pool, _| usable(&pool, &target).await,
        )
        .await;
    }
}

#[tokio::test]
async fn host_get_and_preheat() {
    for protocols in BOTH {
        let peer = server(protocols).await;
        let target = peer.plain_target();
        dropped_everywhere(
            async || narrow(plain(protocols)).build().unwrap(),
            async |pool| pool.host(&target).unwrap().get().await.map(drop).unwrap(),
            async |pool, _| usable(&pool, &target).await,
        )
        .await;
        dropped_everywhere(
            async || narrow(plain(protocols)).build().unwrap(),
            async |pool| assert!(pool.preheat([&target]).await.is_complete()),
            async |pool, _| usable(&pool, &target).await,
        )
        .await;
        dropped_everywhere(
            async || narrow(plain(protocols)).build().unwrap(),
            async |pool| {
                let host = pool.host(&target).unwrap();
                let one = pool.get_within(&target, PATIENCE).await.unwrap();
                drop(one);
                host.get_within(PATIENCE).await.map(drop).unwrap();
            },
            async |pool, _| usable(&pool, &target).await,
        )
        .await;
    }
}

/// Callers of one host, one address and one place, which somebody has and gives back while they wait.
#[tokio::test]
async fn get_while_somebody_gives_back() {
    for protocols in BOTH {
        let peer = server(protocols).await;
        let target = peer.plain_target();
        // The other is another host to the pool: its caller waits for the place of the first one's connection.
        let other = format!("http://127.0.0.1:{}", peer.port());
        for wanted in [&target, &other] {
            dropped_everywhere(
                async || {
                    let pool = narrow(plain(protocols)).build().unwrap();
                    let held = pool.get(&target).await.unwrap();
                    (pool, Mutex::new(Some(held)))
                },
                async |(pool, held): &(Pool, Mutex<Option<Connection>>)| {
                    let giving_back = async {
                        yield_now().await;
                        held.lock().take();
                    };
                    let (got, ()) = tokio::join!(pool.get(wanted), giving_back);
                    got.map(drop).unwrap();
                },
                async |(pool, held), _| {
                    drop(held);
                    usable(&pool, wanted).await;
                },
            )
            .await;
        }
    }
}

/// A connection that was silent has to answer a PING first.
#[tokio::test]
async fn get_while_a_connection_proves_itself() {
    const SILENCE: Duration = Duration::from_millis(5);
    let peer = server(Protocols::Http2).await;
    let target = peer.plain_target();
    dropped_everywhere(
        async || {
            let pool = narrow(plain(Protocols::Http2)).validate_after(SILENCE);
            let pool = pool.build().unwrap();
            fetch(&pool, &target).await.unwrap();
            // Silence is the passing of time. The housekeeper notices it by the quarter of a second.
            sleep(Duration::from_millis(550)).await;
            pool
        },
        async |pool| pool.get(&target).await.map(drop).unwrap(),
        async |pool, _| usable(&pool, &target).await,
    )
    .await;
    assert!(peer.accepted() > 0);
}

/// Refused twice on the first connection, which then goes away: pauses, and another connection, are awaits too.
#[tokio::test]
async fn send_that_is_sent_again() {
    dropped_everywhere(
        async || {
            let peer = Peer::tcp(|number, socket| async move {
                let Some(mut http2) = Http2::accept(socket, &[]).await else {
                    return;
                };
                if number == 0 {
                    for _ in 0..2 {
                        let Some(stream) = http2.request().await else {
                            return;
                        };
                        http2.reset(stream, REFUSED_STREAM).await;
                    }
                    if let Some(stream) = http2.request().await {
                        http2.go_away(stream - 2, NO_ERROR).await;
                    }
                }
                http2.serve().await;
            })
            .await;
            (narrow(plain(Protocols::Http2)).build().unwrap(), peer)
        },
        async |(pool, peer)| {
            let connection = pool.get(peer.plain_target()).await.unwrap();
            let response = connection.send(get()).await.unwrap();
            response.into_body().collect().await.unwrap();
        },
        async |(pool, peer), _| usable(&pool, &peer.plain_target()).await,
    )
    .await;
}

const PIECES: [&str; 5] = ["h", "e", "l", "l", "o"];

/// Sends a body piece by piece, and is then as any server.
async fn in_pieces(protocols: Protocols, mut socket: TcpStream) {
    match protocols {
        Protocols::Http1 => {
            if http1::request(&mut socket).await.is_some() {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
                for piece in [head].iter().chain(&PIECES) {
                    http1::answer(&mut socket, piece).await;
                    yield_now().await;
                }
            }
            http1::serve(socket).await;
        }
        _ => {
            let Some(mut http2) = Http2::accept(socket, &[]).await else {
                return;
            };
            if let Some(stream) = http2.request().await {
                http2.write(HEADERS, END_HEADERS, stream, &[0x88]).await;
                for piece in PIECES {
                    http2.write(DATA, 0, stream, piece.as_bytes()).await;
                    yield_now().await;
                }
                http2.write(DATA, END_STREAM, stream, &[]).await;
            }
            http2.serve().await;
        }
    }
}

/// Dropping the reading loses nothing of the body; dropping the body then gives its use back.
#[tokio::test]
async fn body_frames() {
    type Read = Mutex<(Option<Body>, BytesMut)>;
    for (protocols, read_on) in BOTH.into_iter().flat_map(|one| [(one, false), (one, true)]) {
        dropped_everywhere(
            async || {
                let peer = Peer::tcp(move |_, socket| in_pieces(protocols, socket)).await;
                let pool = narrow(plain(protocols)).build().unwrap();
                let connection = pool.get(peer.plain_target()).await.unwrap();
                let body = connection.send(get()).await.unwrap().into_body();
                let read: Read = Mutex::new((Some(body), BytesMut::new()));
                (pool, peer, read)
            },
            async |(_, _, read): &(Pool, Peer, Read)| {
                let mut body = Returned(read, read.lock().0.take());
                while let Some(frame) = body.1.as_mut().unwrap().frame().await {
                    read.lock().1.extend(frame.unwrap().into_data().unwrap());
                }
            },
            async |(pool, peer, read), done| {
                let (body, mut text) = read.into_inner();
                if read_on || done.is_some() {
                    let rest = body.unwrap().collect().await.unwrap().to_bytes();
                    text.extend(rest);
                    assert_eq!(text, "hello");
                } else {
                    drop(body);
                }
                usable(&pool, &peer.plain_target()).await;
            },
        )
        .await;
    }
}

/// A body that outlives the future that reads it.
struct Returned<'a>(&'a Mutex<(Option<Body>, BytesMut)>, Option<Body>);

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        self.0.lock().0 = self.1.take();
    }
}

/// With a use handed out, a caller who waits, and another host's dial that never ends.
#[tokio::test]
async fn shutdown() {
    for protocols in BOTH {
        let peer = server(protocols).await;
        let silent = Peer::tcp(|_, socket| http1::silence(socket)).await;
        dropped_everywhere(
            async || {
                let pool = plain(protocols).max_connections_per_host(1);
                let settings = Settings {
                    max_streams_per_connection: Some(1),
                    ..Settings::default()
                };
                let pool = pool.settings(settings).build().unwrap();
                let held = pool.get(peer.plain_target()).await.unwrap();
                (pool, Arc::new(Mutex::new(Some(held))))
            },
            async |(pool, held)| {
                let (one, other) = (peer.plain_target(), silent.plain_target());
                let waiter = async { drop(pool.get(&one).await) };
                let dial = async {
                    // An HTTP/1.1 dial is over with its TCP handshake.
                    drop(pool.get(&other).await);
                };
                let leaving = async {
                    yield_now().await;
                    let shutdown = pool.shutdown(PATIENCE);
                    let giving_back = async {
                        yield_now().await;
                        held.lock().take();
                    };
                    let (report, ()) = tokio::join!(shutdown, giving_back);
                    assert_eq!(report.cut, 0, "{report:?}");
                };
                tokio::join!(waiter, dial, leaving);
            },
            async |(pool, held), done| {
                if done.is_some() {
                    gone(&pool);
                }
                held.lock().take();
                pool.shutdown(PATIENCE).await;
                gone(&pool);
            },
        )
        .await;
    }
}

/// What is heard before the drop and after it are all events there were, in their order.
#[tokio::test]
async fn events_recv() {
    let peer = server(Protocols::Http1).await;
    let target = peer.plain_target();
    dropped_everywhere(
        async || {
            let pool = narrow(plain(Protocols::Http1)).build().unwrap();
            let events = pool.subscribe();
            (pool, Mutex::new(Vec::new()), AsyncMutex::new(events))
        },
        async |(pool, heard, events)| {
            let fetching = async {
                yield_now().await;
                fetch(pool, &target).await.unwrap();
            };
            tokio::join!(listen(heard, events), fetching);
        },
        async |(pool, heard, events), _| {
            // Where the fetch has not begun, this one makes the same events.
            timeout(PATIENCE, async {
                tokio::join!(listen(&heard, &events), async {
                    fetch(&pool, &target).await.unwrap();
                })
            })
            .await
            .unwrap();
            assert_eq!(*heard.lock(), ["started", "added"]);
            usable(&pool, &target).await;
        },
    )
    .await;
}

/// Until a connection was added.
async fn listen(heard: &Mutex<Vec<&'static str>>, events: &AsyncMutex<PoolEvents>) {
    let mut events = events.lock().await;
    while !heard.lock().contains(&"added") {
        match events.recv().await.unwrap() {
            PoolEvent::DialStarted { .. } => heard.lock().push("started"),
            PoolEvent::ConnectionAdded { .. } => heard.lock().push("added"),
            PoolEvent::Lost(count) => panic!("{count} events lost"),
            _ => {}
        }
    }
}
