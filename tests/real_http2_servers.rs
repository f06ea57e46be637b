//! Requests, bodies and the ends of connections as clients of a profile, with nginx, nghttpd, h2o and Apache.
//!
//! A server that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::convert::Infallible;

use bytes::Bytes;
use common::check::quiet;
use common::http2_servers::{Http2Server, Program};
use common::wait::until;
use futures_util::stream::{self, StreamExt};
use hotpool::client::RequestOptions;
use hotpool::profile::Profile;
use hotpool::registry::Protocol;
use hotpool::{Body, Pool};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tokio::sync::mpsc;

const PROFILES: [&str; 5] = [
    "chromium-156",
    "firefox-esr-153",
    "safari-26",
    "okhttp-5.5",
    "curl-7.88",
];

/// More than the largest connection window of a profile, which is curl's 32 MiB.
const DOWNLOAD: usize = 40 << 20;

/// More than h2o's window for a stream, 16 MiB; nghttpd and Apache leave it at 64 KiB.
const UPLOAD: usize = 24 << 20;

const REQUESTS: usize = 200;
const AT_A_TIME: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_over_one_connection() {
    for server in Http2Server::all().await {
        for page in 0..REQUESTS {
            server.put(&format!("page-{page}"), format!("page {page}\n"));
        }
        for name in PROFILES {
            let pool = server.pool(name);
            many(&server, &pool, name).await;
            quiet(&pool).await;
        }
    }
}

/// The pool waits for a stream; it does not try its luck.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_streams_at_a_time() {
    for (program, flag) in [
        (Program::Nghttpd, "--max-concurrent-streams=5"),
        (Program::Nginx, "http2_max_concurrent_streams 5;"),
        (Program::Apache, "H2MaxSessionStreams 5"),
    ] {
        let Some(server) = Http2Server::start(program, &[flag]).await else {
            continue;
        };
        for page in 0..REQUESTS {
            server.put(&format!("page-{page}"), format!("page {page}\n"));
        }
        for name in PROFILES {
            let pool = server.pool(name);
            many(&server, &pool, name).await;
            quiet(&pool).await;
        }
        match program {
            Program::Nghttpd => assert!(!server.output().contains("RST_STREAM")),
            Program::Nginx => assert!(!server.errors().contains("concurrent streams exceeded")),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_larger_than_the_windows() {
    let wanted = noise(DOWNLOAD);
    for server in Http2Server::all().await {
        server.put("large", &wanted);
        for name in PROFILES {
            let pool = server.pool(name);
            // Two share the connection's window.
            let download = || async {
                let answer = get(&server, &pool, "/large").await;
                assert_eq!(answer.status(), StatusCode::OK);
                assert!(bytes(answer).await == wanted, "{:?} {name}", server.program);
            };
            tokio::join!(download(), download());
            assert_eq!(pool.stats().connections_opened, 1);
            quiet(&pool).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_larger_than_the_windows() {
    let body = noise(UPLOAD);
    for server in Http2Server::all().await {
        for name in PROFILES {
            let pool = server.pool(name);
            let case = format!("{:?} {name}", server.program);
            let came = if server.program.echoes_bodies() {
                let echo = Request::post("/echo").body(Full::new(body.clone()));
                let answer = send(&server, &pool, echo.unwrap()).await;
                assert_eq!(answer.status(), StatusCode::OK, "{case}");
                bytes(answer).await
            } else {
                let path = format!("/put/{name}");
                let put = Request::put(&path).body(Full::new(body.clone()));
                let answer = send(&server, &pool, put.unwrap()).await;
                assert_eq!(answer.status(), StatusCode::CREATED, "{case}");
                bytes(get(&server, &pool, &path).await).await
            };
            assert!(came == body, "{case}: {} bytes", came.len());
            assert_eq!(pool.stats().connections_opened, 1);
            quiet(&pool).await;
        }
    }
}

#[cfg(feature = "decompression")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_codings_are_decoded_unless_raw_bytes_are_wanted() {
    let text = Bytes::from(b"All work and no play. ".repeat(30_000));
    for server in Http2Server::all().await {
        // nghttpd codes nothing.
        let codes = server.program != Program::Nghttpd;
        server.put("play.txt", &text);
        for name in PROFILES {
            let pool = server.pool(name);
            let case = format!("{:?} {name}", server.program);
            let answer = get(&server, &pool, "/play.txt").await;
            assert!(!answer.headers().contains_key("content-encoding"), "{case}");
            assert!(bytes(answer).await == text, "{case}");
            let raw = Request::get("/play.txt").extension(RequestOptions::new().raw_body());
            let raw = send(&server, &pool, raw.body(Empty::<Bytes>::new()).unwrap()).await;
            let coding = raw.headers().get("content-encoding").cloned();
            let coding = coding.map(|coding| coding.to_str().unwrap().to_owned());
            let raw = bytes(raw).await;
            // curl asks for none.
            if codes && name != "curl-7.88" {
                let brotli = server.program != Program::Nginx && name != "okhttp-5.5";
                let wanted = if brotli { "br" } else { "gzip" };
                assert_eq!(coding.as_deref(), Some(wanted), "{case}");
                assert!(raw.len() < text.len() / 10, "{case}: {}", raw.len());
            } else {
                assert!(coding.is_none() && raw == text, "{case}: {coding:?}");
            }
            quiet(&pool).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_arrive() {
    let flags = ["--trailer", "sum: 42", "--trailer", "kind: last"];
    let Some(server) = Http2Server::start(Program::Nghttpd, &flags).await else {
        return;
    };
    server.put("small", "small\n");
    for name in PROFILES {
        let pool = server.pool(name);
        for _ in 0..3 {
            let answer = get(&server, &pool, "/small").await;
            let answer = answer.into_body().collect().await.unwrap();
            let trailers = answer.trailers().unwrap();
            assert_eq!(
                (&trailers["sum"], trailers.len()),
                (&"42".parse().unwrap(), 2)
            );
            assert_eq!(trailers["kind"], "last");
            assert_eq!(answer.to_bytes(), "small\n");
        }
        quiet(&pool).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_and_of_failure() {
    for server in Http2Server::all().await {
        server.put("small", "small\n");
        for name in PROFILES {
            let pool = server.pool(name);
            let case = format!("{:?} {name}", server.program);
            for _ in 0..3 {
                let head = Request::head("/small").body(Empty::<Bytes>::new()).unwrap();
                let answer = send(&server, &pool, head).await;
                assert_eq!(answer.status(), StatusCode::OK, "{case}");
                assert_eq!(answer.headers()["content-length"], "6", "{case}");
                assert!(bytes(answer).await.is_empty(), "{case}");
                let answer = get(&server, &pool, "/missing").await;
                assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{case}");
                assert!(!bytes(answer).await.is_empty(), "{case}");
                let answer = get(&server, &pool, "/small").await;
                assert_eq!(bytes(answer).await, "small\n", "{case}");
            }
            assert_eq!(pool.stats().connections_opened, 1, "{case}");
            quiet(&pool).await;
        }
    }
}

/// Bodies in both directions, again and again: what they took of the windows comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_dropped_half_way_leaves_the_connection_usable() {
    let large = noise(DOWNLOAD);
    for server in Http2Server::all().await {
        server.put("large", &large);
        server.put("small", "small\n");
        for name in PROFILES {
            let pool = server.pool(name);
            let case = format!("{:?} {name}", server.program);
            for _ in 0..20 {
                let mut body = get(&server, &pool, "/large").await.into_body();
                assert!(body.frame().await.unwrap().is_ok(), "{case}");
                drop(body);
                abandon_upload(&server, &pool).await;
            }
            let answer = get(&server, &pool, "/small").await;
            assert_eq!(bytes(answer).await, "small\n", "{case}");
            let answer = get(&server, &pool, "/large").await;
            let status = answer.status();
            let body = bytes(answer).await;
            assert!(body == large, "{case}: {status}, {} bytes", body.len());
            // Apache (2.4.71) ends the connection when a stream is reset whose answer it was about to begin, whoever the client is.
            if server.program != Program::Apache {
                assert_eq!(pool.stats().connections_opened, 1, "{case}");
            }
            quiet(&pool).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_goes_unnoticed() {
    let Some(server) = Http2Server::start(Program::Nginx, &[]).await else {
        return;
    };
    server.put("small", "small\n");
    for name in PROFILES {
        let pool = server.builder(name).max_connections_per_host(3);
        let pool = pool.build().unwrap();
        for _ in 0..3 {
            let before = pool.stats().connections_opened;
            let load = stream::iter(0..).map(|_| async {
                let answer = get(&server, &pool, "/small").await;
                assert_eq!(bytes(answer).await, "small\n", "{name}");
            });
            let load = load.buffer_unordered(AT_A_TIME).for_each(|()| async {});
            let reloaded = async {
                // Under load from the start.
                until("a connection", || pool.stats().in_use >= AT_A_TIME / 2).await;
                let before = before.max(pool.stats().connections_opened);
                server.reload().await;
                until("another connection", || {
                    pool.stats().connections_opened > before
                })
                .await;
            };
            tokio::select! {
                () = load => unreachable!("it has no end"),
                () = reloaded => {}
            }
        }
        quiet(&pool).await;
    }
}

/// All pages, several at a time, each kind of request that the profile's client makes of its own accord.
async fn many(server: &Http2Server, pool: &Pool, name: &str) {
    let profile = Profile::named(name).unwrap();
    let kinds = profile.request_kinds();
    let kinds: Vec<_> = ["navigation", "fetch"]
        .into_iter()
        .filter(|kind| kinds.contains(kind))
        .collect();
    let case = format!("{:?} {name}", server.program);
    let requests = (0..REQUESTS).zip(kinds.iter().cycle()).map(|(page, kind)| {
        let request = Request::get(format!("/page-{page}"))
            .extension(RequestOptions::new().kind(*kind))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let case = &case;
        async move {
            let answer = send(server, pool, request).await;
            assert_eq!(answer.status(), StatusCode::OK, "{case} {page}");
            assert_eq!(bytes(answer).await, format!("page {page}\n"), "{case}");
        }
    });
    let requests = stream::iter(requests).buffer_unordered(AT_A_TIME);
    requests.for_each(|()| async {}).await;
    let connection = pool.get(server.target()).await.unwrap();
    assert_eq!(connection.protocol(), Protocol::Http2, "{case}");
    assert_eq!(connection.fingerprint().akamai, profile.akamai(), "{case}");
    assert!(profile.akamai().is_some());
    assert_eq!(pool.stats().connections_opened, 1, "{case}");
}

/// Drops a request whose body has begun and does not go on.
async fn abandon_upload(server: &Http2Server, pool: &Pool) {
    let (chunks, mut source) = mpsc::channel::<Frame<Bytes>>(1);
    let body = stream::poll_fn(move |context| source.poll_recv(context));
    let body = StreamBody::new(body.map(Ok::<_, Infallible>));
    let request = Request::post("/echo").body(body).unwrap();
    let connection = pool.get(server.target()).await.unwrap();
    let begun = async {
        for _ in 0..3 {
            let chunk = Frame::data(vec![b'x'; 10_000].into());
            chunks.send(chunk).await.unwrap();
        }
        // The last but one has been taken.
    };
    tokio::select! {
        biased;
        // nginx answers a POST there without waiting for its body.
        answer = connection.send(request) => drop(answer.unwrap()),
        () = begun => {}
    }
}

async fn get(server: &Http2Server, pool: &Pool, path: &str) -> Response<Body> {
    let mut request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    if server.program == Program::Apache {
        // It ends a connection for a stream that was reset, below, with whatever else is under way on it.
        let options = RequestOptions::new().replayable();
        request.extensions_mut().insert(options);
    }
    send(server, pool, request).await
}

async fn send<B>(server: &Http2Server, pool: &Pool, request: Request<B>) -> Response<Body>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connection = pool.get(server.target()).await;
    let connection = connection.unwrap_or_else(|error| panic!("{:?}: {error:?}", server.program));
    let answer = connection.send(request).await;
    answer.unwrap_or_else(|error| panic!("{:?}: {error:?}", server.program))
}

async fn bytes(answer: Response<Body>) -> Bytes {
    let head = format!("{:?}", answer.headers());
    let body = answer.into_body().collect().await;
    body.unwrap_or_else(|error| panic!("{head}: {error:?}"))
        .to_bytes()
}

/// The same bytes each time, no two parts of which are alike.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(length + 8);
    while noise.len() < length {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend(state.to_be_bytes());
    }
    noise.truncate(length);
    noise.into()
}
