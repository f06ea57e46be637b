//! The fingerprints of the project's corpus, where it is at hand.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{bytes, frame, opening};
use crate::profile::{ClientHello, HelloError, Http2Opening};

/// The JA4 that the hellos of a browser have, by the corpus' README; without a server name `i` and one extension less.
const CHROMIUM: [&str; 4] = [
    "t13d1517h2_8daaf6152771_cb7bf5808d99",
    "t13d1518h2_8daaf6152771_e2d80978ab2e",
    "t13d1516h1_8daaf6152771_5b37b36a67c0",
    "t13i1516h2_8daaf6152771_cb7bf5808d99",
];
const FIREFOX: [&str; 8] = [
    "t13d1617h2_86a278354501_3cbfd9057e0d",
    "t13d1617h2_86a278354501_e6dcd7ae0a9e",
    "t13d1618h2_86a278354501_e7cacf613b58",
    "t13d1616h2_86a278354501_0c27189014cf",
    "t13d1616h2_86a278354501_e6d2851837fd",
    "t13d1617h2_86a278354501_55a84f4b0c3a",
    "t13i1616h2_86a278354501_3cbfd9057e0d",
    "t13i1616h2_86a278354501_e6dcd7ae0a9e",
];

pub(in crate::profile) fn corpus() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let found = [beside, "/work/shared/corpus"]
        .map(PathBuf::from)
        .into_iter()
        .find(|at| at.is_dir());
    if found.is_none() {
        println!("SKIP: the corpus is not at {beside}");
    }
    found
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text in {field}: {value}"))
}

fn array(path: &Path) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every capture of the `.jsonl` files, with the file's name.
fn captures(corpus: &Path) -> Vec<(String, Value)> {
    let files = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "jsonl")
    });
    let lines = files.flat_map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let lines = fs::read_to_string(&path).unwrap();
        let values = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        values
            .map(|value| (name.clone(), value))
            .collect::<Vec<_>>()
    });
    lines.collect()
}

/// The hello's fingerprints as (name in the corpus, text).
fn fingerprints(hello: &ClientHello) -> [(&'static str, String); 6] {
    [
        ("ja3", hello.ja3()),
        ("ja3_md5", hello.ja3_hash()),
        ("ja4", hello.ja4()),
        ("ja4_r", hello.ja4_r()),
        ("ja4_o", hello.ja4_o()),
        ("ja4_ro", hello.ja4_ro()),
    ]
}

#[test]
fn published_vectors() {
    let Some(corpus) = corpus() else { return };
    let vectors = array(&corpus.join("ja4-vectors.json"));
    assert_eq!(vectors.len(), 22);
    for vector in vectors {
        let source = text(&vector, "source");
        let mut message = bytes(text(&vector, "client_hello_hex"));
        let is_cut = source.ends_with("tls3.pcapng frame 143");
        if is_cut {
            // Published without the last four bytes, which name ALPN's `h3`, and so with `00` in JA4.
            assert_eq!(
                ClientHello::from_message(&message),
                Err(HelloError::Truncated)
            );
            message.extend(b"\x03\x02h3");
        }
        for (name, found) in fingerprints(&ClientHello::from_message(&message).expect(source)) {
            let mut expected = text(&vector, name).to_owned();
            if is_cut {
                expected = expected.replacen("q13d031000_", "q13d0310h3_", 1);
            }
            // Five hellos came over QUIC; but for the first letter that changes nothing.
            if let Some(rest) = expected.strip_prefix('q') {
                expected = format!("t{rest}");
            }
            assert_eq!(found, expected, "{name} of {source}");
        }
    }
}

#[test]
fn published_browsers() {
    let Some(corpus) = corpus() else { return };
    for capture in array(&corpus.join("browser-hellos.json")) {
        let records = bytes(text(&capture, "client_hello_record_hex"));
        for (name, found) in fingerprints(&ClientHello::from_records(&records).unwrap()) {
            assert_eq!(
                found,
                text(&capture, name),
                "{name} of {}",
                text(&capture, "profile")
            );
        }
    }
}

#[test]
fn captured_hellos() {
    let Some(corpus) = corpus() else { return };
    let captures = captures(&corpus);
    for (file, capture) in &captures {
        let name = format!("{file} {}", text(capture, "name"));
        let hello = ClientHello::from_records(&bytes(text(capture, "record_hex"))).expect(&name);
        assert_eq!(hello.server_name(), capture["sni"].as_str(), "{name}");
        let ja4 = hello.ja4();
        match file.as_str() {
            "chromium-156.jsonl" => assert!(CHROMIUM.contains(&&*ja4), "{name}: {ja4}"),
            "firefox-esr-153.jsonl" => assert!(FIREFOX.contains(&&*ja4), "{name}: {ja4}"),
            _ => {}
        }
        for (field, found) in fingerprints(&hello) {
            if let Some(expected) = capture[field].as_str() {
                assert_eq!(found, expected, "{field} of {name}");
            }
        }
    }
    println!("{} captured hellos", captures.len());
}

#[test]
fn captured_openings() {
    let Some(corpus) = corpus() else { return };
    let captures = captures(&corpus);
    let openings = captures
        .iter()
        .filter(|(_, capture)| capture["http2"].is_object());
    let mut seen = 0;
    for (file, capture) in openings {
        let parsed = Http2Opening::parse(&rebuild(&capture["http2"]));
        // A speculative connection has no request and, in the corpus, no fingerprint.
        let found = parsed.is_complete().then(|| parsed.akamai());
        let expected = capture["http2"]["akamai"].as_str();
        assert_eq!(
            found.as_deref(),
            expected,
            "{file} {}",
            text(capture, "name")
        );
        seen += 1;
    }
    println!("{seen} captured openings");
}

/// The bytes of a captured opening.
pub(super) fn rebuild(captured: &Value) -> Vec<u8> {
    let frames = captured["frames"].as_array().unwrap();
    opening(&frames.iter().map(rebuilt_frame).collect::<Vec<_>>())
}

fn rebuilt_frame(captured: &Value) -> Vec<u8> {
    let kind = match text(captured, "type") {
        "HEADERS" => 1,
        "SETTINGS" => 4,
        "GOAWAY" => 7,
        "WINDOW_UPDATE" => 8,
        other => panic!("frame type {other}"),
    };
    let flags = u8::from_str_radix(&text(captured, "flags")[2..], 16).unwrap();
    let stream = captured["stream"].as_u64().unwrap().try_into().unwrap();
    frame(kind, flags, stream, text(captured, "hex"))
}
