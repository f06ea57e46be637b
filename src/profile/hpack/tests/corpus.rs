//! Every header block of the corpus, where it is at hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::policies::{chromium, firefox, go, huffman_always, nghttp2};
use super::{Owned, decoder, encode, encoder, hex, owned};
use crate::profile::hpack::{Coding, HeaderBlock, Indexing, NameForm, Policy, Representation};

const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// What a client sent on one connection: the blocks with what the corpus says of them.
struct Connection {
    name: String,
    blocks: Vec<(Vec<u8>, Value)>,
}

fn corpus() -> Option<PathBuf> {
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

fn connections(file: &str) -> Vec<Connection> {
    let Some(corpus) = corpus() else {
        return Vec::new();
    };
    let lines = fs::read_to_string(corpus.join(file)).unwrap();
    let captures = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    captures
        .filter(|capture: &Value| capture["http2"].is_object())
        .map(|capture| {
            let blocks = blocks(&capture["http2"]["frames"]);
            let requests = capture["http2"]["requests"].as_array().unwrap().clone();
            assert_eq!(blocks.len(), requests.len());
            Connection {
                name: format!("{file} {}", capture["name"]),
                blocks: blocks.into_iter().zip(requests).collect(),
            }
        })
        .collect()
}

/// The header blocks among the frames (RFC 9113 §6.2, §6.10).
fn blocks(frames: &Value) -> Vec<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for frame in frames.as_array().unwrap() {
        let mut payload = hex(frame["hex"].as_str().unwrap());
        let flags = u8::from_str_radix(&frame["flags"].as_str().unwrap()[2..], 16).unwrap();
        match frame["type"].as_str().unwrap() {
            "HEADERS" => {
                assert_eq!(flags & PADDED, 0);
                let priority = if flags & PRIORITY == 0 { 0 } else { 5 };
                blocks.push(payload.split_off(priority));
            }
            "CONTINUATION" => blocks.last_mut().unwrap().append(&mut payload),
            _ => {}
        }
    }
    blocks
}

/// As the corpus writes it.
fn spelled(representation: Representation) -> String {
    let coding = |coding| match coding {
        Coding::Raw => "raw",
        Coding::Huffman => "huff",
    };
    match representation {
        Representation::Indexed(index) => format!("idx({index})"),
        Representation::Literal {
            indexing,
            name,
            value,
        } => {
            let indexing = match indexing {
                Indexing::Incremental => "inc",
                Indexing::Without => "noidx",
                Indexing::Never => "never",
            };
            let name = match name {
                NameForm::Index(index) => format!("name=idx{index}"),
                NameForm::Literal(name) => format!("name=lit,n:{}", coding(name)),
            };
            format!("{indexing}({name},v:{})", coding(value))
        }
    }
}

fn stated(request: &Value) -> Vec<Owned> {
    let headers = request["headers"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().as_bytes().to_vec();
    headers
        .map(|header| (text(&header[0]), text(&header[1]), false))
        .collect()
}

/// Decodes each block, compares it with what the corpus says, and encodes it as `policy` does. The number of blocks, and those that
/// came out differently.
fn replay(file: &str, policy: &Policy) -> (usize, Vec<String>) {
    let (mut seen, mut different) = (0, Vec::new());
    let mut fields = HeaderBlock::default();
    for connection in connections(file) {
        let (mut decoder, mut encoder) = (decoder(), encoder(policy.clone()));
        for (block, request) in &connection.blocks {
            decoder.decode(block, &mut fields).expect(&connection.name);
            assert_eq!(owned(&fields), stated(request), "{}", connection.name);
            let found: Vec<_> = fields.representations().map(spelled).collect();
            let expected: Vec<_> = request["hpack"]
                .as_array()
                .unwrap()
                .iter()
                .map(|text| text.as_str().unwrap())
                .collect();
            assert_eq!(found, expected, "{}", connection.name);
            if encode(&mut encoder, &owned(&fields)) != *block {
                different.push(connection.name.clone());
            }
            seen += 1;
        }
    }
    (seen, different)
}

fn assert_exact(file: &str, policy: &Policy, blocks: usize) {
    let (seen, different) = replay(file, policy);
    assert_eq!(different, Vec::<String>::new());
    println!("{file}: {seen} blocks, all the same");
    assert!(seen == blocks || seen == 0, "{seen} blocks");
}

#[test]
fn chromium_byte_for_byte() {
    assert_exact("chromium-156.jsonl", &chromium(), 173);
}

#[test]
fn firefox_byte_for_byte() {
    assert_exact("firefox-esr-153.jsonl", &firefox(), 183);
}

#[test]
fn other_clients_byte_for_byte() {
    assert_exact("curl-7.88.jsonl", &nghttp2(), 6);
    assert_exact("node-20-http2.jsonl", &nghttp2(), 12);
    assert_exact("go-1.19.jsonl", &go(), 6);
    assert_exact("python-httpx.jsonl", &huffman_always(), 6);
    assert_exact("reqwest-rustls.jsonl", &huffman_always(), 12);
    assert_exact("safari-26-emulated.jsonl", &nghttp2(), 7);
}

/// Chromium and Firefox must not be mistaken for one another, or the test above shows nothing.
#[test]
fn the_browsers_differ() {
    for (file, policy) in [
        ("chromium-156.jsonl", firefox()),
        ("firefox-esr-153.jsonl", chromium()),
    ] {
        let (seen, different) = replay(file, &policy);
        assert_eq!(seen, different.len(), "{file}");
    }
}

/// The evidence for the policies, as counts.
#[test]
fn counts() {
    for file in ["chromium-156.jsonl", "firefox-esr-153.jsonl"] {
        let mut counts = BTreeMap::new();
        for (block, _) in connections(file).iter().flat_map(|found| &found.blocks) {
            let mut fields = HeaderBlock::default();
            decoder().decode(block, &mut fields).unwrap();
            for (field, representation) in fields.fields().zip(fields.representations()) {
                let Representation::Literal { name, value, .. } = representation else {
                    continue;
                };
                let mut count = |what, text: &[u8], coding| {
                    let coded = crate::profile::hpack::huffman::encoded_length(text);
                    let key = (what, coded.cmp(&text.len()), coding == Coding::Huffman);
                    *counts.entry(key).or_insert(0) += 1;
                };
                count("value", field.value, value);
                if let NameForm::Literal(name) = name {
                    count("name", field.name, name);
                }
            }
        }
        for ((what, than_raw, huffman), count) in counts {
            println!("{file}: {what}, coded is {than_raw:?}, huffman {huffman}: {count}");
        }
    }
}
