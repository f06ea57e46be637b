//! Messages that were compressed before.

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::wire::{frames, received, sent};
use crate::websocket::deflate::DeflateParameters;

/// As for many receivers: a message of its own, made once.
fn compressed(text: &str) -> Message {
    let fresh = DeflateParameters::default();
    let bytes = sent(Role::Server, fresh, 0, [Message::text(text)]);
    let (_, payload) = frames(&bytes).remove(0);
    let mut frame = Frame::message(payload, OpCode::Data(Data::Text), true);
    frame.header_mut().rsv1 = true;
    Message::Frame(frame)
}

#[test]
fn they_pass_as_they_are_and_what_follows_is_understood() {
    let own = "of this connection alone, said again and again";
    let (first, second) = (
        "to all who listen".repeat(30),
        "to all, once more".repeat(3000),
    );
    let messages = [
        Message::text(own),
        compressed(&first),
        Message::text(own),
        Message::text(own),
        compressed(&second),
        Message::text(first.clone()),
    ];
    for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
        let parameters = DeflateParameters::default();
        let bytes = sent(from, parameters, 0, messages.clone());
        let (got, _) = received(to, parameters, &bytes);
        let expected = [own, &first, own, own, &second, &first].map(Message::text);
        assert_eq!(got, expected);
        let payloads: Vec<_> = frames(&bytes)
            .into_iter()
            .map(|(_, payload)| payload)
            .collect();
        let Message::Frame(broadcast) = compressed(&first) else {
            panic!("a frame");
        };
        assert_eq!(payloads[1], *broadcast.payload());
        // Nothing is referred to from before a broadcast; between two it is.
        assert_eq!(payloads[2], payloads[0]);
        assert!(payloads[3].len() < payloads[2].len() / 2);
    }
}
