//! Whatever is sent arrives as it would without compression.

use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use tokio::io::DuplexStream;
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

/// Sends and receives at once.
async fn exchange(
    socket: &mut WebSocketStream<DeflateStream<DuplexStream>>,
    messages: Vec<Sent>,
    expected: usize,
) -> Vec<Message> {
    let mut received = Vec::new();
    let mut to_send = messages
        .iter()
        .flat_map(Sent::write)
        .collect::<Vec<_>>()
        .into_iter();
    let (mut sink, mut stream) = socket.split();
    let send = async {
        for message in &mut to_send {
            sink.send(message).await.unwrap();
        }
    };
    let receive = async {
        while received.len() < expected {
            let message = stream.next().await.unwrap().unwrap();
            if !message.is_pong() {
                received.push(message);
            }
        }
    };
    tokio::join!(send, receive);
    received
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
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (got_by_client, got_by_server) = runtime.block_on(async {
            let (client, server) = tokio::io::duplex(pipe);
            let client = DeflateStream::new(client, Role::Client, parameters, least);
            let server = DeflateStream::new(server, Role::Server, parameters, least);
            let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
            let mut server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
            let expected = |messages: &[Sent]| messages.iter().map(|sent| sent.arrives().len()).sum();
            let (for_client, for_server) = (expected(&from_server), expected(&from_client));
            tokio::join!(
                exchange(&mut client, from_client.clone(), for_client),
                exchange(&mut server, from_server.clone(), for_server),
            )
        });
        let expected: Vec<_> = from_client.iter().flat_map(Sent::arrives).collect();
        prop_assert_eq!(got_by_server, expected);
        let expected: Vec<_> = from_server.iter().flat_map(Sent::arrives).collect();
        prop_assert_eq!(got_by_client, expected);
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
