//! Openings frame by frame.

use super::Http2Opening;
use super::frame::{
    ACK, CONTINUATION, END_HEADERS, HAS_PRIORITY, HEADERS, PADDED, PRIORITY, SETTINGS,
    WINDOW_UPDATE,
};
use crate::profile::StreamPriority;
use crate::profile::tests::{frame, opening};

fn pseudo_headers(opening: &Http2Opening) -> String {
    opening.pseudo_headers().collect()
}

#[test]
fn chromium() {
    let sent = opening(&[
        frame(
            SETTINGS,
            0,
            0,
            "000100010000000200000000000400600000000600040000",
        ),
        frame(WINDOW_UPDATE, 0, 0, "00ef0001"),
        frame(SETTINGS, ACK, 0, ""),
        frame(
            HEADERS,
            0x25,
            1,
            "80000000ff82418cf1e3c2e5f23a6ba0aba4a84f8784",
        ),
    ]);
    let parsed = Http2Opening::parse(&sent);
    let expected = "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p";
    assert_eq!(parsed.akamai(), expected);
    assert_eq!(parsed.length(), sent.len());
    let [request] = parsed.requests() else {
        panic!("{parsed:?}")
    };
    assert_eq!(request.stream(), 1);
    assert!(request.ends_stream() && request.settings_acknowledged());
    let priority = StreamPriority::from_bytes([0x80, 0, 0, 0, 255]);
    assert_eq!(request.priority(), Some(priority));
    assert_eq!(request.header(":authority"), Some(&b"www.example.test"[..]));
    let representations: Vec<_> = request
        .headers()
        .map(|each| each.representation())
        .collect();
    assert_eq!(
        representations,
        [
            "index 2",
            "incremental, name 1, value Huffman",
            "index 7",
            "index 4"
        ]
    );
    assert_eq!(request.block().len(), 17);
}

#[test]
fn later_requests_share_the_table() {
    let sent = opening(&[
        frame(SETTINGS, 0, 0, ""),
        frame(HEADERS, 4, 3, "828741016184"),
        frame(WINDOW_UPDATE, 0, 3, "00be0000"),
        frame(SETTINGS, ACK, 0, ""),
        frame(0, 0, 3, "6869"),
        // Trailers, with an entry of their own.
        frame(HEADERS, 5, 3, "400178017a"),
        frame(WINDOW_UPDATE, 0, 0, "00000005"),
        frame(PRIORITY, 0, 7, "00000000c8"),
        frame(HEADERS, 5, 5, "8287bf84be"),
        frame(99, 0, 0, ""),
        frame(WINDOW_UPDATE, 0, 5, "00be0000"),
    ]);
    let cut = [&sent[..], &[0, 0, 1, 0]].concat();
    let parsed = Http2Opening::parse(&cut);
    assert_eq!(parsed.length(), sent.len());
    assert_eq!(parsed.akamai(), "|00|0|m,s,a,p");
    let [first, second] = parsed.requests() else {
        panic!("{parsed:?}")
    };
    assert_eq!((first.stream(), second.stream()), (3, 5));
    assert_eq!(first.window_update(), Some(12_451_840));
    // Not directly behind its request: it is flow control.
    assert_eq!(second.window_update(), None);
    assert_eq!(
        (
            first.settings_acknowledged(),
            second.settings_acknowledged()
        ),
        (false, true)
    );
    assert_eq!((first.ends_stream(), second.ends_stream()), (false, true));
    assert_eq!(second.header(":authority"), Some(&b"a"[..]));
    assert_eq!(second.header("x"), Some(&b"z"[..]));
}

#[test]
fn nothing_but_a_request() {
    let sent = opening(&[
        frame(SETTINGS, 0, 0, ""),
        frame(HEADERS, 5, 1, "848241016187"),
    ]);
    assert_eq!(Http2Opening::parse(&sent).akamai(), "|00|0|p,m,a,s");
}

#[test]
fn priority_frames_are_listed() {
    let sent = opening(&[
        frame(PRIORITY, 0, 3, "00000000c8"),
        frame(PRIORITY, 0, 5, "8000000300"),
        frame(HEADERS, 5, 15, "82"),
    ]);
    assert_eq!(
        Http2Opening::parse(&sent).akamai(),
        "|00|3:0:0:201,5:1:3:1|m"
    );
}

#[test]
fn padding_priority_and_continuations_are_taken_off() {
    let sent = opening(&[
        frame(HEADERS, PADDED | HAS_PRIORITY, 1, "02000000000f8287ffff"),
        frame(CONTINUATION, 0, 1, "4101"),
        frame(CONTINUATION, END_HEADERS, 1, "6184"),
    ]);
    assert_eq!(pseudo_headers(&Http2Opening::parse(&sent)), "msap");
}

#[test]
fn an_error_ends_the_reading() {
    for error in [
        frame(SETTINGS, 0, 0, "0001000000"),
        frame(PRIORITY, 0, 3, "0000000000ff"),
        frame(WINDOW_UPDATE, 0, 0, "0000"),
        frame(HEADERS, PADDED, 1, "0382"),
        frame(HEADERS, END_HEADERS, 1, "8240"),
        frame(HEADERS, END_HEADERS, 1, "be"),
        [
            frame(HEADERS, 0, 1, "82"),
            frame(CONTINUATION, END_HEADERS, 3, "84"),
        ]
        .concat(),
    ] {
        let sent = opening(&[error, frame(HEADERS, END_HEADERS, 1, "82")]);
        assert_eq!(Http2Opening::parse(&sent), Http2Opening::default());
    }
    assert_eq!(
        Http2Opening::parse(b"GET / HTTP/1.1\r\n"),
        Http2Opening::default()
    );
}

/// An entry of four kilobytes, and blocks of a few bytes that name it a hundred times each.
#[test]
fn small_blocks_that_stand_for_much_are_not_read_for_ever() {
    let entry = format!("824001787fa11e{}", "61".repeat(4000));
    let again = "be".repeat(50);
    let mut frames = vec![frame(HEADERS, 5, 1, &entry)];
    frames.extend((1..500).map(|number| frame(HEADERS, 5, 2 * number + 1, &again)));
    let parsed = Http2Opening::parse(&opening(&frames));
    let read = parsed.requests().len();
    assert!((2..10).contains(&read), "{read}");
    let bomb = frame(HEADERS, 5, 3, &"be".repeat(100));
    let parsed = Http2Opening::parse(&opening(&[frame(HEADERS, 5, 1, &entry), bomb]));
    assert_eq!(parsed.requests().len(), 1);
}
