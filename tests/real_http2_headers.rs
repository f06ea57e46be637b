//! What servers understand of the requests of a profile: the opening, long headers, tables that overflow, HTTP/1.1's order and case.
//!
//! A server that is not installed is skipped with a line that says so, unless `HOTPOOL_REQUIRE_REAL_SERVERS` is set, as in `.ci/run`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use common::check::quiet;
use common::http2_servers::{Http2Server, Program};
use hotpool::profile::Profile;
use hotpool::{Pool, Protocols};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use serde_json::Value;

const PROFILES: [&str; 5] = [
    "chromium-156",
    "firefox-esr-153",
    "safari-26",
    "okhttp-5.5",
    "curl-7.88",
];

/// What every server takes in one HEADERS frame (RFC 9113 section 6.5.2).
const FRAME: usize = 16_384;

/// The opening's fingerprint as nghttpd read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nghttpd_sees_the_profiles_fingerprint() {
    for name in PROFILES {
        let Some(server) = Http2Server::start(Program::Nghttpd, &[]).await else {
            return;
        };
        server.put("small", "small\n");
        let pool = server.pool(name);
        echo(&server, &pool, "/small", "a=1", "1").await;
        quiet(&pool).await;
        let akamai = Profile::named(name).unwrap().akamai();
        assert_eq!(Some(akamai_in(&server.output())), akamai, "{name}");
    }
}

/// Cookies that fit into one frame and those that need CONTINUATION.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_headers() {
    for server in Http2Server::all().await {
        server.put("small", "small\n");
        for name in PROFILES {
            let pool = server.pool(name);
            for (cookie, own) in [(12_000, 10), (30_000, 10), (10, 40_000), (20_000, 20_000)] {
                let cookie = format!("first={}; second=2", text(cookie, cookie));
                let own = text(own, cookie.len());
                understood(&server, &pool, &cookie, &own).await;
            }
            assert_eq!(pool.stats().connections_opened, 1);
            quiet(&pool).await;
        }
        if server.program == Program::Nghttpd {
            let output = server.output();
            let long = heads(&output).filter(|length| *length > FRAME);
            assert_eq!(long.count(), 3 * PROFILES.len());
        }
    }
}

/// New values of many lengths, so that the table's entries go, each three times, so that they are found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_overflow() {
    for server in Http2Server::all().await {
        overflow(&server).await;
    }
}

/// Of the size that the server wants instead of 4,096 bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_other_sizes() {
    let mut sent = Vec::new();
    for size in ["0", "256", "65536"] {
        // Its own table, for answers, as well: as large as the profile allows.
        let flags = [
            &*format!("--header-table-size={size}"),
            &*format!("--encoder-header-table-size={size}"),
        ];
        let Some(server) = Http2Server::start(Program::Nghttpd, &flags).await else {
            return;
        };
        overflow(&server).await;
        let announced = format!("[SETTINGS_HEADER_TABLE_SIZE(0x01):{size}]");
        assert!(server.output().contains(&announced), "{announced}");
        sent.push(heads(&server.output()).sum::<usize>());
    }
    // The larger the table, the more is found in it.
    assert!(
        sent.is_sorted_by(|smaller, larger| smaller > larger),
        "{sent:?}"
    );
}

/// Apache keeps the order and the case of what it reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_heads_in_the_profiles_order_and_case() {
    let Some(server) = Http2Server::start(Program::Apache, &[]).await else {
        return;
    };
    for name in PROFILES {
        let pool = server.builder(name).protocols(Protocols::Http1);
        let pool = pool.build().unwrap();
        for own in ["1", "2"] {
            let answer = echo(&server, &pool, "/echo", "a=1", own).await;
            assert_eq!(answer, format!("a=1|{own}"), "{name}");
        }
        quiet(&pool).await;
        let requests = server.requests();
        let heads = requests.lines().filter(|line| line.starts_with('+'));
        let heads: Vec<_> = heads.rev().take(2).collect();
        assert_eq!(heads.len(), 2);
        for head in heads {
            let names = head.split('|').skip(2);
            let names: Vec<_> = names.map(|it| it.split(':').next().unwrap()).collect();
            assert_eq!(names, http1_names(name), "{name}");
        }
    }
}

async fn overflow(server: &Http2Server) {
    server.put("small", "small\n");
    for name in PROFILES {
        let pool = server.pool(name);
        for round in 0..120 {
            let again = round - round % 3;
            let cookie = format!("id={round}; long={}", text(again * 7, again));
            understood(server, &pool, &cookie, &text(again * 13, again)).await;
        }
        assert_eq!(pool.stats().connections_opened, 1);
        quiet(&pool).await;
    }
}

/// The server has read these two headers as they were written.
async fn understood(server: &Http2Server, pool: &Pool, cookie: &str, own: &str) {
    let case = format!("{:?} {cookie} {own}", server.program);
    if server.program.echoes_headers() {
        let answer = echo(server, pool, "/echo", cookie, own).await;
        assert!(answer == format!("{cookie}|{own}"), "{case}: {answer}");
        return;
    }
    let before = server.output().len();
    assert_eq!(echo(server, pool, "/small", cookie, own).await, "small\n");
    let output = server.output();
    let received = |name: &str| {
        let lines = output[before..].lines();
        let values = lines.filter_map(|line| {
            let line = line.split_once("recv (stream_id=")?.1;
            line.split_once(") ")?.1.strip_prefix(name)
        });
        values.collect::<Vec<_>>().join("; ")
    };
    // Whole, or in crumbs.
    assert!(received("cookie: ") == cookie, "{case}: {output}");
    assert!(received("x-own: ") == own, "{case}: {output}");
}

async fn echo(server: &Http2Server, pool: &Pool, path: &str, cookie: &str, own: &str) -> String {
    let request = Request::get(path).header("x-own", own);
    let request = request.header("cookie", cookie);
    let connection = pool.get(server.target()).await.unwrap();
    let answer = connection.send(request.body(Empty::<Bytes>::new()).unwrap());
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", server.program);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.into()).unwrap()
}

/// Letters and digits, which no two seeds have in the same order.
fn text(length: usize, seed: usize) -> String {
    let mut state = seed as u64 * 2 + 1;
    let letter = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from_digit((state >> 33) as u32 % 36, 36).unwrap()
    };
    (0..length).map(letter).collect()
}

/// The lengths of all HEADERS frames that came, with the CONTINUATION frames behind each.
fn heads(output: &str) -> impl Iterator<Item = usize> {
    output.lines().filter_map(|line| {
        let length = line.split_once("recv HEADERS frame <length=")?.1;
        length.split(',').next()?.parse().ok()
    })
}

/// From the settings, the first WINDOW_UPDATE, the PRIORITY frames (none of these profiles sends any) and the first head.
fn akamai_in(output: &str) -> String {
    let lines = || {
        output
            .lines()
            .skip_while(|line| !line.contains("recv SETTINGS"))
    };
    let settings = lines().skip(2).map_while(|line| {
        let setting = line.trim().strip_prefix('[')?;
        let (id, value) = setting.split_once("(0x")?.1.split_once("):")?;
        let id = u16::from_str_radix(id, 16).unwrap();
        Some(format!("{id}:{}", value.trim_end_matches(']')))
    });
    let settings: Vec<_> = settings.collect();
    let increment = lines().find_map(|line| {
        let increment = line.trim().strip_prefix("(window_size_increment=")?;
        Some(increment.trim_end_matches(')'))
    });
    assert!(!output.contains("recv PRIORITY frame"));
    let pseudo_headers = lines().filter_map(|line| {
        let name = line.split_once("recv (stream_id=")?.1.split_once(") :")?.1;
        Some(&name[..1])
    });
    let pseudo_headers: Vec<_> = pseudo_headers.take(4).collect();
    format!(
        "{}|{}|0|{}",
        settings.join(";"),
        increment.unwrap(),
        pseudo_headers.join(",")
    )
}

/// The names of a GET's headers by the profile's file, with a cookie and one of the user's own.
fn http1_names(profile: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fingerprints");
    let file = fs::read_to_string(file.join(format!("{profile}.json"))).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let kind = file.pointer("/requests/default").unwrap();
    let list = format!("/requests/kinds/{}/http1", kind.as_str().unwrap());
    let list = file.pointer(&list).unwrap().as_array().unwrap();
    let values = file.pointer("/requests/values").unwrap();
    let names = list.iter().filter_map(|entry| {
        // An object has conditions, which a GET does not meet.
        let (name, value) = match entry.as_str()?.split_once(": ") {
            Some((name, value)) => (name, Some(value)),
            None => (entry.as_str()?, None),
        };
        let known = values.get(name.to_lowercase()).is_some();
        match name {
            "*" => Some("x-own".to_owned()),
            "Host" | "Cookie" => Some(name.to_owned()),
            _ => (known || value.is_some()).then(|| name.to_owned()),
        }
    });
    names.collect()
}
