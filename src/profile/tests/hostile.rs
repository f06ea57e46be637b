//! No bytes make the parsers panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{chromium, firefox, frame, go, opening};
use crate::profile::{ClientHello, HelloCapture, HelloError, Http2Opening, Profile};

/// Calls everything that looks at the bytes of a hello.
fn read(records: &[u8]) {
    let message = records.get(5..).unwrap_or_default();
    for hello in [
        ClientHello::from_records(records),
        ClientHello::from_message(message),
    ] {
        match hello {
            Ok(hello) => {
                assert!(hello.ja4().len() >= 36);
                assert_eq!(hello.ja3_hash().len(), 32);
                let _ = (
                    hello.ja4_r(),
                    hello.ja4_o(),
                    hello.ja4_ro(),
                    format!("{hello:?}"),
                );
                compare(&hello);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Makes a profile of a hello, which sends it or is none, and compares it with what others send.
fn compare(hello: &ClientHello) {
    let capture = HelloCapture::new(hello.clone());
    if let Ok(profile) = Profile::from_captures("hostile", &[capture]) {
        for difference in profile.differences(hello, Some(hello)) {
            assert!(!difference.to_string().is_empty());
        }
        let again = Profile::from_json("hostile", &profile.to_json()).unwrap();
        assert_eq!(again.to_json(), profile.to_json());
    }
    for name in ["chrome", "firefox"] {
        let profile = Profile::named(name).unwrap();
        assert!(profile.differences(hello, None).len() < 100);
    }
}

/// Everything that looks at an opening.
fn read_opening(bytes: &[u8]) {
    let opening = Http2Opening::parse(bytes);
    let _ = (opening.akamai(), format!("{opening:?}"));
    for name in ["chrome", "firefox"] {
        let profile = Profile::named(name).unwrap();
        for difference in profile.opening_differences(&opening) {
            assert!(!difference.to_string().is_empty());
        }
    }
    if opening.is_complete() {
        let hello = ClientHello::from_records(&go()).unwrap();
        let mut capture = HelloCapture::new(hello);
        capture.opening = Some(opening);
        if let Ok(profile) = Profile::from_captures("hostile", &[capture]) {
            let again = Profile::from_json("hostile", &profile.to_json()).unwrap();
            assert_eq!(again.to_json(), profile.to_json());
        }
    }
}

fn hellos() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(chromium()), Just(firefox()), Just(go())]
}

/// Every frame type and flag that the parser looks at.
fn long_opening() -> Vec<u8> {
    opening(&[
        frame(4, 0, 0, "000100010000000200000000"),
        frame(8, 0, 0, "00ef0001"),
        frame(2, 0, 3, "00000000c8"),
        frame(1, 0x28, 1, "0280000000ff8241820000"),
        frame(9, 0, 1, "f1e3870002"),
        frame(9, 4, 1, "7878016284"),
    ])
}

proptest! {
    #[test]
    fn arbitrary_bytes(tail in vec(any::<u8>(), 0..600)) {
        read(&tail);
        read(&[&[22, 3, 1, 2, 0, 1, 0, 1, 252][..], &tail].concat());
        read_opening(&tail);
        read_opening(&opening(std::slice::from_ref(&tail)));
        let length = u32::try_from(tail.len()).unwrap().to_be_bytes();
        let headers = [&length[1..], &[1, 4, 0, 0, 0, 1], &tail].concat();
        read_opening(&opening(&[headers]));
    }

    #[test]
    fn mutated_hellos(
        mut hello in hellos(),
        changes in vec((any::<Index>(), any::<u8>()), 0..8),
        (cut, insertion) in (any::<Index>(), vec(any::<u8>(), 0..4)),
    ) {
        for (place, value) in changes {
            *place.get_mut(&mut hello) = value;
        }
        read(&hello);
        let place = cut.index(hello.len());
        read(&hello[..place]);
        hello.splice(place..place, insertion);
        read(&hello);
    }

    #[test]
    fn mutated_openings(
        changes in vec((any::<Index>(), any::<u8>()), 0..8),
        cut in any::<Index>(),
    ) {
        let mut sent = long_opening();
        for (place, value) in changes {
            *place.get_mut(&mut sent[24..]) = value;
        }
        read_opening(&sent);
        read_opening(&sent[..cut.index(sent.len())]);
    }
}

#[test]
fn every_truncation() {
    for hello in [chromium(), firefox(), go()] {
        for length in 0..hello.len() {
            let prefix = ClientHello::from_records(&hello[..length]);
            assert_eq!(prefix, Err(HelloError::Truncated), "{length}");
        }
        // The same within the message, whose lengths then contradict each other.
        for length in 4..hello.len() - 5 {
            let body = u32::try_from(length - 4).unwrap().to_be_bytes();
            let message = [&[1], &body[1..], &hello[9..length + 5]].concat();
            if let Err(error) = ClientHello::from_message(&message) {
                assert!(
                    matches!(error, HelloError::Malformed { .. }),
                    "{length}: {error}"
                );
            }
        }
    }
    let sent = long_opening();
    assert_eq!(
        Http2Opening::parse(&sent).akamai(),
        "1:65536;2:0|15663105|3:0:0:201|m,a,s,p"
    );
    for length in 0..sent.len() {
        assert!(
            !Http2Opening::parse(&sent[..length]).is_complete(),
            "{length}"
        );
    }
}
