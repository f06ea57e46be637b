//! Where the transport cuts makes no difference.

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::wire::{Held, read_all, received, received_in_pieces, sent};
use crate::websocket::deflate::{DeflateParameters, DeflateStream};

fn messages() -> Vec<Message> {
    vec![
        Message::text("small"),
        Message::text("compressed ".repeat(20)),
        Message::Ping("ping".into()),
        Message::binary(vec![7; 300]),
        Message::text("small"),
        Message::binary(Vec::new()),
        Message::text("compressed ".repeat(30)),
    ]
}

#[test]
fn reads_in_pieces_of_any_size() {
    let parameters = DeflateParameters::default();
    for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
        let bytes = sent(from, parameters, 10, messages());
        for piece in 1..=bytes.len() {
            let (got, _) = received_in_pieces(to, parameters, &bytes, Some(piece));
            assert_eq!(got, messages(), "{piece}");
        }
    }
}

#[test]
fn a_transport_that_ends_at_any_byte() {
    let parameters = DeflateParameters::default();
    let bytes = sent(Role::Server, parameters, 10, messages());
    let mut most = 0;
    for end in 0..bytes.len() {
        let (got, error) = received(Role::Client, parameters, &bytes[..end]);
        assert_eq!(got, messages()[..got.len()], "{end}");
        assert!(got.len() >= most && got.len() < messages().len(), "{end}");
        assert!(
            error.to_string().contains("without closing handshake"),
            "{error}"
        );
        most = got.len();
    }
    assert_eq!(most, messages().len() - 1);
}

/// The reader's buffer is as small as can be.
#[test]
fn reads_of_one_byte() {
    use futures_util::FutureExt;
    use tokio::io::AsyncReadExt;

    let parameters = DeflateParameters::default();
    let given = sent(Role::Client, parameters, 10, messages());
    let held = Held {
        given,
        ..Held::default()
    };
    let mut stream = DeflateStream::new(held, Role::Server, parameters, 0);
    let mut plain = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).now_or_never().unwrap().unwrap() > 0 {
        plain.extend(byte);
    }
    let held = Held {
        given: plain,
        ..Held::default()
    };
    // A stock WebSocket, without anything between.
    assert_eq!(read_all(held, Role::Server, None).0, messages());
}
