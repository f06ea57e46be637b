//! `hotpool profile`: what it prints, what it refuses, how it ends.

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

use hotpool::profile::{ClientHello, HelloCapture, Profile};
use run::{Run, command, file, finish, hotpool};
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

fn captures(text: &str) -> Vec<HelloCapture> {
    HelloCapture::from_text(text).unwrap()
}

fn assert_usage(run: &Run, wanted: &[&str]) {
    assert_eq!((run.status, &*run.stdout), (Some(2), ""), "{run:?}");
    for wanted in wanted {
        assert!(run.stderr.contains(wanted), "{wanted}: {run:?}");
    }
    assert!(!run.stderr.contains("panicked"), "{run:?}");
}

#[tokio::test]
async fn list_names_all_and_where_they_come_from() {
    let run = profile(&["list", "--json"]).await;
    let list = run.object();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), hotpool::profile::catalogue().unwrap().len());
    let of = |name: &str| list.iter().find(|object| object["name"] == name).unwrap();
    let chromium = of("chromium-156");
    let mut fields: Vec<_> = chromium.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "akamai", "aliases", "client", "date", "expired", "expires", "ja4", "kind", "kinds",
            "name", "os", "version"
        ]
    );
    assert_eq!(chromium["aliases"], json!(["chromium"]));
    assert_eq!(chromium["kind"], "captured");
    assert_eq!(chromium["client"], "Chromium");
    assert_eq!(chromium["ja4"], "t13d1517h2_8daaf6152771_cb7bf5808d99");
    assert_eq!(
        chromium["akamai"],
        "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"
    );
    assert_eq!(chromium["kinds"][0], "navigation");
    assert!(chromium["kinds"].as_array().unwrap().len() > 5);
    let rustls = of("rustls");
    assert_eq!(
        (&rustls["akamai"], &rustls["kinds"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(of("chrome-156")["kind"], "derived");
    assert_eq!(of("rustls")["expires"], Value::Null);

    let table = profile(&["list"]).await;
    assert_eq!(table.status, Some(0));
    assert_eq!(table.stdout.lines().count(), list.len() + 1);
    for object in list {
        let name = object["name"].as_str().unwrap();
        let line = table.stdout.lines().find(|line| line.starts_with(name));
        assert!(line.unwrap().contains(object["ja4"].as_str().unwrap()));
        let is_expired = object["expired"].as_bool().unwrap();
        let warning = format!("{name} expired on");
        assert_eq!(run.stderr.contains(&warning), is_expired, "{run:?}");
        assert_eq!(table.stderr.contains(&warning), is_expired, "{table:?}");
    }
}

#[tokio::test]
async fn show_writes_out_what_is_extended() {
    let run = profile(&["show", "chrome-153"]).await;
    assert_eq!(run.status, Some(0));
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(shown["name"], "chrome-153");
    assert_eq!(shown["extends"], Value::Null);
    assert_eq!(shown["client_hello"]["trust_anchor_order"], "shuffled");
    assert_eq!(shown["client_hello"]["extension_order"], "permuted");
    let missing = "cannot be delivered: cipher_suites: TLS_RSA_WITH_AES_128_CBC_SHA:";
    assert!(run.stderr.contains(missing), "{run:?}");

    // What is shown is a profile again.
    let copy = file("shown.json", &run.stdout);
    assert_eq!(output(&["diff", "chrome-153", &copy]).await, "");
}

#[tokio::test]
async fn an_expired_profile_is_used_and_warned_of() {
    let old = json!({
        "name": "old",
        "extends": "chromium",
        "provenance": {
            "kind": "derived", "client": "Chromium", "version": "1", "os": "any",
            "date": "2020-01-01", "expires": "2020-02-01",
        },
    });
    let old = file("expired.json", old.to_string());
    for arguments in [&["show", old.as_str()][..], &["hello", &old]] {
        let run = profile(arguments).await;
        assert_eq!(run.status, Some(0));
        assert!(run.stderr.contains("old expired on 2020-02-01"), "{run:?}");
    }
}

#[tokio::test]
async fn every_profiles_hellos_pass_its_own_check() {
    for name in [
        "chromium",
        "firefox-esr-153",
        "firefox",
        "chrome",
        "safari",
        "okhttp",
        "curl",
        "edge",
    ] {
        let mut text = String::new();
        for more in [
            &["--count", "5"][..],
            &["--sni", "127.0.0.1"],
            &["--sni", "a.example", "--alpn", "http/1.1"],
            &["--retry", "secp384r1"],
        ] {
            text += &output(&[&["hello", name], more].concat()).await;
        }
        text += &output(&["hello", name, "--resumed"]).await;
        let digits = |line: &str| {
            line.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        assert!(text.lines().all(digits), "{name}");
        let hellos = file(&format!("{name}.hex"), &text);
        let run = profile(&["check", name, "--hello", &hellos]).await;
        assert_eq!((run.status, &*run.stderr), (Some(0), ""), "{run:?}");
        let own = Profile::named(name).unwrap();
        let verdict = format!("{hellos}:1: could have been sent by {}", own.name());
        assert_eq!(run.stdout.lines().next(), Some(&*verdict));
        assert_eq!(run.stdout.lines().count(), captures(&text).len());
    }
}

#[tokio::test]
async fn hello_does_as_its_flags_say() {
    let text = output(&["hello", "chromium", "--count", "3"]).await;
    let drawn = captures(&text);
    assert_eq!((text.lines().count(), drawn.len()), (3, 3));
    assert_ne!(drawn[0].hello.random(), drawn[1].hello.random());
    assert_eq!(drawn[0].hello.server_name(), Some("www.example.test"));

    let text = output(&["hello", "chromium", "--retry", "secp384r1", "--count", "2"]).await;
    let drawn = captures(&text);
    assert_eq!((text.lines().count(), drawn.len()), (4, 2));
    let retry = drawn[1].retry.as_ref().unwrap();
    assert_eq!(retry.key_share_groups(), [0x0018]);

    let one = async |more: &[&str]| {
        let text = output(&[&["hello", "chromium"], more].concat()).await;
        captures(&text).remove(0).hello
    };
    let hello = one(&["--sni", "other.example", "--alpn", "http/1.1"]).await;
    assert_eq!(hello.server_name(), Some("other.example"));
    assert_eq!(hello.alpn_protocols().collect::<Vec<_>>(), [b"http/1.1"]);
    let hello = one(&["--alpn", "h2,http/1.1"]).await;
    assert_eq!(hello.alpn_protocols().count(), 2);
    for address in ["192.0.2.1", "2001:db8::1"] {
        assert_eq!(one(&["--sni", address]).await.server_name(), None);
    }
    assert!(one(&["--resumed"]).await.extension(41).is_some());
    assert!(one(&[]).await.extension(41).is_none());
}

#[tokio::test]
async fn rustls_sends_its_own_hello() {
    let text = output(&[
        "hello",
        "rustls",
        "--sni",
        "a.example",
        "--alpn",
        "http/1.1",
    ])
    .await;
    let hello = captures(&text).remove(0).hello;
    assert_eq!(hello.server_name(), Some("a.example"));
    assert_eq!(hello.alpn_protocols().collect::<Vec<_>>(), [b"http/1.1"]);
    let both = output(&["hello", "rustls"]).await;
    assert_eq!(captures(&both)[0].hello.alpn_protocols().count(), 2);
    for flags in [&["--resumed"][..], &["--retry", "secp384r1"]] {
        let run = profile(&[&["hello", "rustls"], flags].concat()).await;
        assert_usage(&run, &["rustls's own hello"]);
    }
    let hellos = file("rustls.hex", &both);
    let run = profile(&["check", "rustls", "--hello", &hellos]).await;
    assert_usage(&run, &["rustls fixes no hello"]);
}

#[tokio::test]
async fn a_hello_that_no_server_can_cause_is_refused() {
    for (flags, wanted) in [
        (
            &["--retry", "x25519"][..],
            "sends a key share of x25519 at once",
        ),
        (&["--retry", "secp521r1"], "does not offer secp521r1"),
        (&["--retry", "nonsense"], "nonsense is no group"),
    ] {
        let run = profile(&[&["hello", "chromium"], flags].concat()).await;
        assert_usage(&run, &[wanted]);
    }
    // The same client, had it no pre-shared key.
    let mut document: Value =
        serde_json::from_str(&Profile::named("okhttp").unwrap().to_json()).unwrap();
    let extensions = document["client_hello"]["extensions"].as_array_mut();
    extensions
        .unwrap()
        .retain(|extension| extension != "pre_shared_key");
    let without = file("no-psk.json", document.to_string());
    let run = profile(&["hello", &without, "--resumed"]).await;
    assert_usage(&run, &["says nothing of resumption"]);
}

#[tokio::test]
async fn a_client_is_learned_from_its_hellos() {
    let hellos = file(
        "twenty.hex",
        output(&["hello", "chromium", "--count", "20"]).await,
    );
    let learned = output(&["from-hello", &hellos]).await;
    let document: Value = serde_json::from_str(&learned).unwrap();
    assert_eq!(document["client_hello"]["extension_order"], "permuted");
    assert_eq!(document["provenance"]["kind"], "captured");
    let learned = file("twenty.json", &learned);
    let fresh = file(
        "fresh.hex",
        output(&["hello", "chromium", "--count", "10"]).await,
    );
    let run = profile(&["check", &learned, "--hello", &fresh, &hellos]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    // Hellos offer HTTP/2 and do not show it.
    assert!(run.stderr.contains("stock h2"), "{run:?}");
    let lines = run.stdout.lines();
    let verdict = |line: &&str| line.ends_with(": could have been sent by captured");
    assert_eq!(lines.filter(verdict).count(), 30, "{run:?}");

    // The same client in two files, and as bytes.
    let bytes = captures_as_bytes(&output(&["hello", "firefox"]).await);
    let raw = file("firefox.bin", &bytes);
    let more = file(
        "firefox.hex",
        output(&["hello", "firefox", "--count", "4"]).await,
    );
    let learned = file("firefox.json", output(&["from-hello", &raw, &more]).await);
    let run = profile(&["check", &learned, "--hello", &raw]).await;
    assert_eq!(
        run.stdout.lines().last(),
        Some(&*format!("{raw}:1: could have been sent by captured"))
    );

    let run = profile(&["from-hello", &hellos, &raw]).await;
    assert_usage(
        &run,
        &["hellos of different clients: their cipher suites differ"],
    );
}

fn captures_as_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.trim().chars().collect();
    let pair = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[tokio::test]
async fn check_says_where_a_hello_is_another_clients() {
    let hellos = ["chromium", "firefox"]
        .map(|name| async move { format!("# a comment\n\n{}", output(&["hello", name]).await) });
    let [ours, theirs] = hellos;
    let ours = file("ours.hex", ours.await);
    let theirs = file("theirs.hex", theirs.await);
    let run = profile(&["check", "chromium", "--hello", &ours, &theirs]).await;
    assert_eq!(run.status, Some(1));
    let mut lines = run.stdout.lines();
    let verdict = format!("{ours}:3: could have been sent by chromium-156");
    assert_eq!(lines.next(), Some(&*verdict));
    let rest: Vec<_> = lines.collect();
    let is_difference = |line: &&str| {
        line.starts_with(&format!("{theirs}:3: "))
            && line.contains(": expected ")
            && line.contains(", found ")
    };
    assert!(
        !rest.is_empty() && rest.iter().all(is_difference),
        "{rest:?}"
    );
    let suites = format!("{theirs}:3: cipher_suites: expected GREASE");
    assert!(
        rest.iter().any(|line| line.starts_with(&suites)),
        "{rest:?}"
    );
}

#[tokio::test]
async fn diff_tells_what_differs() {
    assert_eq!(output(&["diff", "chromium", "chromium-156"]).await, "");
    let run = profile(&["diff", "chrome-156", "chromium"]).await;
    assert_eq!(run.status, Some(1));
    // Chrome is Chromium but for one brand.
    assert!(
        run.stdout.starts_with("requests.values.sec-ch-ua: "),
        "{run:?}"
    );
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    let run = profile(&["diff", "chromium", "chrome-153"]).await;
    assert_eq!(run.status, Some(1));
    let mut lines = run.stdout.lines();
    assert_eq!(
        lines.next(),
        Some("client_hello.trust_anchor_order: nothing | shuffled")
    );
    assert!(lines.all(|line| line.starts_with("requests.values.")));
    let run = profile(&["diff", "firefox-156", "firefox-esr-153"]).await;
    assert_eq!(run.status, Some(1));
    assert!(
        run.stdout
            .contains("client_hello.supported_groups[5]: + ffdhe2048"),
        "{run:?}"
    );
    let run = profile(&["diff", "rustls", "chromium"]).await;
    assert!(
        run.stdout
            .contains("client_hello.extension_order: nothing | permuted"),
        "{run:?}"
    );
    let run = profile(&["diff", "chromium", "firefox-esr-153"]).await;
    for wanted in [
        "http2.settings.INITIAL_WINDOW_SIZE: 6291456 | 131072",
        "http2.settings.order[3]: MAX_HEADER_LIST_SIZE | MAX_FRAME_SIZE",
        "http2.connection_window_update: 15663105 | 12517377",
        "http2.stream_window_update: nothing | 12451840",
        "requests.kinds.navigation.priority.weight: 256 | 42",
        "requests.values.sec-ch-ua-mobile: ?0 | nothing",
    ] {
        assert!(
            run.stdout.lines().any(|line| line == wanted),
            "{wanted}: {}",
            run.stdout
        );
    }
}

#[tokio::test]
async fn a_broken_profile_is_told_by_file_field_and_fault() {
    let with = |patch: Value| {
        let mut document = json!({
            "name": "x",
            "extends": "chromium",
            "provenance": {
                "kind": "derived", "client": "x", "version": "1", "os": "any",
                "date": "2026-11-20",
            },
        });
        for (field, value) in patch.as_object().unwrap() {
            document[field] = value.clone();
        }
        document.to_string()
    };
    for (name, content, wanted) in [
        ("no-json", "{".to_owned(), "no JSON"),
        ("unknown-field", with(json!({"shape": 1})), "shape"),
        (
            "no-parent",
            with(json!({"extends": "nobody"})),
            "extends: there is no profile nobody",
        ),
        (
            "wrong-type",
            with(json!({"client_hello": {"alpn": [1]}})),
            "client_hello.alpn[0]: invalid type",
        ),
        (
            "wrong-suite",
            with(json!({"client_hello": {"cipher_suites": ["TLS_AES_128_GCM_SHA256", "x"]}})),
            "client_hello.cipher_suites[1]: ",
        ),
    ] {
        let path = file(&format!("{name}.json"), content);
        for arguments in [&["show", path.as_str()][..], &["diff", "chrome", &path]] {
            assert_usage(&profile(arguments).await, &[&path, wanted]);
        }
    }
}

#[test]
fn the_formats_description_shows_a_profile() {
    let text = include_str!("../fingerprints/README.md");
    let example = text.split("```json").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let profile = Profile::from_json("README.md", example).unwrap();
    assert_eq!(&**profile.name(), "my-client-2");
    let fields = Profile::named("chromium").unwrap().to_json();
    let fields: Value = serde_json::from_str(&fields).unwrap();
    for part in ["client_hello", "http2", "requests"] {
        for field in fields[part].as_object().unwrap().keys() {
            assert!(text.contains(&format!("| `{field}` |")), "{field}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_usage_error() {
    let good = file("good.hex", output(&["hello", "chromium"]).await);
    let digits = file("digits.hex", "\n1603010x");
    let short = file("short.hex", "1603010200");
    let other = file("other.bin", b"\xff\x00");
    let empty = file("empty.hex", "# nothing\n");
    for (arguments, wanted) in [
        (&["show", "nobody"][..], "there are chrome, chrome-151"),
        (
            &["show", "/does/not/exist.json"],
            "/does/not/exist.json: cannot be read",
        ),
        (&["hello", "chromium", "--sni", "a b"], "--sni"),
        (
            &["from-hello", "/does/not/exist"],
            "cannot read /does/not/exist",
        ),
        (
            &["from-hello", &digits],
            "digits.hex:2: no hex: 'x' is character 8",
        ),
        (
            &["from-hello", &good, &short],
            "short.hex:1: truncated ClientHello",
        ),
        (
            &["from-hello", &other],
            "other.bin: neither hex nor TLS records",
        ),
        (
            &["check", "chromium", "--hello", &empty],
            "there is no hello in it",
        ),
        (
            &["check", "chromium", "--hello", &good, "/no"],
            "cannot read /no",
        ),
        (
            &["check", "nobody", "--hello", &good],
            "there is none of this name",
        ),
        (&["check", "chromium", "--hello"], "--hello"),
        (&["diff", "chrome", "nobody"], "there is none of this name"),
        (&["nonsense"], "nonsense"),
    ] {
        assert_usage(&profile(arguments).await, &[wanted]);
    }
    let run = command(&["profile", "from-hello", "-"]);
    assert_usage(&finish(run, "zz").await, &["standard input:1: no hex"]);
}

#[tokio::test]
async fn a_record_may_be_cut_into_many() {
    let bytes = captures_as_bytes(&output(&["hello", "firefox"]).await);
    let cut: Vec<u8> = bytes[5..]
        .chunks(100)
        .flat_map(|part| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat())
        .collect();
    let whole = ClientHello::from_records(&bytes).unwrap();
    assert_eq!(ClientHello::from_records(&cut), Ok(whole));
    let cut = file("cut.bin", cut);
    let run = profile(&["check", "firefox", "--hello", &cut]).await;
    assert_eq!(run.status, Some(0), "{run:?}");
}
