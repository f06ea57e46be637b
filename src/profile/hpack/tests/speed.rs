//! What a request costs: `cargo test --release --lib shape::h2::hpack::tests::speed -- --ignored --nocapture`.

use std::hint::black_box;

use tokio::time::Instant;

use super::policies::{chromium, firefox, huffman_always};
use super::{Owned, borrowed, decoder, encode, encoder};
use crate::profile::hpack::text::Text;
use crate::profile::hpack::{HeaderBlock, Policy, huffman};

const ROUNDS: u32 = 20_000;

/// Chromium's navigation, as in the corpus.
const NAVIGATION: [(&str, &str); 17] = [
    (":method", "GET"),
    (":authority", "www.example.test"),
    (":scheme", "https"),
    (":path", "/some/page?of=usual&length=1"),
    (
        "sec-ch-ua",
        "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"",
    ),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/jxl,image/avif,image/webp,image/apng,*/*;q=0.8,\
         application/signed-exchange;v=b3;q=0.7",
    ),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
    ("priority", "u=0, i"),
];

/// The least of several runs: others use this machine.
fn nanoseconds(mut round: impl FnMut()) -> f64 {
    let run = |round: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..ROUNDS / 20).for_each(|_| round());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS / 20)
    };
    let runs = (0..20).map(|_| run(&mut round));
    runs.fold(f64::INFINITY, f64::min)
}

fn measure(name: &str, policy: &Policy) {
    let fields: Vec<Owned> = NAVIGATION
        .map(|(name, value)| (name.into(), value.into(), false))
        .into();
    let mut h2 = encoder(huffman_always());
    let first = encode(&mut h2, &fields);
    let later = encode(&mut h2, &fields);
    let mut block = HeaderBlock::default();
    let mut out = Vec::new();

    let fresh = nanoseconds(|| {
        black_box((decoder(), encoder(policy.clone())));
    });
    let decode_first = nanoseconds(|| {
        let mut decoder = decoder();
        decoder.decode(black_box(&first), &mut block).unwrap();
    });
    let encode_first = nanoseconds(|| {
        out.clear();
        encoder(policy.clone()).encode(borrowed(&fields), &mut out);
        black_box(&out);
    });
    let size = out.len();
    let (mut decoder, mut encoder) = (decoder(), encoder(policy.clone()));
    decoder.decode(&first, &mut block).unwrap();
    encoder.encode(block.fields(), &mut out);
    let decode_later = nanoseconds(|| {
        decoder.decode(black_box(&later), &mut block).unwrap();
    });
    let encode_later = nanoseconds(|| {
        out.clear();
        encoder.encode(black_box(&block).fields(), &mut out);
    });
    println!(
        "{name}: new connection {fresh:.0} ns; first block ({} -> {size} bytes, new tables included) decode {decode_first:.0} + \
         encode {encode_first:.0} ns; later ({} -> {} bytes) decode {decode_later:.0} + encode {encode_later:.0} ns",
        first.len(),
        later.len(),
        out.len(),
    );
}

#[test]
#[ignore = "a measurement"]
fn strings() {
    for (name, text) in NAVIGATION {
        let length = huffman::encoded_length(text.as_bytes());
        let mut coded = Text::default();
        huffman::encode(text.as_bytes(), length, &mut coded);
        let mut out = Text::default();
        let measure = nanoseconds(|| {
            black_box(huffman::encoded_length(black_box(text.as_bytes())));
        });
        let encode = nanoseconds(|| {
            out.clear();
            huffman::encode(black_box(text.as_bytes()), length, &mut out);
        });
        let decode = nanoseconds(|| {
            out.clear();
            huffman::decode(black_box(coded.as_slice()), &mut out).unwrap();
        });
        println!(
            "{name}: {} bytes, length {measure:.0}, encode {encode:.0}, decode {decode:.0} ns",
            text.len()
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn transcoding() {
    measure("chromium", &chromium());
    measure("firefox", &firefox());
}
