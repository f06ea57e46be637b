//! The command against loopback servers: what it prints, what it sends, how it ends.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking, and uses its own part of what is shared"
)]

mod common;
#[path = "cli/echo.rs"]
mod echo;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/world.rs"]
mod world;

use std::process::Stdio;

use common::peer::Peer;
use run::{command, file, finish, hotpool};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::World;

const FIELDS: [&str; 11] = [
    "bytes",
    "connection_id",
    "error",
    "http2",
    "http_version",
    "profile",
    "remote_addr",
    "reused",
    "status",
    "timing_us",
    "tls",
];

fn assert_fields(object: &Value) {
    let mut wanted: Vec<_> = FIELDS.into_iter().chain(["url"]).collect();
    wanted.sort_unstable();
    let found: Vec<_> = object.as_object().unwrap().keys().collect();
    assert_eq!(found, wanted);
}

fn assert_null(object: &Value, pointers: &[&str]) {
    for pointer in pointers {
        assert_eq!(
            object.pointer(pointer),
            Some(&Value::Null),
            "{pointer}: {object}"
        );
    }
}

fn refused() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!(
        "https://127.0.0.1:{}",
        listener.local_addr().unwrap().port()
    )
}

#[tokio::test]
async fn json_of_hot_requests_has_every_field() {
    let world = World::new("hot", &["h2", "http/1.1"]).await;
    let run = world.get("/a?b", &["-n", "3", "--json"]).await;
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    let objects = run.objects();
    assert_eq!(objects.len(), 3);
    for object in &objects {
        assert_fields(object);
        assert_eq!(object["url"], format!("{}/a?b", world.url));
        assert_eq!(object["status"], 200);
        assert_eq!(object["http_version"], "HTTP/2");
        assert_eq!(object["reused"], true);
        assert_eq!(object["profile"], "rustls");
        assert_eq!(object["remote_addr"], world.peer.address.to_string());
        assert_eq!(object["connection_id"], objects[0]["connection_id"]);
        assert!(object["connection_id"].is_u64() && object["bytes"].as_u64() > Some(0));
        assert_eq!(object["tls"]["version"], "TLSv1.3");
        assert_eq!(object["tls"]["group"], "X25519MLKEM768");
        assert_eq!(object["tls"]["alpn"], "h2");
        assert_eq!(object["tls"]["resumed"], false);
        assert!(
            object["tls"]["cipher"]
                .as_str()
                .unwrap()
                .starts_with("TLS_AES_")
        );
        assert!(object["tls"]["ja3"].as_str().unwrap().starts_with("771,"));
        assert_eq!(object["tls"]["ja3_hash"].as_str().unwrap().len(), 32);
        assert!(object["tls"]["ja4"].as_str().unwrap().starts_with("t13d"));
        assert!(object["tls"]["ja4_r"].as_str().unwrap().starts_with("t13d"));
        assert!(
            object["http2"]["akamai"]
                .as_str()
                .unwrap()
                .contains("|m,s,a,p"),
            "{object}"
        );
        assert_null(
            object,
            &[
                "/error",
                "/timing_us/resolve",
                "/timing_us/connect",
                "/timing_us/tls",
            ],
        );
        let time = |name: &str| object["timing_us"][name].as_u64().unwrap();
        assert!(time("acquire") <= time("first_byte") && time("first_byte") <= time("total"));
    }
    assert_eq!(world.peer.accepted(), 1);
}

#[tokio::test]
async fn cold_requests_have_a_connection_each() {
    for alpn in ["h2", "http/1.1"] {
        let world = World::new(&format!("cold-{}", alpn.len()), &[alpn]).await;
        let run = world
            .get("/", &["-n", "4", "-c", "2", "--cold", "--json"])
            .await;
        assert_eq!(run.status, Some(0), "{run:?}");
        let objects = run.objects();
        let mut ids: Vec<_> = objects
            .iter()
            .map(|o| o["connection_id"].as_u64())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), world.peer.accepted()), (4, 4));
        for object in &objects {
            assert_eq!(object["reused"], false);
            let time = |name: &str| object["timing_us"][name].as_u64().unwrap();
            assert!(
                time("resolve") + time("connect") + time("tls") <= time("acquire"),
                "{object}"
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_apply_is_null() {
    let world = World::new("null", &["h2", "http/1.1"]).await;
    let object = world.get("/", &["--http1.1", "--json"]).await.object();
    assert_eq!(object["http_version"], "HTTP/1.1");
    assert_eq!(object["tls"]["alpn"], "http/1.1");
    assert_null(&object, &["/http2", "/error"]);

    let plain = echo::plain().await;
    let url = format!("http://localhost:{}/", plain.port());
    let object = hotpool(&["get", &url, "--cold", "--json"]).await.object();
    assert_eq!(
        (&object["status"], &object["reused"]),
        (&200.into(), &false.into())
    );
    assert_null(&object, &["/tls", "/http2", "/timing_us/tls", "/error"]);
    assert!(object["timing_us"]["connect"].is_u64());

    let run = hotpool(&["get", &refused(), "--json"]).await;
    let object = run.object();
    assert_eq!(
        (run.status, run.error_kind().as_str()),
        (Some(1), "connect-refused")
    );
    assert_fields(&object);
    assert_null(
        &object,
        &[
            "/status",
            "/bytes",
            "/connection_id",
            "/reused",
            "/http_version",
            "/remote_addr",
            "/tls",
            "/http2",
        ],
    );
    assert_null(&object, &["/timing_us/acquire", "/timing_us/first_byte"]);
    assert!(object["timing_us"]["total"].is_u64());
    assert_eq!(
        (&object["error"]["sent"], &object["error"]["retryable"]),
        (&false.into(), &true.into())
    );
    assert!(
        object["error"]["message"]
            .as_str()
            .unwrap()
            .contains("refused")
    );
}

#[tokio::test]
async fn one_answer_goes_to_standard_output_or_a_file() {
    let world = World::new("body", &["h2"]).await;
    let run = world.get("/x", &[]).await;
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.object()["target"], "/x");

    let long = "x".repeat(5000);
    let path = file("body.out", &long);
    let run = world.get("/y", &["-o", &path]).await;
    assert_eq!((run.status, run.stdout.as_str()), (Some(0), ""));
    let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["target"], "/y");
    let run = world.get("/z", &["-o", &path, "--json"]).await;
    assert_eq!(
        run.object()["bytes"],
        std::fs::metadata(&path).unwrap().len()
    );

    let run = world.get("/-", &["-o", "-"]).await;
    assert_eq!(run.object()["target"], "/-");

    let kept = file("kept.out", &long);
    let run = hotpool(&["get", &refused(), "-o", &kept]).await;
    assert_eq!(run.status, Some(1));
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), long);
}

#[tokio::test]
async fn several_requests_have_a_line_each_and_errors_go_to_standard_error() {
    let world = World::new("lines", &["h2"]).await;
    let second = format!("{}/status/404", world.url);
    let run = world.get("/", &[&second, "-n", "2"]).await;
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    let starting = |with: &str| run.stdout.lines().filter(|l| l.starts_with(with)).count();
    assert_eq!(
        (starting("200 HTTP/2"), starting("404 HTTP/2")),
        (2, 2),
        "{run:?}"
    );
    assert!(run.stdout.contains(&world.peer.address.to_string()));

    let nobody = refused();
    let run = world.get("/", &[&nobody]).await;
    assert_eq!((run.status, run.stdout.lines().count()), (Some(1), 1));
    assert_eq!(run.stderr.lines().count(), 1);
    assert!(
        run.stderr
            .starts_with(&format!("hotpool: {nobody}: connection refused"))
    );
}

#[tokio::test]
async fn method_headers_and_content_reach_the_server() {
    for alpn in ["h2", "http/1.1"] {
        let world = World::new(&format!("content-{}", alpn.len()), &[alpn]).await;
        let has = |seen: &Value, line: &str| {
            let lines = seen["headers"].as_array().unwrap();
            assert!(lines.contains(&line.into()), "{line}: {seen}");
        };
        let seen = world.get("/", &["-d", "a=1", "-d", "b=2"]).await.object();
        assert_eq!(
            (&seen["method"], &seen["content"]),
            (&"POST".into(), &"a=1&b=2".into())
        );
        has(&seen, "content-type: application/x-www-form-urlencoded");
        has(&seen, "content-length: 7");

        let data = format!(
            "@{}",
            file(&format!("content-{}.txt", alpn.len()), "from\na file\r\n")
        );
        let seen = world
            .get(
                "/",
                &[
                    "-X",
                    "PUT",
                    "-d",
                    &data,
                    "-H",
                    "Content-Type: text/x",
                    "-H",
                    "X-A: 1",
                    "-H",
                    "x-a: 2",
                ],
            )
            .await
            .object();
        assert_eq!(
            (&seen["method"], &seen["content"]),
            (&"PUT".into(), &"froma file".into())
        );
        for line in ["content-type: text/x", "x-a: 1", "x-a: 2"] {
            has(&seen, line);
        }

        let url = world.url.as_str();
        let run = command(&["get", url, "--cacert", &world.cacert, "-d", "@-"]);
        assert_eq!(
            finish(run, "from stdin").await.object()["content"],
            "from stdin"
        );
        assert_eq!(world.get("?x", &[]).await.object()["target"], "/?x");
        let seen = world.get("/", &["-X", "DELETE"]).await.object();
        assert_eq!(
            (&seen["method"], &seen["content"]),
            (&"DELETE".into(), &"".into())
        );
        let run = world.get("/", &["-X", "HEAD", "--json"]).await;
        assert_eq!(
            (run.status, &run.object()["bytes"]),
            (Some(0), &0.into()),
            "{run:?}"
        );
    }
}

#[tokio::test]
async fn requests_are_like_curls() {
    if std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_err()
    {
        return;
    }
    let peer = echo::plain().await;
    let url = format!("http://localhost:{}/p?q=%20", peer.port());
    let data = format!("@{}", file("like-curl.txt", "line\nline\r\n"));
    for arguments in [
        &[][..],
        &["-d", "a=1", "-d", &data],
        &["-X", "PUT", "-d", ""],
        &[
            "-H",
            "Accept:",
            "-H",
            "X-Empty;",
            "-H",
            "X-B:  c  ",
            "-H",
            "Host: else.example",
        ],
        &["-d", "x", "-H", "Content-Type: text/plain"],
    ] {
        let ours = ["get", url.as_str(), "-H", "User-Agent: x"];
        let ours = hotpool(&[&ours, arguments].concat()).await.object();
        let mut curl = tokio::process::Command::new("curl");
        curl.args([
            "-s",
            "--http1.1",
            "--noproxy",
            "*",
            &url,
            "-H",
            "User-Agent: x",
        ])
        .args(arguments);
        let theirs = finish(curl, "").await.object();
        for field in ["method", "target", "content", "headers"] {
            assert_eq!(ours[field], theirs[field], "{arguments:?}");
        }
    }
}

#[tokio::test]
async fn a_request_has_its_time() {
    let world = World::new("late", &["h2"]).await;
    let run = world.get("/never", &["--timeout", "0.3", "--json"]).await;
    let object = run.object();
    assert_eq!(
        (run.status, run.error_kind().as_str()),
        (Some(1), "request-timeout")
    );
    assert_eq!(object["error"]["sent"], true);
    assert!(object["timing_us"]["total"].as_u64() >= Some(300_000));
    assert!(object["connection_id"].is_u64() && object["tls"]["ja4"].is_string());
    assert_null(&object, &["/status", "/timing_us/first_byte"]);

    let mute = Peer::tcp(|_, stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let url = format!("https://localhost:{}/", mute.port());
    for how in [&[][..], &["--cold"]] {
        let arguments = [
            &["get", url.as_str(), "--timeout", "0.3", "--json"][..],
            how,
        ]
        .concat();
        let run = hotpool(&arguments).await;
        assert_eq!(
            (run.status, run.error_kind().as_str()),
            (Some(1), "request-timeout")
        );
        let error = &run.object()["error"];
        assert_eq!(error["sent"], false);
        assert!(
            error["message"].as_str().unwrap().ends_with("within 300ms"),
            "{error}"
        );
    }
    assert_eq!(mute.accepted(), 2, "one dial a run");
}

#[tokio::test]
async fn a_request_that_goes_over_another_connection_says_over_which() {
    let peer = Peer::tcp(|number, mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        if number > 0 {
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.read(&mut request).await;
        }
    })
    .await;
    let url = format!("http://localhost:{}/", peer.port());
    let object = hotpool(&["get", &url, "--json"]).await.object();
    assert_eq!(
        (&object["status"], &object["reused"]),
        (&204.into(), &false.into()),
        "{object}"
    );
    assert!(object["timing_us"]["connect"].is_u64());
    assert_eq!(peer.accepted(), 2);
}

#[tokio::test]
async fn what_cannot_be_used_is_a_usage_error() {
    let nonsense = file("nonsense.pem", "nonsense");
    for arguments in [
        &["get"][..],
        &["nonsense"],
        &["get", "ftp://localhost"],
        &["get", "https://localhost:0"],
        &["get", "a", "--http2", "--http1.1"],
        &["get", "a", "--nonsense"],
        &["get", "a", "-n", "0"],
        &["get", "a", "-H", "nonsense"],
        &["get", "a", "--timeout", "-1"],
        &["get", "a", "--resolve", "nonsense"],
        &["get", "a", "--cacert", "/does/not/exist"],
        &["get", "a", "--cacert", &nonsense],
        &["get", "a", "--cert", &nonsense],
        &["get", "a", "--key", &nonsense],
        &["get", "a", "-d", "@/does/not/exist"],
        &["get", "a", "-o", "/does/not/exist"],
        &["get", "a", "b", "-o", "/dev/null"],
        &["get", "a", "-o", "-", "--json"],
        &["get", "a", "-n", "2", "-o", "/dev/null"],
        &["bench", "a", "--duration", "x"],
        &["bench", "a", "-c", "0"],
    ] {
        let run = hotpool(arguments).await;
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {run:?}"
        );
        assert!(
            !run.stderr.is_empty() && !run.stderr.contains("panicked"),
            "{run:?}"
        );
    }
    let mut command = command(&["get", "a"]);
    command.env("HOTPOOL_MAX_IDLE", "many");
    let run = finish(command, "").await;
    assert_eq!(run.status, Some(2));
    assert!(run.stderr.contains("HOTPOOL_MAX_IDLE"), "{run:?}");
}

#[tokio::test]
async fn help_says_unit_and_default() {
    let run = hotpool(&["get", "--help"]).await;
    assert_eq!(run.status, Some(0));
    for wanted in [
        "--http1.1",
        "SECONDS",
        "[default: 1]",
        "HOST:PORT:ADDR",
        "microseconds",
    ] {
        assert!(run.stdout.contains(wanted), "{wanted}");
    }
}

#[tokio::test]
async fn a_closed_pipe_ends_the_command() {
    let world = World::new("pipe", &["h2"]).await;
    let mut child = command(&[
        "get",
        &world.url,
        "--cacert",
        &world.cacert,
        "--json",
        "-n",
        "200",
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupt_ends_the_command() {
    let world = World::new("interrupt", &["h2"]).await;
    let never = format!("{}/never", world.url);
    for arguments in [&["get", &never][..], &["bench", &never, "--json"]] {
        let mut child = command(arguments)
            .args(["--cacert", &world.cacert])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let before = world.peer.accepted();
        common::wait::until("connected", || world.peer.accepted() > before).await;
        let id = child.id().unwrap().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        assert!(kill.unwrap().success());
        let status = child.wait().await.unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
    }
}

#[tokio::test]
async fn bench_counts_and_measures() {
    let world = World::new("bench", &["h2"]).await;
    let base = ["bench", world.url.as_str(), "--cacert", &world.cacert];
    let run = hotpool(&[&base[..], &["-n", "50", "-c", "5", "--json"]].concat()).await;
    let object = run.object();
    assert_eq!(run.status, Some(0), "{run:?}");
    for (field, wanted) in [
        ("requests", 50),
        ("answered", 50),
        ("failed", 0),
        ("unfinished", 0),
    ] {
        assert_eq!(object[field], wanted, "{field}: {object}");
    }
    assert_eq!(
        (&object["connections"], &object["reused"]),
        (&1.into(), &50.into())
    );
    assert_eq!(object["statuses"]["200"], 50);
    assert!(object["errors"].as_object().unwrap().is_empty());
    assert!(object["requests_per_second"].as_f64().unwrap() > 0.0);
    let latencies = ["p50", "p90", "p99", "p99.9", "max"];
    let latencies = latencies.map(|name| object["latency_us"][name].as_u64().unwrap());
    assert!(latencies.is_sorted() && latencies[0] > 0, "{latencies:?}");

    let run = hotpool(&[&base[..], &["-n", "6", "-c", "2", "--cold", "--json"]].concat()).await;
    let object = run.object();
    assert_eq!(
        (&object["connections"], &object["reused"]),
        (&6.into(), &0.into())
    );
    let run = hotpool(&[&base[..], &["--duration", "0.2"]].concat()).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    for wanted in ["requests/s", "latency p99.9", "connections", "reuse"] {
        assert!(run.stdout.contains(wanted), "{wanted}: {run:?}");
    }
    let run = hotpool(&["bench", &refused(), "-n", "4", "--json"]).await;
    let object = run.object();
    assert_eq!(
        (run.status, &object["errors"]["connect-refused"]),
        (Some(1), &4.into())
    );
    assert_eq!(object["latency_us"], Value::Null);
}
