//! What the wire announces is what h2 enforces, and what h2 can do it still does.

use bytes::Bytes;
use futures_util::future::poll_fn;
use h2::ext::Protocol;
use h2::{Reason, server};
use http::{Method, Request, Response, StatusCode};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinSet;

use super::client::Client;
use super::server::{Frame, Server};
use super::templates::{chromium, firefox, okhttp};
use crate::profile::http2::Http2Template;
use crate::shape::h2::head::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, SETTINGS, WINDOW_UPDATE,
};

const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;

const STATUS_200: &[u8] = &[0x88];
const FRAME: usize = 16_384;

fn get(path: &str) -> Request<()> {
    let uri = format!("https://www.example.test{path}");
    Request::get(uri).body(()).unwrap()
}

async fn connected(template: Http2Template) -> (Client, Server<DuplexStream>) {
    let (near, far) = duplex(1 << 20);
    let client = Client::new(template, near).await;
    let mut server = Server::accept(far).await;
    server.settings(&[]).await;
    server.acknowledge().await;
    server.find(SETTINGS, ACK).await;
    (client, server)
}

impl Server<DuplexStream> {
    /// So many bytes of DATA, in frames of the largest size.
    async fn data(&mut self, stream: u32, length: usize) {
        let mut left = length;
        while left > 0 {
            let part = left.min(FRAME);
            self.write(&Frame::new(DATA, 0, stream, &vec![0; part]))
                .await;
            left -= part;
        }
    }

    /// Up to the answer to a PING: everything before it has been processed.
    async fn processed(&mut self) -> Vec<Frame> {
        self.write(&Frame::new(PING, 0, 0, &[7; 8])).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.read().await.expect("the client has left");
            if frame.is(PING, ACK) {
                return frames;
            }
            frames.push(frame);
        }
    }
}

/// Streams may bring exactly `stream` bytes each, and all together `connection`, before anything is read.
async fn window(template: Http2Template, stream: usize, connection: usize) {
    let (mut client, mut server) = connected(template).await;
    let mut answers = Vec::new();
    let mut left = connection;
    while left > 0 {
        let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
        let id = server.find(HEADERS, 0).await.stream;
        server
            .write(&Frame::new(HEADERS, END_HEADERS, id, STATUS_200))
            .await;
        answers.push(answer.await.unwrap());
        let part = left.min(stream);
        server.data(id, part).await;
        left -= part;
        assert!(
            server
                .processed()
                .await
                .iter()
                .all(|frame| frame.kind == WINDOW_UPDATE && frame.stream == id)
        );
    }
    let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
    let id = server.find(HEADERS, 0).await.stream;
    server
        .write(&Frame::new(HEADERS, END_HEADERS, id, STATUS_200))
        .await;
    answers.push(answer.await.unwrap());
    server.write(&Frame::new(DATA, 0, id, &[1])).await;
    let error = client.ended().await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::FLOW_CONTROL_ERROR));
}

#[tokio::test]
async fn a_server_may_send_exactly_the_connections_window() {
    window(chromium(), 6_291_456, 65_535 + 15_663_105).await;
    window(firefox(), 131_072 + 12_451_840, 65_535 + 12_517_377).await;
    let mut template = okhttp();
    template.connection_window_update = None;
    window(template, 16_777_216, 65_535).await;
}

#[tokio::test]
async fn a_server_may_send_exactly_the_streams_window() {
    let mut firefox = firefox();
    firefox.connection_window_update = chromium().connection_window_update;
    for (template, window) in [(chromium(), 6_291_456), (firefox, 131_072 + 12_451_840)] {
        let (mut client, mut server) = connected(template).await;
        let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
        let id = server.find(HEADERS, 0).await.stream;
        server
            .write(&Frame::new(HEADERS, END_HEADERS, id, STATUS_200))
            .await;
        let answer = answer.await.unwrap();
        server.data(id, window).await;
        assert!(
            server
                .processed()
                .await
                .iter()
                .all(|frame| frame.kind == WINDOW_UPDATE)
        );
        server.write(&Frame::new(DATA, 0, id, &[1])).await;
        let reset = server.find(RST_STREAM, 0).await;
        let reason = u32::from(Reason::FLOW_CONTROL_ERROR);
        assert_eq!(reset.payload, reason.to_be_bytes());
        drop(answer);
    }
}

/// What the client reads the server may send again: the windows never drift apart.
#[tokio::test]
async fn a_body_of_many_windows_arrives() {
    for template in [chromium(), firefox(), okhttp()] {
        const LENGTH: usize = 40 << 20;
        let (near, far) = duplex(1 << 20);
        let mut client = Client::new(template, near).await;
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connection = server::handshake(far).await.unwrap();
            let (_, mut respond) = connection.accept().await.unwrap().unwrap();
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            stream
                .send_data(Bytes::from(vec![5; LENGTH]), true)
                .unwrap();
            while connection.accept().await.is_some() {}
        });
        let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
        let mut body = answer.await.unwrap().into_body();
        let mut length = 0;
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            length += piece.len();
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        assert_eq!(length, LENGTH);
    }
}

/// OkHttp announces no ENABLE_PUSH: a server may push. Nobody reads what it pushes, more than the connection's window of it.
#[tokio::test]
async fn pushes_are_refused_and_cost_no_window() {
    const PUSHES: u32 = 100;
    let (mut client, mut server) = connected(okhttp()).await;
    let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
    let id = server.find(HEADERS, 0).await.stream;
    // :method GET, :scheme https, :path /, :authority a.
    let promise = [0x82, 0x87, 0x84, 0x41, 1, b'a'];
    let mut refused = Vec::new();
    let mut window = 0;
    for number in 1..=PUSHES {
        let pushed = 2 * number;
        let payload = [&pushed.to_be_bytes()[..], &promise].concat();
        server
            .write(&Frame::new(PUSH_PROMISE, END_HEADERS, id, &payload))
            .await;
        server
            .write(&Frame::new(HEADERS, END_HEADERS, pushed, STATUS_200))
            .await;
        server.data(pushed, 256 * 1024).await;
        for frame in server.processed().await {
            match frame.kind {
                RST_STREAM => refused.push(frame.stream),
                WINDOW_UPDATE if frame.stream == 0 => {
                    window += u32::from_be_bytes(frame.payload[..].try_into().unwrap());
                }
                other => panic!("frame {other}"),
            }
        }
    }
    refused.dedup();
    assert_eq!(
        refused,
        (1..=PUSHES).map(|number| 2 * number).collect::<Vec<_>>()
    );
    const { assert!(PUSHES * 256 * 1024 > 16_777_216) };
    assert!(window > PUSHES * 256 * 1024 - 16_777_216, "{window}");
    server
        .write(&Frame::new(
            HEADERS,
            END_HEADERS | END_STREAM,
            id,
            STATUS_200,
        ))
        .await;
    assert_eq!(answer.await.unwrap().status(), 200);
}

/// The others say that they want none.
#[tokio::test]
async fn a_push_that_was_not_allowed_ends_the_connection() {
    let (mut client, mut server) = connected(firefox()).await;
    let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
    let id = server.find(HEADERS, 0).await.stream;
    let payload = [0, 0, 0, 2, 0x82, 0x87, 0x84, 0x41, 1, b'a'];
    server
        .write(&Frame::new(PUSH_PROMISE, END_HEADERS, id, &payload))
        .await;
    let error = client.ended().await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR));
    assert!(answer.await.is_err());
}

#[tokio::test]
async fn a_server_that_goes_away_names_the_wires_stream() {
    let (mut client, mut server) = connected(firefox()).await;
    let (first, _) = client.sender.send_request(get("/1"), true).unwrap();
    let (second, _) = client.sender.send_request(get("/2"), true).unwrap();
    assert_eq!(server.find(HEADERS, 0).await.stream, 3);
    assert_eq!(server.find(HEADERS, 0).await.stream, 5);
    let last = [0, 0, 0, 3, 0, 0, 0, 0];
    server.write(&Frame::new(GOAWAY, 0, 0, &last)).await;
    server
        .write(&Frame::new(
            HEADERS,
            END_HEADERS | END_STREAM,
            3,
            STATUS_200,
        ))
        .await;
    assert_eq!(first.await.unwrap().status(), 200);
    let error = second.await.unwrap_err();
    assert!(error.is_go_away() && error.is_remote());
    assert_eq!(client.peer.last_stream_id(), Some(1));
    client.ended().await.unwrap();
}

/// Firefox's streams begin with 3: for the server's sake there is no stream 1.
#[tokio::test]
async fn a_frame_on_a_stream_that_never_was_ends_the_connection() {
    for stream in [1, 5] {
        for (kind, payload) in [
            (DATA, &[1][..]),
            (HEADERS, STATUS_200),
            (RST_STREAM, &[0, 0, 0, 8]),
            (WINDOW_UPDATE, &[0, 0, 0, 1]),
        ] {
            let (mut client, mut server) = connected(firefox()).await;
            let (_answer, _) = client.sender.send_request(get("/"), true).unwrap();
            assert_eq!(server.find(HEADERS, 0).await.stream, 3);
            server
                .write(&Frame::new(kind, END_HEADERS, stream, payload))
                .await;
            let error = client.ended().await.unwrap_err();
            assert_eq!(
                error.reason(),
                Some(Reason::PROTOCOL_ERROR),
                "{kind} on {stream}"
            );
        }
    }
}

#[tokio::test]
async fn informational_answers_and_then_the_answer() {
    for template in [chromium(), firefox()] {
        let (mut client, mut server) = connected(template).await;
        let (answer, _) = client.sender.send_request(get("/"), true).unwrap();
        let id = server.find(HEADERS, 0).await.stream;
        for status in [b"100", b"103"] {
            let block = [&[0x08, 3], &status[..]].concat();
            server
                .write(&Frame::new(HEADERS, END_HEADERS, id, &block))
                .await;
        }
        server
            .write(&Frame::new(
                HEADERS,
                END_HEADERS | END_STREAM,
                id,
                STATUS_200,
            ))
            .await;
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

/// RFC 8441.
#[tokio::test]
async fn extended_connect() {
    for template in [chromium(), firefox()] {
        let (near, far) = duplex(1 << 16);
        let mut client = Client::new(template, near).await;
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut builder = server::Builder::new();
            builder.enable_connect_protocol();
            let mut connection = builder.handshake::<_, Bytes>(far).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            assert_eq!(request.method(), Method::CONNECT);
            assert_eq!(
                request.extensions().get::<Protocol>().unwrap().as_str(),
                "websocket"
            );
            assert_eq!(request.uri(), "https://www.example.test/chat");
            let mut out = respond.send_response(Response::new(()), false).unwrap();
            let mut body = request.into_body();
            let echo = async {
                let piece = body.data().await.unwrap().unwrap();
                out.send_data(piece, true).unwrap();
            };
            tokio::select! {
                () = echo => {}
                _ = connection.accept() => panic!("the client has left"),
            }
            while connection.accept().await.is_some() {}
        });
        poll_fn(|cx| client.sender.poll_ready(cx)).await.unwrap();
        while !client.sender.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
        let mut request = get("/chat");
        *request.method_mut() = Method::CONNECT;
        request
            .extensions_mut()
            .insert(Protocol::from_static("websocket"));
        let (answer, mut out) = client.sender.send_request(request, false).unwrap();
        out.send_data(Bytes::from_static(b"hello"), false).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let mut body = answer.into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "hello");
    }
}
