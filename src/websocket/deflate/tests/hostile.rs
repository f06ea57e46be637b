//! Peers that mean harm, or whose bytes got damaged.

use std::io;

use flate2::{Compress, Compression, FlushCompress};
use futures_util::{FutureExt, StreamExt};
use proptest::prelude::*;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::wire::{Held, received};
use crate::websocket::deflate::{DeflateParameters, DeflateStream, INFLATED_CHUNK};

const MEBIBYTE: usize = 1024 * 1024;

fn refused(bytes: &[u8]) -> io::Error {
    let (messages, error) = received(Role::Client, DeflateParameters::default(), bytes);
    assert_eq!(messages, []);
    match error {
        Error::Io(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_not_deflated_is_refused_and_told_so() {
    for bytes in [
        // A block of a type that there is not, one whose length is not its complement's, one that refers to before the first byte.
        &[0xc1, 0x01, 0xff][..],
        &[0xc1, 0x05, 0x00, 0x05, 0x00, 0x00, 0x00],
        &[0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00],
    ] {
        let error = refused(bytes);
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let text = error.to_string();
        assert!(
            text.starts_with("permessage-deflate: the message is not deflated data: "),
            "{text}"
        );
    }
}

#[test]
fn what_came_before_is_delivered() {
    let hello = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let bytes = [&[0x81, 0x02, b'h', b'i'], &hello[..], &[0xc1, 0x01, 0xff]].concat();
    let (messages, error) = received(Role::Client, DeflateParameters::default(), &bytes);
    assert_eq!(messages, ["hi", "Hello"].map(Message::text));
    assert!(error.to_string().contains("not deflated data"), "{error}");
}

#[test]
fn a_length_of_64_bits_is_refused() {
    let error = refused(&[0xc1, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("highest bit"), "{error}");
}

/// A mebibyte of zeros, over and over: each time the same bytes, since what they refer to is the same.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(MEBIBYTE);
    Compress::new(Compression::best(), false)
        .compress_vec(&vec![0; MEBIBYTE], &mut deflated, FlushCompress::Sync)
        .unwrap();
    assert!(deflated.len() < 2000, "{}", deflated.len());
    let payload = deflated.repeat(mebibytes);
    let mut bytes = vec![0xc2, 0x7f];
    bytes.extend((payload.len() as u64).to_be_bytes());
    bytes.extend(payload);
    bytes
}

#[test]
fn a_bomb_gets_no_further_than_the_limit_for_messages() {
    let given = bomb(1024);
    let held = Held {
        given,
        ..Held::default()
    };
    let parameters = DeflateParameters::default();
    let stream = DeflateStream::new(held, Role::Client, parameters, 0);
    let config = WebSocketConfig::default().max_message_size(Some(MEBIBYTE));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config))
        .now_or_never()
        .unwrap();
    let error = socket.next().now_or_never().unwrap().unwrap().unwrap_err();
    let Error::Capacity(CapacityError::MessageTooLong { size, .. }) = error else {
        panic!("{error}");
    };
    assert!(size <= MEBIBYTE + INFLATED_CHUNK, "{size}");
    let stream = socket.get_ref();
    // Of the mebibyte on the wire: what is read at once into the reader's buffer, and not more.
    assert!(
        stream.get_ref().at <= 128 * 1024 + 16 * 1024,
        "{}",
        stream.get_ref().at
    );
    assert!(
        stream.inbound_memory() < 200 * 1024,
        "{}",
        stream.inbound_memory()
    );
}

/// Without a limit for messages: all of it comes, and memory here is the same.
#[test]
fn memory_does_not_depend_on_what_comes() {
    use tokio::io::AsyncReadExt;

    let given = bomb(64);
    let held = Held {
        given,
        ..Held::default()
    };
    let mut stream = DeflateStream::new(held, Role::Client, DeflateParameters::default(), 0);
    let mut room = vec![0; 100_000];
    let mut total = 0;
    loop {
        let read = stream.read(&mut room).now_or_never().unwrap().unwrap();
        if read == 0 {
            break;
        }
        total += read;
        assert!(
            stream.inbound_memory() < 200 * 1024,
            "{}",
            stream.inbound_memory()
        );
    }
    assert!(total > 64 * MEBIBYTE, "{total}");
    assert!(
        stream.inbound_memory() <= 4096,
        "{}",
        stream.inbound_memory()
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        begins in prop::sample::select(vec![&[][..], &[0xc1, 0x7e, 1, 0], &[0xc2, 0xfe, 1, 0, 1, 2, 3, 4], &[0x41, 20]]),
        is_client: bool,
        bits in 8..=15_u8,
    ) {
        let bytes = [begins, &bytes].concat();
        let role = if is_client { Role::Client } else { Role::Server };
        let parameters = DeflateParameters {
            server_max_window_bits: bits,
            client_max_window_bits: bits,
            ..DeflateParameters::default()
        };
        received(role, parameters, &bytes);
    }
}
