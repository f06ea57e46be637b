//! What h2 reads of what the server sends.

use std::sync::Arc;

use proptest::prelude::*;

use super::client::shaping;
use super::pieces::{Pieces, read};
use super::server::Frame;
use super::templates::{chromium, firefox};
use crate::error::ErrorKind;
use crate::shape::h2::Http2Peer;
use crate::shape::h2::head::{
    DATA, END_HEADERS, GOAWAY, HAS_PRIORITY, HEADERS, PADDED, PRIORITY, SETTINGS, WINDOW_UPDATE,
};

const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;

/// Frames of the wire, and what they are for h2 where the first stream is 3.
fn frames() -> Vec<(Frame, Frame)> {
    let same = |frame: Frame| (frame.clone(), frame);
    let moved = |kind, flags, wire, h2, payload: &[u8]| {
        (
            Frame::new(kind, flags, wire, payload),
            Frame::new(kind, flags, h2, payload),
        )
    };
    let prioritized = |kind, flags, wire: [&[u8]; 3], h2: [&[u8]; 3]| {
        (
            Frame::new(kind, flags, 7, &wire.concat()),
            Frame::new(kind, flags, 5, &h2.concat()),
        )
    };
    let go_away = |wire: u32, h2: u32| {
        let frame = |last: u32| {
            Frame::new(
                GOAWAY,
                0,
                0,
                &[&last.to_be_bytes()[..], b"\0\0\0\0bye"].concat(),
            )
        };
        (frame(wire), frame(h2))
    };
    vec![
        same(Frame::new(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9])),
        same(Frame::new(SETTINGS, 1, 0, &[])),
        moved(HEADERS, END_HEADERS, 3, 1, &[0x88]),
        moved(DATA, 0, 3, 1, &[3; 700]),
        moved(DATA, PADDED, 5, 3, &[2, 0, 0]),
        moved(DATA, 0, 3, 1, &[]),
        moved(WINDOW_UPDATE, 0, 0x7fff_ffff, 0x7fff_fffd, &[0, 0, 0, 1]),
        same(Frame::new(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        moved(PUSH_PROMISE, END_HEADERS, 5, 3, &[0, 0, 0, 4, 0x82]),
        same(Frame::new(HEADERS, END_HEADERS, 4, &[0x88])),
        moved(DATA, 0, 1, 0x7fff_ffff, b"idle"),
        prioritized(
            PRIORITY,
            0,
            [&[0x80, 0, 0, 5], &[9], &[]],
            [&[0x80, 0, 0, 3], &[9], &[]],
        ),
        prioritized(
            HEADERS,
            HAS_PRIORITY | END_HEADERS,
            [&[0, 0, 0, 5], &[9], &[0x88]],
            [&[0, 0, 0, 3], &[9], &[0x88]],
        ),
        prioritized(
            HEADERS,
            HAS_PRIORITY | PADDED | END_HEADERS,
            [&[1, 0, 0, 0, 5], &[9], &[0x88, 0]],
            [&[1, 0, 0, 0, 3], &[9], &[0x88, 0]],
        ),
        // Too short for what its flags say: an error, and h2's to find.
        moved(HEADERS, HAS_PRIORITY | END_HEADERS, 3, 1, &[1, 2, 3]),
        go_away(0x7fff_ffff, 0x7fff_ffff),
        same(Frame::new(PING, 0, 0, &[4; 8])),
        go_away(5, 3),
        go_away(1, 0),
    ]
}

fn wire() -> Vec<u8> {
    frames()
        .iter()
        .flat_map(|(wire, _)| wire.to_bytes())
        .collect()
}

fn expected() -> Vec<u8> {
    frames().iter().flat_map(|(_, h2)| h2.to_bytes()).collect()
}

/// What h2 reads into buffers of such sizes when the wire gives such pieces.
fn heard(bytes: &[u8], sizes: &[usize], plan: &[usize]) -> Vec<u8> {
    let wire = Pieces::new(bytes.to_vec(), plan.to_vec());
    let peer = Arc::new(Http2Peer::new());
    let heard = read(&mut shaping(firefox(), wire, &peer), sizes).unwrap();
    if bytes.len() == self::wire().len() {
        assert_eq!(peer.max_concurrent_streams(), 9);
        assert_eq!(peer.last_stream_id(), Some(0));
    }
    heard
}

#[test]
fn ids_are_h2s() {
    let heard = heard(&wire(), &[], &[]);
    for (found, (_, expected)) in Frame::all(&heard).iter().zip(frames()) {
        assert_eq!(*found, expected);
    }
    assert_eq!(heard, expected());
}

#[test]
fn every_cut_in_two_gives_the_same() {
    let (wire, expected) = (wire(), expected());
    for cut in 1..wire.len() {
        assert!(
            heard(&wire, &[cut, 4096], &[]) == expected,
            "buffer of {cut}"
        );
        assert!(
            heard(&wire, &[], &[cut, 4096]) == expected,
            "piece of {cut}"
        );
    }
}

#[test]
fn byte_by_byte_gives_the_same() {
    assert!(heard(&wire(), &[1], &[]) == expected());
    assert!(heard(&wire(), &[], &[1, 0]) == expected());
    assert!(heard(&wire(), &[1], &[0, 1]) == expected());
}

/// What is whole is in h2's ids; the beginning of a head is handed on as it is.
#[test]
fn an_end_anywhere_takes_nothing_away() {
    let (wire, expected) = (wire(), expected());
    for end in 0..wire.len() {
        let heard = heard(&wire[..end], &[], &[5]);
        assert_eq!(heard.len(), end);
        let whole = end.saturating_sub(14);
        assert!(heard[..whole] == expected[..whole], "end at {end}");
    }
}

proptest! {
    #[test]
    fn any_pieces_give_the_same(
        sizes in prop::collection::vec(1_usize..100, 1..20),
        plan in prop::collection::vec(0_usize..100, 1..20),
    ) {
        prop_assume!(plan.iter().any(|piece| *piece > 0));
        prop_assert!(heard(&wire(), &sizes, &plan) == expected());
    }

    #[test]
    fn no_bytes_panic_or_are_lost(
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        sizes in prop::collection::vec(1_usize..40, 1..9),
        plan in prop::collection::vec(1_usize..40, 1..9),
    ) {
        let wire = Pieces::new(bytes.clone(), plan);
        let mut stream = shaping(firefox(), wire, &Arc::new(Http2Peer::new()));
        prop_assert_eq!(read(&mut stream, &sizes).unwrap().len(), bytes.len());
    }
}

#[test]
fn without_an_offset_nothing_is_changed() {
    let (wire, peer) = (Pieces::new(wire(), vec![7]), Arc::new(Http2Peer::new()));
    let mut stream = shaping(chromium(), wire, &peer);
    assert_eq!(read(&mut stream, &[]).unwrap(), self::wire());
    assert_eq!(peer.last_stream_id(), Some(1));
}

#[test]
fn settings_without_end_are_an_error_that_says_so() {
    let settings = Frame::new(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]).to_bytes();
    let peer = Arc::new(Http2Peer::new());
    let mut stream = shaping(
        firefox(),
        Pieces::new(settings.repeat(10_000), vec![]),
        &peer,
    );
    let error = read(&mut stream, &[]).unwrap_err();
    let error = error
        .get_ref()
        .unwrap()
        .downcast_ref::<crate::Error>()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::ProtocolViolation);
    assert!(error.to_string().contains("SETTINGS"), "{error}");
}
