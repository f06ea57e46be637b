//! What costs whoever learns from it more than whoever sends it.

use super::hello;
use crate::profile::learn::trials::Trials;
use crate::profile::learn::{HelloCapture, hpack};
use crate::profile::tests::captures::captures;
use crate::profile::{Http2Opening, Profile};

/// Requests whose fields all have names of their own, sent in one literal form and the other by turns.
fn opening(requests: u32, fields: u32) -> Http2Opening {
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for request in 0..requests {
        let mut block = b"\x82\x87\x41\x01a\x84".to_vec();
        for field in 0..fields {
            let form = if (request + field).is_multiple_of(2) {
                0x00
            } else {
                0x10
            };
            let name = format!("x{field}");
            block.extend([form, u8::try_from(name.len()).unwrap()]);
            block.extend(name.as_bytes());
            block.extend(b"\x01v");
        }
        sent.extend(&u32::try_from(block.len()).unwrap().to_be_bytes()[1..]);
        sent.extend(b"\x01\x05");
        sent.extend((2 * request + 1).to_be_bytes());
        sent.extend(block);
    }
    let opening = Http2Opening::parse(&sent);
    assert_eq!(opening.requests().len(), usize::try_from(requests).unwrap());
    opening
}

#[test]
fn encoders_are_tried_so_often() {
    for (requests, fields) in [(40, 20), (1, 400), (5, 100), (1, 2000)] {
        let opening = opening(requests, fields);
        let mut trials = Trials::of(&[&opening]);
        hpack::by_trial(&mut trials);
        // The last trial, and what is not a trial of each round, may pass the limit.
        assert!(trials.written() <= 63_000, "{}", trials.written());
        assert!(!trials.are_whole(), "{requests} {fields}");
    }
}

#[test]
fn the_note_says_that_not_all_was_tried() {
    let hello = hello(&captures("curl-7.88.jsonl").remove(0));
    let capture = HelloCapture {
        opening: Some(opening(40, 20)),
        ..HelloCapture::new(hello)
    };
    let profile = Profile::from_captures("hostile", &[capture]).unwrap();
    let note = &profile.provenance().note;
    assert!(
        note.contains("more in the captures than was tried"),
        "{note}"
    );
}
