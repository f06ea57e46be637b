//! The examples of RFC 7692 §7.2.3, byte for byte.

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::wire::{frames, received, sent};
use crate::websocket::deflate::DeflateParameters;

const NO_TAKEOVER: DeflateParameters = DeflateParameters {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

fn texts(bytes: &[u8]) -> Vec<String> {
    let (messages, _) = received(Role::Client, DeflateParameters::default(), bytes);
    let text = |message: &Message| message.to_text().unwrap().to_owned();
    messages.iter().map(text).collect()
}

#[test]
fn hello_is_read() {
    for (what, bytes) in [
        (
            "§7.2.3.1, whole",
            &[0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        ),
        (
            "§7.2.3.1, in fragments",
            &[
                0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ),
        (
            "§7.2.3.3, a block without compression",
            &[
                0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
        ),
        (
            "§7.2.3.4, a final block",
            &[0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        ),
        (
            "a final block, without the byte that is to follow it",
            &[0xc1, 0x07, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        ),
        (
            "§7.2.3.5, two blocks",
            &[
                0xc1, 0x0d, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07,
                0x00,
            ],
        ),
        ("uncompressed", &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
    ] {
        assert_eq!(texts(bytes), ["Hello"], "{what}");
        // And nothing of it is in the next one's way.
        let again = [bytes, bytes].concat();
        assert_eq!(texts(&again), ["Hello", "Hello"], "{what}, twice");
    }
}

/// §7.2.3.2.
#[test]
fn the_second_hello_refers_to_the_first() {
    let first = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let second = [0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(texts(&[&first[..], &second].concat()), ["Hello", "Hello"]);
    let hello = || Message::text("Hello");
    for role in [Role::Client, Role::Server] {
        let bytes = sent(role, DeflateParameters::default(), 0, [hello(), hello()]);
        let payloads: Vec<_> = frames(&bytes)
            .into_iter()
            .map(|(_, payload)| payload)
            .collect();
        assert_eq!(payloads, [&first[2..], &second[2..]]);
        let bytes = sent(role, NO_TAKEOVER, 0, [hello(), hello()]);
        let payloads: Vec<_> = frames(&bytes)
            .into_iter()
            .map(|(_, payload)| payload)
            .collect();
        assert_eq!(payloads, [&first[2..], &first[2..]]);
    }
}

/// §7.2.3.6.
#[test]
fn nothing_is_one_byte() {
    let empty = || Message::binary(Vec::new());
    let hello = Message::text("Hello");
    let bytes = sent(
        Role::Server,
        DeflateParameters::default(),
        0,
        [empty(), empty(), hello, empty()],
    );
    let nothing = [0xc2, 0x01, 0x00];
    assert_eq!(&bytes[..6], [nothing, nothing].concat());
    assert_eq!(&bytes[bytes.len() - 3..], nothing);
    let (messages, _) = received(Role::Client, DeflateParameters::default(), &bytes);
    assert_eq!(
        messages.iter().map(Message::len).collect::<Vec<_>>(),
        [0, 0, 5, 0]
    );
    assert_eq!(texts(&[0xc1, 0x00]), [""]);
}

#[test]
fn what_a_client_sends_is_masked_and_a_server_s_is_not() {
    for (role, masked) in [(Role::Client, true), (Role::Server, false)] {
        let bytes = sent(
            role,
            NO_TAKEOVER,
            10,
            [Message::text("Hello"), Message::text("Hello, hello")],
        );
        let heads: Vec<_> = frames(&bytes).into_iter().map(|(head, _)| head).collect();
        assert!(heads.iter().all(|head| head.mask.is_some() == masked));
        let rsv1: Vec<_> = heads.iter().map(|head| head.first.rsv1()).collect();
        assert_eq!(rsv1, [false, true], "the small one stays as it is");
    }
}

#[test]
fn only_the_first_fragment_says_that_the_message_is_compressed() {
    let part = |text: &str, data, fin| {
        Message::Frame(Frame::message(text.to_owned(), OpCode::Data(data), fin))
    };
    let parts = [
        part("Hel", Data::Text, false),
        part("", Data::Continue, false),
        part("lo", Data::Continue, false),
        part("", Data::Continue, true),
    ];
    let bytes = sent(Role::Server, NO_TAKEOVER, 1000, parts);
    let firsts: Vec<_> = frames(&bytes)
        .iter()
        .map(|(head, _)| head.first.0)
        .collect();
    assert_eq!(firsts, [0x41, 0x00, 0x00, 0x80]);
    assert_eq!(texts(&bytes), ["Hello"]);
}
