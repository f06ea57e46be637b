//! `hotpool capture`: what it keeps of real clients, and that nothing of hostile ones hurts it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test fails by panicking, and uses its own part of what is shared"
)]

#[path = "cli/capturing.rs"]
mod capturing;
#[path = "cli/firefox.rs"]
mod firefox;
#[path = "cli/run.rs"]
mod run;

use std::time::Duration;

use capturing::{Capturing, PATIENCE, hellos, installed, object};
use firefox::Firefox;
use hotpool::profile::{Http2Opening, Profile, SampleOptions};
use run::{file, hotpool};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

fn opening(path: &str) -> Http2Opening {
    let [opening] = read_openings(path).try_into().unwrap();
    opening
}

fn read_openings(path: &str) -> Vec<Http2Opening> {
    let text = std::fs::read_to_string(path).unwrap();
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let openings = text.lines().map(|line| {
        let bytes: Vec<u8> = line.as_bytes().chunks(2).map(byte).collect();
        let opening = Http2Opening::parse(&bytes);
        assert_eq!(opening.length(), bytes.len());
        opening
    });
    openings.collect()
}

#[tokio::test]
async fn our_own_client_once() {
    let capturing = Capturing::start("own", &["--once"]).await;
    let files = [capturing.hellos.clone(), capturing.openings.clone()];
    let run = hotpool(&["get", "-k", &capturing.url(), "--json"]).await;
    let seen = run.object();
    assert_eq!(
        (&seen["status"], run.status),
        (&200.into(), Some(0)),
        "{run:?}"
    );
    let captured = capturing.ended().await;
    assert_eq!(captured.status, Some(0), "{captured:?}");

    let [hello] = hellos(&files[0]).try_into().unwrap();
    assert_eq!(seen["tls"]["ja4"], hello.hello.ja4());
    assert_eq!(opening(&files[1]).akamai(), seen["http2"]["akamai"]);
    let learned = file("capture-own-learned.json", &captured.stdout);
    assert_could_have_sent(&learned, &files[0], &files[1]).await;
    // The profile that stands for no shaping lists the same hello.
    let run = hotpool(&["profile", "hello", "rustls", "--sni", "localhost"]).await;
    let listed = file("capture-own-listed.hex", &run.stdout);
    assert_eq!(hellos(&listed)[0].hello.ja4(), hello.hello.ja4());
}

#[tokio::test]
async fn http1_is_answered_too() {
    let capturing = Capturing::start("http1", &["--once", "--out", "OUT"]).await;
    let (out, openings) = (capturing.out.clone(), capturing.openings.clone());
    let run = hotpool(&["get", "-k", "--http1.1", &capturing.url()]).await;
    assert!(run.stdout.contains("hotpool capture"), "{run:?}");
    let captured = capturing.ended().await;
    assert_eq!((captured.status, &*captured.stdout), (Some(0), ""));
    assert_eq!(
        object(&out)["client_hello"]["alpn"],
        serde_json::json!(["http/1.1"])
    );
    assert_eq!(std::fs::read_to_string(&openings).unwrap(), "");
}

#[tokio::test]
async fn several_connections_make_one_profile() {
    let mut capturing = Capturing::start("several", &["--out", "OUT"]).await;
    let (out, hex) = (capturing.out.clone(), capturing.hellos.clone());
    for count in 1..=3 {
        let run = hotpool(&["get", "-k", &capturing.url()]).await;
        assert_eq!(run.status, Some(0), "{run:?}");
        capturing.says("JA4 t13").await;
        // The line is written just before the file is.
        let note = format!("Learned from {count} hello");
        let learned = || std::fs::read_to_string(&out).is_ok_and(|text| text.contains(&note));
        let deadline = Instant::now() + PATIENCE;
        while !learned() {
            assert!(Instant::now() < deadline, "{note}");
            // Between looks at a file that another process writes.
            sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(hellos(&hex).len(), 3);

    // Another client is told of, kept among the hellos, and not mixed in.
    let chromium = Profile::named("chromium").unwrap();
    let hello = chromium
        .sample(&SampleOptions::default(), &mut rand::rng())
        .unwrap();
    let mut other = capturing.connect().await;
    other.write_all(&hello.first).await.unwrap();
    drop(other);
    let told = capturing.says("is left out of the profile").await;
    assert!(told.contains("different clients"), "{told}");
    assert!(
        object(&out)["provenance"]["note"]
            .as_str()
            .unwrap()
            .contains("3 hellos")
    );

    capturing.interrupt();
    let captured = capturing.ended().await;
    assert_eq!((captured.status, &*captured.stdout), (Some(0), ""));
    assert_eq!(hellos(&hex).len(), 4);
}

#[tokio::test]
async fn curl_is_captured_whether_it_trusts_or_not() {
    for (name, flags) in [("curl", "-sk"), ("curl-distrusts", "-s")] {
        let Some(mut curl) = installed("curl", "--version") else {
            return;
        };
        let capturing = Capturing::start(name, &["--once", "--out", "OUT"]).await;
        let (hex, openings) = (capturing.hellos.clone(), capturing.openings.clone());
        let out = capturing.out.clone();
        curl.args([flags, "--noproxy", "*", &capturing.url()]);
        let answer = timeout(PATIENCE, curl.output()).await.unwrap().unwrap();
        assert_eq!(answer.status.success(), flags == "-sk", "{answer:?}");
        assert_eq!(capturing.ended().await.status, Some(0));
        let run = hotpool(&["profile", "check", &out, "--hello", &hex]).await;
        assert_eq!(run.status, Some(0), "{run:?}");
        let hello = &hellos(&hex)[0].hello;
        assert_eq!(hello.server_name(), Some("localhost"));
        let speaks_http2 = hello.alpn_protocols().any(|name| name == b"h2");
        if flags == "-sk" && speaks_http2 {
            assert!(opening(&openings).is_complete());
        } else {
            assert_eq!(std::fs::read_to_string(&openings).unwrap(), "");
        }
    }
}

#[tokio::test]
async fn openssls_second_hello_is_captured_as_well() {
    for (name, flags, retried) in [
        ("openssl", &["-groups", "P-521:P-384"][..], true),
        ("openssl-tls12", &["-tls1_2"], false),
    ] {
        let Some(mut openssl) = installed("openssl", "version") else {
            return;
        };
        let capturing = Capturing::start(name, &["--once"]).await;
        let hex = capturing.hellos.clone();
        let address = format!("127.0.0.1:{}", capturing.port);
        openssl.args(["s_client", "-connect", &address]).args(flags);
        timeout(PATIENCE, openssl.output()).await.unwrap().unwrap();
        let captured = capturing.ended().await;
        assert_eq!(captured.status, Some(0), "{captured:?}");
        let [hello] = hellos(&hex).try_into().unwrap();
        assert_eq!(hello.retry.is_some(), retried);
        let lines = std::fs::read_to_string(&hex).unwrap().lines().count();
        assert_eq!(lines, 1 + usize::from(retried));
        let learned = file(&format!("capture-{name}-learned.json"), &captured.stdout);
        let run = hotpool(&["profile", "check", &learned, "--hello", &hex]).await;
        assert_eq!(run.status, Some(0), "{run:?}");
    }
}

#[tokio::test]
async fn who_sends_no_hello_is_told_and_not_waited_for() {
    let mut capturing = Capturing::start("hostile", &["--once"]).await;
    let hex = capturing.hellos.clone();
    let firefox = Profile::named("firefox").unwrap();
    let hello = firefox
        .sample(&SampleOptions::default(), &mut rand::rng())
        .unwrap();

    drop(capturing.connect().await);
    capturing.says("sent nothing").await;
    for (sent, wanted) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "not a ClientHello"),
        (&[0xff; 300_000], "not a ClientHello"),
        (&[0x16, 3, 1, 0x40, 0], "truncated ClientHello"),
        (
            &[0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
            "malformed ClientHello: length",
        ),
        (
            &hello.first[..hello.first.len() / 2],
            "truncated ClientHello",
        ),
    ] {
        let mut client = capturing.connect().await;
        // The server may have closed before all is sent.
        let _ = client.write_all(sent).await;
        let _ = client.shutdown().await;
        capturing.says(wanted).await;
    }
    // Still there, and these are in nobody's way: one that is silent, one that stops in the middle.
    let silent = capturing.connect().await;
    let mut half = capturing.connect().await;
    half.write_all(&hello.first[..100]).await.unwrap();
    let run = hotpool(&["get", "-k", &capturing.url()]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    let captured = capturing.ended().await;
    assert_eq!(captured.status, Some(0), "{captured:?}");
    assert_eq!(hellos(&hex).len(), 1);
    drop((silent, half));
}

#[tokio::test]
async fn who_sends_a_hello_and_nothing_else_is_waited_for_a_little() {
    let mut capturing = Capturing::start("stops", &["--once"]).await;
    let hex = capturing.hellos.clone();
    let firefox = Profile::named("firefox").unwrap();
    let hello = firefox
        .sample(&SampleOptions::default(), &mut rand::rng())
        .unwrap();
    let mut client = capturing.connect().await;
    client.write_all(&hello.first).await.unwrap();
    capturing.says("JA4 t13d").await;
    let captured = capturing.ended().await;
    assert_eq!(captured.status, Some(0), "{captured:?}");
    assert_eq!(hellos(&hex).len(), 1);
    // The server answered, and has closed by now.
    let mut answer = Vec::new();
    timeout(PATIENCE, client.read_to_end(&mut answer))
        .await
        .unwrap()
        .ok();
    assert_eq!(answer[..3], [22, 3, 3]);
}

#[tokio::test]
async fn more_clients_than_there_are_places_are_served_in_turn() {
    let mut capturing = Capturing::start("crowd", &["--out", "OUT"]).await;
    let mut crowd = Vec::new();
    for _ in 0..80 {
        crowd.push(capturing.connect().await);
    }
    drop(crowd);
    let run = hotpool(&["get", "-k", &capturing.url()]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    capturing.says("JA4 t13d").await;
    capturing.interrupt();
    assert_eq!(capturing.ended().await.status, Some(0));
}

#[tokio::test]
async fn nobody_came() {
    let capturing = Capturing::start("nobody", &["--out", "OUT"]).await;
    capturing.interrupt();
    let captured = capturing.ended().await;
    assert_eq!((captured.status, &*captured.stdout), (Some(1), ""));
    assert!(
        captured
            .stderr
            .iter()
            .any(|line| line.contains("no client has sent a hello"))
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_a_usage_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    for (arguments, wanted) in [
        (&[][..], "--listen"),
        (&["--listen", "nowhere"], "expected an address and a port"),
        (&["--listen", &taken], "cannot listen at"),
        (
            &["--listen", free, "--out", "/does/not/exist"],
            "cannot write to /does/not",
        ),
        (
            &["--listen", free, "--hello-out", "/does/not/exist"],
            "cannot write to /does/not",
        ),
        (
            &["--listen", free, "--opening-out", "/"],
            "cannot write to /",
        ),
    ] {
        let run = hotpool(&[&["capture"], arguments].concat()).await;
        assert_eq!((run.status, &*run.stdout), (Some(2), ""), "{run:?}");
        assert!(run.stderr.contains(wanted), "{run:?}");
    }
}

#[tokio::test]
async fn the_installed_chromium_could_be_its_profile() {
    let Some(mut version) = installed("chromium", "--version") else {
        return;
    };
    let version = version.arg("--version").output().await.unwrap();
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = version.split(['.', ' ']).nth(1).unwrap_or_default();
    let name = format!("chromium-{number}");
    if Profile::named(&name).is_err() {
        println!("SKIP: there is no profile for {version}");
        return;
    }
    let capturing = Capturing::start("chromium", &["--out", "OUT"]).await;
    let (out, hex) = (capturing.out.clone(), capturing.hellos.clone());
    let openings = capturing.openings.clone();
    let mut chromium = installed("chromium", "--version").unwrap();
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--disable-dev-shm-usage", "--ignore-certificate-errors"])
        .arg("--host-resolver-rules=MAP www.example.test 127.0.0.1")
        .arg(format!(
            "--user-data-dir={}/chromium",
            env!("CARGO_TARGET_TMPDIR")
        ))
        .arg("--dump-dom")
        .arg(format!("https://www.example.test:{}/", capturing.port));
    let browser = timeout(PATIENCE, chromium.output()).await.unwrap().unwrap();
    let page = String::from_utf8_lossy(&browser.stdout);
    assert!(page.contains("hotpool capture"), "{browser:?}");
    capturing.interrupt();
    let captured = capturing.ended().await;
    assert_eq!(captured.status, Some(0), "{captured:?}");
    let kept = read_openings(&openings);
    let agent = kept[0].requests()[0].header("user-agent").unwrap();
    let agent = String::from_utf8(agent.to_vec()).unwrap();
    assert!(agent.contains(" HeadlessChrome/"), "{agent}");
    // Without a window it says so, in this one place.
    let headless = derived(&name, json!({"values": {"user-agent": agent}}));
    assert_could_have_sent(&headless, &hex, &openings).await;
    assert_could_have_sent(&out, &hex, &openings).await;
    assert_kinds(
        &out,
        &[
            "navigation",
            "style",
            "script",
            "image",
            "iframe",
            "fetch",
            "websocket",
        ],
    );
    let run = hotpool(&[
        "profile",
        "check",
        &name,
        "--hello",
        &hex,
        "--opening",
        &openings,
    ])
    .await;
    let mut lines = run
        .stdout
        .lines()
        .filter(|line| !line.contains("could have been sent"));
    assert!(
        lines.all(|line| line.contains(", header user-agent: ")),
        "{run:?}"
    );
}

#[tokio::test]
async fn the_installed_firefox_could_be_its_profile() {
    let Some(mut version) = installed("firefox-esr", "--version") else {
        return;
    };
    let version = version.arg("--version").output().await.unwrap();
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = version
        .split([' ', '.'])
        .find(|word| word.parse::<u32>().is_ok());
    let name = format!("firefox-esr-{}", number.unwrap_or_default());
    if Profile::named(&name).is_err() {
        println!("SKIP: there is no profile for {version}");
        return;
    }
    let capturing = Capturing::start("firefox", &["--out", "OUT"]).await;
    let (out, hex) = (capturing.out.clone(), capturing.hellos.clone());
    let openings = capturing.openings.clone();
    let browser = Firefox::start().await;
    browser.visit(&capturing.url()).await;
    browser.quit().await;
    capturing.interrupt();
    let captured = capturing.ended().await;
    assert_eq!(captured.status, Some(0), "{captured:?}");
    for profile in [&name, &out] {
        assert_could_have_sent(profile, &hex, &openings).await;
    }
    assert_kinds(
        &out,
        &[
            "navigation",
            "style",
            "script",
            "image",
            "iframe",
            "fetch",
            "websocket",
        ],
    );
}

/// A file with a profile that is another one but for what its requests are.
fn derived(parent: &str, requests: serde_json::Value) -> String {
    let version = parent.rsplit('-').next().unwrap();
    let profile = json!({
        "name": "derived", "extends": parent, "requests": requests,
        "provenance": {"kind": "derived", "client": "x", "version": version, "os": "any", "date": "2026-11-20"},
    });
    file(&format!("derived-{parent}.json"), profile.to_string())
}

async fn assert_could_have_sent(profile: &str, hellos: &str, openings: &str) {
    let arguments = [
        "profile",
        "check",
        profile,
        "--hello",
        hellos,
        "--opening",
        openings,
    ];
    let run = hotpool(&arguments).await;
    assert_eq!(run.status, Some(0), "{run:?}");
}

/// One visit makes a browser send a request of each of these over HTTP/2, the WebSocket too.
fn assert_kinds(learned: &str, wanted: &[&str]) {
    let kinds = &object(learned)["requests"]["kinds"];
    for wanted in wanted {
        assert!(kinds[wanted]["http2"].is_array(), "{wanted}: {kinds}");
    }
}
