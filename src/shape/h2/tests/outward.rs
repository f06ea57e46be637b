//! What becomes of the frames that h2 writes.

use std::num::NonZeroU32;
use std::sync::Arc;

use proptest::prelude::*;

use super::client::shaping;
use super::pieces::{Pieces, read, write};
use super::server::{Fields, Frame};
use super::templates::{chromium, firefox, okhttp};
use crate::error::ErrorKind;
use crate::profile::hpack::{Decoder, Encoder, Field, HeaderBlock, HuffmanUse, Policy};
use crate::profile::http2::Http2Template;
use crate::shape::h2::Http2Peer;
use crate::shape::h2::head::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HAS_PRIORITY, HEADERS, PREFACE,
    SETTINGS, WINDOW_UPDATE,
};

const RST_STREAM: u8 = 3;
const PING: u8 = 6;

/// As h2 encodes.
pub(super) fn h2_encoder() -> Encoder {
    let policy = Policy {
        name_huffman: HuffmanUse::Always,
        value_huffman: HuffmanUse::Always,
        ..Policy::clone(&okhttp().hpack)
    };
    Encoder::new(Arc::new(policy))
}

pub(super) fn block(encoder: &mut Encoder, fields: &[(&str, &str)]) -> Vec<u8> {
    let fields = fields
        .iter()
        .map(|(name, value)| Field::new(name.as_bytes(), value.as_bytes()));
    let mut block = Vec::new();
    encoder.encode(fields, &mut block);
    block
}

pub(super) const REQUEST: [(&str, &str); 7] = [
    (":method", "POST"),
    (":scheme", "https"),
    (":authority", "www.example.test"),
    (":path", "/somewhere"),
    ("user-agent", "one"),
    ("hotpool-stream-priority", "80000000ff"),
    ("accept", "*/*"),
];

/// A connection of h2's: an opening, two requests, and one of everything else.
fn dialogue() -> Vec<u8> {
    let mut encoder = h2_encoder();
    let long = "long ".repeat(11_000);
    let request = block(&mut encoder, &REQUEST);
    let large = block(
        &mut encoder,
        &[
            &REQUEST[..4],
            &[(":protocol", "websocket"), ("x-long", &long)],
        ]
        .concat(),
    );
    let trailers = block(
        &mut encoder,
        &[("x-sum", "1"), ("hotpool-stream-priority", "x")],
    );
    let (first, rest) = large.split_at(10_000);
    let (second, third) = rest.split_at(10_000);
    let frames = [
        Frame::new(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 7]),
        Frame::new(WINDOW_UPDATE, 0, 0, &12_517_377_u32.to_be_bytes()),
        Frame::new(SETTINGS, ACK, 0, &[]),
        Frame::new(HEADERS, END_HEADERS, 1, &request),
        Frame::new(DATA, 0, 1, &[7; 5000]),
        Frame::new(DATA, 0, 1, &[8; 100]),
        Frame::new(WINDOW_UPDATE, 0, 1, &9_u32.to_be_bytes()),
        Frame::new(WINDOW_UPDATE, 0, 0, &9_u32.to_be_bytes()),
        Frame::new(HEADERS, END_STREAM, 3, first),
        Frame::new(CONTINUATION, 0, 3, second),
        Frame::new(CONTINUATION, END_HEADERS, 3, third),
        Frame::new(DATA, 0, 1, &[]),
        Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, &trailers),
        Frame::new(RST_STREAM, 0, 3, &8_u32.to_be_bytes()),
        Frame::new(PING, ACK, 0, &[5; 8]),
        Frame::new(GOAWAY, 0, 0, &[0, 0, 0, 2, 0, 0, 0, 0, b'x']),
    ];
    let bytes = frames.iter().flat_map(Frame::to_bytes);
    PREFACE.iter().copied().chain(bytes).collect()
}

/// What of `template`'s goes out when h2 writes `bytes` in such pieces, and the wire takes it in such pieces.
fn sent(template: Http2Template, bytes: &[u8], cuts: &[usize], plan: &[usize]) -> Vec<u8> {
    let wire = Pieces::new(Vec::new(), plan.to_vec());
    let mut stream = shaping(template, wire, &Arc::new(Http2Peer::new()));
    write(&mut stream, bytes, cuts).unwrap();
    stream.into_io().written.concat()
}

fn frames(sent: &[u8]) -> Vec<Frame> {
    Frame::all(sent.strip_prefix(PREFACE).unwrap())
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Fields {
    let mut fields = HeaderBlock::default();
    decoder.decode(block, &mut fields).unwrap();
    let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    let fields = fields.fields();
    fields
        .map(|field| (text(field.name), field.value.to_vec()))
        .collect()
}

fn names(fields: &Fields) -> Vec<&str> {
    fields.iter().map(|(name, _)| &**name).collect()
}

#[test]
fn firefox_frame_by_frame() {
    let frames = frames(&sent(firefox(), &dialogue(), &[], &[]));
    let mut decoder = Decoder::new(1 << 20);
    let heads: Vec<_> = frames
        .iter()
        .map(|frame| (frame.kind, frame.flags, frame.stream, frame.payload.len()))
        .collect();
    let request = frames[3].payload.len();
    let large: usize = frames[9..12].iter().map(|frame| frame.payload.len()).sum();
    let trailers = frames[14].payload.len();
    let expected = [
        (SETTINGS, 0, 0, 24),
        (WINDOW_UPDATE, 0, 0, 4),
        (SETTINGS, ACK, 0, 0),
        (HEADERS, END_HEADERS | HAS_PRIORITY, 3, request),
        (WINDOW_UPDATE, 0, 3, 4),
        (DATA, 0, 3, 5000),
        (DATA, 0, 3, 100),
        (WINDOW_UPDATE, 0, 3, 4),
        (WINDOW_UPDATE, 0, 0, 4),
        (HEADERS, END_STREAM, 5, 16_384),
        (CONTINUATION, 0, 5, 16_384),
        (CONTINUATION, END_HEADERS, 5, large - 32_768),
        (WINDOW_UPDATE, 0, 5, 4),
        (DATA, 0, 3, 0),
        (HEADERS, END_HEADERS | END_STREAM, 3, trailers),
        (RST_STREAM, 0, 5, 4),
        (PING, ACK, 0, 8),
        (GOAWAY, 0, 0, 9),
    ];
    assert_eq!(heads, expected);

    let (priority, block) = frames[3].payload.split_at(5);
    assert_eq!(priority, [0x80, 0, 0, 0, 0xff]);
    let fields = decode(&mut decoder, block);
    let order = [
        ":method",
        ":path",
        ":authority",
        ":scheme",
        "user-agent",
        "accept",
    ];
    assert_eq!(names(&fields), order);
    assert_eq!(frames[4].payload, 12_451_840_u32.to_be_bytes());
    assert_eq!(frames[8].payload, 9_u32.to_be_bytes());
    let block: Vec<u8> = frames[9..12]
        .iter()
        .flat_map(|frame| frame.payload.clone())
        .collect();
    let fields = decode(&mut decoder, &block);
    let order = [
        ":method",
        ":path",
        ":authority",
        ":scheme",
        ":protocol",
        "x-long",
    ];
    assert_eq!(names(&fields), order);
    assert_eq!(names(&decode(&mut decoder, &frames[14].payload)), ["x-sum"]);
}

#[test]
fn the_opening_leaves_in_one_write_and_not_before_it_is_whole() {
    let bytes = [
        PREFACE,
        &Frame::new(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 7]).to_bytes(),
    ]
    .concat();
    let peer = Arc::new(Http2Peer::new());
    let mut stream = shaping(firefox(), Pieces::default(), &peer);
    for byte in &bytes {
        assert_eq!(stream.io().written, [[0; 0]; 0]);
        write(&mut stream, &[*byte], &[]).unwrap();
    }
    let [opening] = &stream.io().written[..] else {
        panic!("{:?}", stream.io().written);
    };
    assert_eq!(frames(opening).len(), 2);
    let request = block(&mut h2_encoder(), &REQUEST);
    let request = Frame::new(HEADERS, END_HEADERS, 1, &request).to_bytes();
    write(&mut stream, &request, &[]).unwrap();
    // HEADERS and the stream's WINDOW_UPDATE together.
    assert_eq!(stream.io().written.len(), 2);
    assert_eq!(Frame::all(&stream.io().written[1]).len(), 2);
    assert_eq!(
        peer.opening().unwrap().akamai(),
        "1:65536;2:0;4:131072;5:16384|12517377|0|m,p,a,s"
    );
}

#[test]
fn every_cut_in_two_gives_the_same() {
    let bytes = dialogue();
    let whole = sent(firefox(), &bytes, &[], &[]);
    // All in the small frames at both ends, some in the large ones between them.
    let (first, last) = (600, bytes.len() - 200);
    for cut in (1..first)
        .chain((first..last).step_by(97))
        .chain(last..bytes.len())
    {
        let cuts = [cut, usize::MAX];
        assert!(sent(firefox(), &bytes, &cuts, &[]) == whole, "cut at {cut}");
    }
}

#[test]
fn byte_by_byte_gives_the_same() {
    let bytes = dialogue();
    for template in [chromium, firefox, okhttp] {
        let whole = sent(template(), &bytes, &[], &[]);
        assert!(sent(template(), &bytes, &[1], &[]) == whole);
        assert!(sent(template(), &bytes, &[1], &[0, 1]) == whole);
        assert!(sent(template(), &bytes, &[], &[1, 0]) == whole);
    }
}

proptest! {
    #[test]
    fn any_pieces_give_the_same(
        cuts in prop::collection::vec(1_usize..3000, 1..20),
        plan in prop::collection::vec(0_usize..3000, 1..20),
    ) {
        prop_assume!(plan.iter().any(|piece| *piece > 0));
        let bytes = dialogue();
        let whole = sent(firefox(), &bytes, &[], &[]);
        prop_assert!(sent(firefox(), &bytes, &cuts, &plan) == whole);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(1_usize..30, 1..9)) {
        let bytes = [PREFACE, &bytes].concat();
        let mut stream = shaping(firefox(), Pieces::default(), &Arc::new(Http2Peer::new()));
        let _ = write(&mut stream, &bytes, &cuts);
    }
}

#[test]
fn large_data_is_passed_on_where_it_lies_with_what_waits_before_it() {
    let request = block(&mut h2_encoder(), &REQUEST);
    let head = [
        PREFACE,
        &Frame::new(SETTINGS, 0, 0, &[]).to_bytes(),
        &Frame::new(HEADERS, END_HEADERS, 1, &request).to_bytes(),
        &Frame::new(DATA, 0, 1, &[9; 16_384]).to_bytes(),
    ]
    .concat();
    let mut stream = shaping(chromium(), Pieces::default(), &Arc::new(Http2Peer::new()));
    write(&mut stream, &head, &[]).unwrap();
    let lengths: Vec<_> = stream.io().written.iter().map(Vec::len).collect();
    assert_eq!(lengths.len(), 1, "{lengths:?}");
    assert!(
        stream.staged_capacity() < 2048,
        "{}",
        stream.staged_capacity()
    );
}

#[test]
fn what_waits_leaves_before_the_end() {
    use std::pin::Pin;
    use tokio::io::AsyncWrite;
    let bytes = [PREFACE, &Frame::new(SETTINGS, 0, 0, &[]).to_bytes()].concat();
    let wire = Pieces::new(Vec::new(), vec![0, 7]);
    let mut stream = shaping(chromium(), wire, &Arc::new(Http2Peer::new()));
    let taken = super::pieces::ready(|cx| Pin::new(&mut stream).poll_write(cx, &bytes));
    assert_eq!(taken.unwrap(), bytes.len());
    super::pieces::ready(|cx| {
        let done = Pin::new(&mut stream).poll_shutdown(cx);
        assert_eq!(done.is_ready(), stream.io().shut_down);
        done
    })
    .unwrap();
    assert_eq!(frames(&stream.io().written.concat()).len(), 2);
}

/// The server's SETTINGS with this table size arrive, and h2 acknowledges them.
fn resized(stream: &mut crate::shape::h2::Http2Stream<Pieces>, size: u32, decoder: &mut Decoder) {
    let settings = [&[0, 1][..], &size.to_be_bytes()].concat();
    stream
        .io_mut()
        .incoming
        .extend(Frame::new(SETTINGS, 0, 0, &settings).to_bytes());
    read(stream, &[]).unwrap();
    write(stream, &Frame::new(SETTINGS, ACK, 0, &[]).to_bytes(), &[]).unwrap();
    decoder.set_table_limit(size);
}

#[test]
fn table_sizes_take_effect_with_the_acknowledgement() {
    for template in [chromium(), firefox()] {
        let mut stream = shaping(template, Pieces::default(), &Arc::new(Http2Peer::new()));
        let (mut h2, mut server) = (h2_encoder(), Decoder::new(1 << 20));
        let hello = [PREFACE, &Frame::new(SETTINGS, 0, 0, &[]).to_bytes()].concat();
        write(&mut stream, &hello, &[]).unwrap();
        for (number, size) in [0, 4096, 100, 65_536, 0, 0, 300, 4096]
            .into_iter()
            .enumerate()
        {
            resized(&mut stream, size, &mut server);
            h2.set_table_limit(size.min(4096));
            if number == 4 {
                // Two at once before the next block.
                continue;
            }
            for _ in 0..3 {
                let request = block(&mut h2, &REQUEST);
                stream.io_mut().written.clear();
                let frame = Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, &request);
                write(&mut stream, &frame.to_bytes(), &[]).unwrap();
                let sent = Frame::all(&stream.io().written.concat());
                let fields = decode(&mut server, &sent[0].payload[5..]);
                assert_eq!(fields.len(), 6, "size {size}");
            }
        }
    }
}

/// The server's table was empty in between, though h2 heeds only the last entry (RFC 7541 §4.2).
#[test]
fn the_smallest_size_of_one_settings_frame_is_told() {
    let mut stream = shaping(chromium(), Pieces::default(), &Arc::new(Http2Peer::new()));
    let settings = [[0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0x10, 0]].concat();
    stream.io_mut().incoming = Frame::new(SETTINGS, 0, 0, &settings).to_bytes();
    read(&mut stream, &[]).unwrap();
    let request = block(&mut h2_encoder(), &REQUEST);
    let bytes = [
        PREFACE,
        &Frame::new(SETTINGS, 0, 0, &[]).to_bytes(),
        &Frame::new(SETTINGS, ACK, 0, &[]).to_bytes(),
        &Frame::new(HEADERS, END_HEADERS, 1, &request).to_bytes(),
    ]
    .concat();
    write(&mut stream, &bytes, &[]).unwrap();
    let sent = frames(&stream.io().written.concat());
    // 0, then 4096.
    assert_eq!(sent[3].payload[5..9], [0x20, 0x3f, 0xe1, 0x1f]);
}

#[test]
fn later_settings_of_h2_keep_the_wires_window() {
    let later = Frame::new(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1, 0, 4, 0, 0xc0, 0, 0]);
    let small = Frame::new(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 7]);
    let bytes = [dialogue(), later.to_bytes(), small.to_bytes()].concat();
    let sent = frames(&sent(firefox(), &bytes, &[], &[]));
    let [.., later, small] = &sent[..] else {
        panic!();
    };
    let window = 0x00c0_0000_u32 - 12_451_840;
    assert_eq!(later.payload[..6], [0, 3, 0, 0, 0, 1]);
    assert_eq!(later.payload[8..], window.to_be_bytes());
    assert_eq!(small.payload[2..], [0; 4]);
}

#[test]
fn a_stream_id_beyond_the_last_is_an_error_that_says_so() {
    let request = block(&mut h2_encoder(), &REQUEST);
    let last = Frame::new(HEADERS, END_HEADERS, 0x7fff_ffff, &request);
    let bytes = [
        PREFACE,
        &Frame::new(SETTINGS, 0, 0, &[]).to_bytes(),
        &last.to_bytes(),
    ]
    .concat();
    let mut stream = shaping(firefox(), Pieces::default(), &Arc::new(Http2Peer::new()));
    let error = write(&mut stream, &bytes, &[]).unwrap_err();
    let error = error
        .get_ref()
        .unwrap()
        .downcast_ref::<crate::Error>()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::ClosedLocally);
    assert!(error.to_string().contains("no stream ids left"), "{error}");
}

#[test]
fn a_window_that_was_announced_in_parts_is_credited() {
    let mut template = chromium();
    template.connection_window_update = NonZeroU32::new(10);
    let update = |increment: u32| Frame::new(WINDOW_UPDATE, 0, 0, &increment.to_be_bytes());
    let bytes = [
        PREFACE,
        &Frame::new(SETTINGS, 0, 0, &[]).to_bytes(),
        &update(32_767).to_bytes(),
        &update(5).to_bytes(),
    ]
    .concat();
    let sent = frames(&sent(template, &bytes, &[], &[]));
    assert_eq!(sent[1..], [update(10), update(5)]);
}
