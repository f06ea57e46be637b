//! Whatever is sent arrives as it would without compression.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use crate::websocket::deflate::{DeflateParameters, DeflateStream};

#[derive(Clone, Debug)]
struct Sent {
    text: bool,
    /// One frame each; more than one makes it a fragmented message.
    parts: Vec<String>,
    ping_between: bool,
}

impl Sent {
    fn write(&self) -> Vec<Message> {
        let mut out = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let data = match (at, self.text) {
                (0, true) => Data::Text,
                (0, false) => Data::Binary,
                _ => Data::Continue,
            };
            let is_last = at + 1 == self.parts.len();
            out.push(Message::Frame(Frame::message(
                part.clone(),
                OpCode::Data(data),
                is_last,
            )));
            if self.ping_between {
                out.push(Message::Ping(format!("{at}").into()));
            }
        }
        out
    }

    fn arrives(&self) -> Vec<Message> {
        let whole = self.parts.concat();
        let message = match self.text {
            true => Message::text(whole),
            false => Message::binary(whole.into_bytes()),
        };
        let mut out = vec![message];
        if self.ping_between {
            let last = self.parts.len() - 1;
            for at in 0..last {
                out.insert(at, Message::Ping(format!("{at}").into()));
            }
            out.push(Message::Ping(format!("{last}").into()));
        }
        out
    }
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-c]{1,30}",
        // Worth compressing.
        ("[a-z]{1,200}", 1..60_usize).prop_map(|(text, times)| text.repeat(times)),
        // Not worth it, and longer than what is staged.
        "\\PC{1,8000}",
        // Inflates to several chunks, the last of them full or empty.
        Just("x".repeat(3 * 16 * 1024)),
    ]
}

fn message() -> impl Strategy<Value = Sent> {
    let parts = prop_oneof![
        3 => prop::collection::vec(part(), 1),
        1 => prop::collection::vec(part(), 2..5),
    ];
    (any::<bool>(), parts, any::<bool>()).prop_map(|(text, parts, ping_between)| Sent {
        text,
        parts,
        ping_between,
    })
}

fn parameters() -> impl Strategy<Value = DeflateParameters> {
    (any::<bool>(), any::<bool>(), 8..=15_u8, 8..=15_u8).prop_map(
        |(server_no_context_takeover, client_no_context_takeover, server, client)| {
            DeflateParameters {
                server_no_context_takeover,
                client_no_context_takeover,
                server_max_window_bits: server,
                client_max_window_bits: client,
            }
        },
    )
}

type Socket = WebSocketStream<DeflateStream<DuplexStream>>;

async fn send(sink: &mut SplitSink<&mut Socket, Message>, messages: &[Sent]) {
    for message in messages.iter().flat_map(Sent::write) {
        sink.send(message).await.unwrap();
    }
}

/// Goes on for ever: the peer may still wait for its pongs to be read.
async fn receive(
    stream: &mut SplitStream<&mut Socket>,
    received: &mut Vec<Message>,
    expected: usize,
    all: &Notify,
) {
    loop {
        if received.len() == expected {
            all.notify_one();
        }
        let message = stream.next().await.unwrap().unwrap();
        if !message.is_pong() {
            received.push(message);
        }
    }
}

fn arriving(messages: &[Sent]) -> Vec<Message> {
    messages.iter().flat_map(Sent::arrives).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sent_arrives(
        parameters in parameters(),
        least in prop_oneof![Just(0), Just(20), Just(100_000)],
        pipe in prop_oneof![1..40_usize, Just(1000), Just(100_000)],
        from_client in prop::collection::vec(message(), 0..6),
        from_server in prop::collection::vec(message(), 0..6),
    ) {
        // Where nothing goes on any more, the clock does.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let expected = (arriving(&from_server), arriving(&from_client));
        let (mut by_client, mut by_server) = (Vec::new(), Vec::new());
        runtime.block_on(async {
            let (client, server) = tokio::io::duplex(pipe);
            let client = DeflateStream::new(client, Role::Client, parameters, least);
            let server = DeflateStream::new(server, Role::Server, parameters, least);
            let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
            let mut server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
            let (mut to_server, mut at_client) = StreamExt::split(&mut client);
            let (mut to_client, mut at_server) = StreamExt::split(&mut server);
            let (client_has_all, server_has_all) = (Notify::new(), Notify::new());
            tokio::select! {
                () = receive(&mut at_client, &mut by_client, expected.0.len(), &client_has_all) => {}
                () = receive(&mut at_server, &mut by_server, expected.1.len(), &server_has_all) => {}
                _ = async {
                    tokio::join!(
                        send(&mut to_server, &from_client),
                        send(&mut to_client, &from_server),
                        client_has_all.notified(),
                        server_has_all.notified(),
                    )
                } => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        });
        prop_assert_eq!(by_client, expected.0);
        prop_assert_eq!(by_server, expected.1);
    }
}

#[tokio::test]
async fn a_close_reaches_the_peer_and_its_answer_comes_back() {
    let (client, server) = tokio::io::duplex(64);
    let parameters = DeflateParameters::default();
    let client = DeflateStream::new(client, Role::Client, parameters, 0);
    let server = DeflateStream::new(server, Role::Server, parameters, 0);
    let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let mut server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
    let close = CloseFrame {
        code: 1000.into(),
        reason: "done".into(),
    };
    let ask = async {
        client.send(Message::text("x".repeat(1000))).await.unwrap();
        client.close(Some(close.clone())).await.unwrap();
        client.next().await.unwrap().unwrap()
    };
    let answer = async {
        let text = server.next().await.unwrap().unwrap();
        assert_eq!(text.len(), 1000);
        let closed = server.next().await.unwrap().unwrap();
        // The answer is written here, and never flushed.
        assert!(server.next().await.is_none());
        closed
    };
    let (answered, asked) = tokio::join!(ask, answer);
    assert_eq!(asked, Message::Close(Some(close.clone())));
    assert_eq!(answered, Message::Close(Some(close)));
}
