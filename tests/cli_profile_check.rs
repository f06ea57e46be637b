//! `hotpool profile check`: what a profile is held against besides hellos: itself, and openings.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking, and uses its own part of what is shared"
)]

#[path = "cli/run.rs"]
mod run;

use hotpool::profile::Profile;
use run::{Run, file, hotpool};
use serde_json::{Value, json};

async fn profile(arguments: &[&str]) -> Run {
    hotpool(&[&["profile"], arguments].concat()).await
}

/// Standard output of a run that went well.
async fn output(arguments: &[&str]) -> String {
    let run = profile(arguments).await;
    assert_eq!((run.status, &*run.stderr), (Some(0), ""), "{arguments:?}");
    run.stdout
}

fn assert_usage(run: &Run, wanted: &[&str]) {
    assert_eq!((run.status, &*run.stdout), (Some(2), ""), "{run:?}");
    for wanted in wanted {
        assert!(run.stderr.contains(wanted), "{wanted}: {run:?}");
    }
}

/// Chromium, had it another's name.
fn liar() -> String {
    let liar = json!({
        "name": "liar", "extends": "chromium", "requests": {"values": {"user-agent": "Mozilla/5.0 Firefox/153.0"}},
        "provenance": {"kind": "derived", "client": "x", "version": "1", "os": "any", "date": "2026-11-20"},
    });
    liar.to_string()
}

#[tokio::test]
async fn a_profile_is_checked_for_contradictions_alone() {
    let sound = output(&["check", "chromium"]).await;
    assert_eq!(sound, "chromium-156: does not contradict itself\n");
    let path = file("liar-alone.json", liar());
    let run = profile(&["check", &path]).await;
    assert_eq!((run.status, &*run.stderr), (Some(1), ""), "{run:?}");
    assert!(!run.stdout.is_empty());
    let mut lines = run.stdout.lines();
    assert!(lines.all(|line| line.starts_with("liar: ")), "{run:?}");
    // What fits all the same does not make it sound.
    let hellos = file("liar.hex", output(&["hello", "chromium"]).await);
    let run = profile(&["check", &path, "--hello", &hellos]).await;
    assert_eq!(run.status, Some(1), "{run:?}");
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, format!("{hellos}:1: could have been sent by liar"));
}

#[tokio::test]
async fn a_profile_without_a_hello_is_held_against_openings() {
    let shown = Profile::named("chromium").unwrap().to_json();
    let mut document: Value = serde_json::from_str(&shown).unwrap();
    // Nor requests, by which it would call itself a browser that has a hello of its own.
    for part in ["client_hello", "requests"] {
        document.as_object_mut().unwrap().remove(part);
    }
    let bare = file("no-hello.json", document.to_string());
    for (client, status) in [("chromium-156", 0), ("firefox-esr-153", 1)] {
        let opening = file(&format!("no-hello-{client}.hex"), kept_opening(client));
        let run = profile(&["check", &bare, "--opening", &opening]).await;
        assert_eq!(run.status, Some(status), "{run:?}");
        assert!(run.stdout.starts_with(&opening), "{run:?}");
    }
    let hellos = file("no-hello.hex", output(&["hello", "chromium"]).await);
    let run = profile(&["check", &bare, "--hello", &hellos]).await;
    assert_usage(&run, &["fixes no hello"]);
}

#[tokio::test]
async fn an_opening_is_held_against_the_profile() {
    let hellos = file("with-opening.hex", output(&["hello", "chromium"]).await);
    let [chromium, firefox] = ["chromium-156", "firefox-esr-153"].map(kept_opening);
    let pairs = chromium.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let opening: Vec<u8> = pairs.map(byte).collect();
    let check = async |profile_: &str, opening: &str| {
        let arguments = ["check", profile_, "--hello", &hellos, "--opening", opening];
        profile(&arguments).await
    };
    for opening in [
        file("opening.bin", &opening),
        file("opening.hex", format!("\n{chromium}\n")),
    ] {
        let run = check("chromium", &opening).await;
        assert_eq!((run.status, &*run.stderr), (Some(0), ""), "{run:?}");
        let last = run.stdout.lines().last().unwrap();
        assert!(last.starts_with(&opening), "{run:?}");
        assert!(
            last.ends_with(": could have been sent by chromium-156"),
            "{run:?}"
        );
    }
    let both = file("opening-both.hex", format!("{chromium}\n{firefox}\n"));
    let run = check("chromium", &both).await;
    assert_eq!(run.status, Some(1), "{run:?}");
    for wanted in [
        format!("{both}:1: could have been sent"),
        format!("{both}:2: SETTINGS: expected HEADER_TABLE_SIZE 65536, "),
        format!("{both}:2: WINDOW_UPDATE: expected 15663105, found 12517377"),
        format!("{both}:2: request on stream 3, pseudo-headers: expected :method, :authority, "),
        format!("{both}:2: request on stream 3, header user-agent: expected Mozilla"),
    ] {
        assert!(run.stdout.contains(&wanted), "{wanted}: {run:?}");
    }
    // It can be told what it is held against, and what it is not.
    let run = profile(&["check", "rustls", "--opening", &both]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    let wanted = "rustls says nothing of HTTP/2, so the opening 1:65536;2:0;4:6291456;6:262144";
    assert!(run.stderr.contains(wanted), "{run:?}");
    let run = check(&file("liar.json", liar()), &both).await;
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stdout.starts_with("liar: "), "{run:?}");
    for (name, content, wanted) in [
        (
            "cut",
            &opening[..opening.len() - 1],
            ":1: the opening is cut short",
        ),
        ("nothing", b"", "there is no opening in it"),
        ("odd", b"505", ":1: no hex"),
        ("hello", b"160301", ":1: no HTTP/2 opening"),
        ("binary", b"\xff\xfe", "neither hex nor an HTTP/2 opening"),
    ] {
        let opening = file(&format!("opening-{name}"), content);
        let arguments = [
            "check",
            "chromium",
            "--hello",
            &hellos,
            "--opening",
            &opening,
        ];
        assert_usage(&profile(&arguments).await, &[&opening, wanted]);
    }
}

/// A kept opening of a browser.
fn kept_opening(client: &str) -> String {
    let kept = include_str!("captures/openings.jsonl").lines();
    let mut kept = kept.map(|line| serde_json::from_str::<Value>(line).unwrap());
    // A window says nothing of being headless.
    let is_wanted = |line: &Value| {
        line["client"] == client && line["name"].as_str().unwrap().starts_with("headful")
    };
    let line = kept.find(is_wanted).unwrap();
    line["opening_hex"].as_str().unwrap().to_owned()
}
