//! What a stock WebSocket refuses it still refuses, for the same reason.

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::wire::{Held, read_all, received};
use crate::websocket::deflate::DeflateParameters;

/// Without its last byte it is a first fragment, inflated to nothing that would fill a frame.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn refused(role: Role, bytes: &[u8]) -> ProtocolError {
    let (messages, error) = received(role, DeflateParameters::default(), bytes);
    assert_eq!(messages, [], "{bytes:x?}");
    match error {
        Error::Protocol(error) => error,
        other => panic!("{other}: {bytes:x?}"),
    }
}

#[test]
fn reserved_bits_where_they_may_not_be() {
    for bytes in [
        &[0xc9, 0x00][..],
        &[0xc8, 0x00],
        // RSV2, RSV3, with and without RSV1.
        &[0xa1, 0x00],
        &[0x91, 0x00],
        &[0xe1, 0x00],
        &[0xd2, 0x00],
        // A continuation with RSV1, of a plain message, of a compressed one and of none.
        &[0x01, 0x00, 0xc0, 0x00],
        &[0x41, 0x00, 0xc0, 0x00],
        &[0xc0, 0x00],
        // A compressed message within a plain one.
        &[0x01, 0x00, 0xc1, 0x00],
    ] {
        assert_eq!(
            refused(Role::Client, bytes),
            ProtocolError::NonZeroReservedBits
        );
    }
}

#[test]
fn messages_within_messages() {
    let mut begun = vec![0x41, 0x06];
    begun.extend(&HELLO[..6]);
    for within in [0x81, 0x82, 0x01, 0xc1] {
        let bytes = [&begun[..], &[within, 0x00]].concat();
        let error = refused(Role::Client, &bytes);
        assert!(
            matches!(error, ProtocolError::ExpectedFragment(_)),
            "{error} {within:x}"
        );
    }
    let bytes = [&begun[..], &[0x83, 0x00]].concat();
    assert_eq!(
        refused(Role::Client, &bytes),
        ProtocolError::InvalidOpcode(3)
    );
    assert_eq!(
        refused(Role::Client, &[0x80, 0x00]),
        ProtocolError::UnexpectedContinueFrame
    );
}

#[test]
fn masks_that_are_missing_or_should_be() {
    let unmasked = [&[0xc1, 0x07][..], &HELLO].concat();
    let masked = [&[0xc1, 0x87, 0, 0, 0, 0][..], &HELLO].concat();
    assert_eq!(
        refused(Role::Server, &unmasked),
        ProtocolError::UnmaskedFrameFromClient
    );
    assert_eq!(
        refused(Role::Client, &masked),
        ProtocolError::MaskedFrameFromServer
    );
    assert_eq!(
        received(Role::Server, DeflateParameters::default(), &masked)
            .0
            .len(),
        1
    );
    assert_eq!(
        received(Role::Client, DeflateParameters::default(), &unmasked)
            .0
            .len(),
        1
    );
}

#[test]
fn no_text_that_is_not_utf_8() {
    // A stored block of one byte.
    let bytes = [0xc1, 0x07, 0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00];
    let (messages, error) = received(Role::Client, DeflateParameters::default(), &bytes);
    assert_eq!(messages, []);
    assert!(matches!(error, Error::Utf8(_)), "{error}");
}

/// Whatever has no RSV1 passes byte for byte.
mod plain {
    use proptest::prelude::*;

    use super::*;
    use crate::websocket::deflate::DeflateStream;

    proptest! {
        #[test]
        fn is_read_as_without_the_stream(
            pieces in prop::collection::vec(
                (prop_oneof![Just(0x81), Just(0x02), Just(0x80), Just(0x89), Just(0xa1), any::<u8>()], 0..300_usize),
                0..8,
            ),
            piece in 1..50_usize,
        ) {
            let mut given = Vec::new();
            for (first, length) in pieces {
                given.push(first & !0x40);
                match u8::try_from(length) {
                    Ok(short @ ..126) => given.push(short),
                    _ => given.extend([126, (length >> 8) as u8, length as u8]),
                }
                given.extend(vec![b'x'; length]);
            }
            let held = || Held { given: given.clone(), piece: Some(piece), ..Held::default() };
            let stream = DeflateStream::new(held(), Role::Client, DeflateParameters::default(), 0);
            let (through, why) = read_all(stream, Role::Client, None);
            let (directly, why_directly) = read_all(held(), Role::Client, None);
            prop_assert_eq!(through, directly);
            prop_assert_eq!(why.to_string(), why_directly.to_string());
        }
    }
}
