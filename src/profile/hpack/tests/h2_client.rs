//! What stock h2 sends is what it was asked to send.

use bytes::Bytes;
use http::{HeaderValue, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{Owned, decoder, owned};
use crate::profile::hpack::{Decoder, HeaderBlock};

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PREFACE_LENGTH: usize = 24;

/// The server's side of the wire, as far as header blocks go.
struct Server {
    wire: DuplexStream,
    decoder: Decoder,
    /// Announced, and not yet acknowledged.
    announced: Vec<u32>,
}

impl Server {
    async fn announce(&mut self, table_size: u32) {
        let mut frame = vec![0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0, 1];
        frame.extend(table_size.to_be_bytes());
        self.announced.push(table_size);
        self.wire.write_all(&frame).await.unwrap();
    }

    /// Returns once the client has read all that was written.
    async fn all_read(&mut self) {
        let ping = [0, 0, 8, PING, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        self.wire.write_all(&ping).await.unwrap();
        while self.frame().await.0 != PING {}
    }

    /// A frame's type, flags and payload.
    async fn frame(&mut self) -> (u8, u8, Vec<u8>) {
        let mut head = [0; 9];
        self.wire.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.wire.read_exact(&mut payload).await.unwrap();
        let (kind, flags) = (head[3], head[4]);
        if kind == SETTINGS && flags == 1 && !self.announced.is_empty() {
            self.decoder.set_table_limit(self.announced.remove(0));
        }
        (kind, flags, payload)
    }

    /// Reads up to the end of the next header block.
    async fn block(&mut self) -> (Vec<Owned>, Vec<u32>, usize) {
        let mut block = Vec::new();
        loop {
            let (kind, flags, payload) = self.frame().await;
            if kind == HEADERS || kind == CONTINUATION {
                block.extend(payload);
                if flags & END_HEADERS != 0 {
                    break;
                }
            }
        }
        let mut fields = HeaderBlock::default();
        self.decoder.decode(&block, &mut fields).unwrap();
        (owned(&fields), fields.size_updates().to_vec(), block.len())
    }
}

fn request(number: usize) -> Request<()> {
    let mut sensitive = HeaderValue::from_static("Bearer secret");
    sensitive.set_sensitive(true);
    Request::builder()
        .uri(format!("https://www.example.test/{number}"))
        .header("user-agent", "a client ~^|")
        .header("authorization", sensitive)
        .header("cookie", "a=b")
        .header("cookie", "c=d; e=f")
        .header("x-number", number.to_string())
        .header("x-long", "long ".repeat(number * number * 50))
        .header("x-bytes", HeaderValue::from_bytes(b"\xe4\xff\x80").unwrap())
        .header("x-empty", "")
        .body(())
        .unwrap()
}

fn asked(request: &Request<()>) -> Vec<Owned> {
    let uri = request.uri();
    let pseudo = [
        (":method", request.method().as_str()),
        (":scheme", uri.scheme_str().unwrap()),
        (":authority", uri.authority().unwrap().as_str()),
        (":path", uri.path()),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.into(), value.into(), false));
    let headers = request.headers().iter().map(|(name, value)| {
        let text = value.as_bytes().to_vec();
        (name.as_str().into(), text, value.is_sensitive())
    });
    pseudo.into_iter().chain(headers).collect()
}

#[tokio::test]
async fn what_h2_encodes_is_what_was_asked() {
    let (client, wire) = tokio::io::duplex(1 << 20);
    let mut server = Server {
        wire,
        decoder: decoder(),
        announced: Vec::new(),
    };
    let (mut send, connection) = h2::client::handshake(client).await.unwrap();
    let _driver = tokio_util::task::AbortOnDropHandle::new(
        tokio::runtime::Handle::current().spawn(connection),
    );
    server
        .wire
        .read_exact(&mut [0; PREFACE_LENGTH])
        .await
        .unwrap();
    server.announce(4096).await;

    let mut updates = Vec::new();
    let mut longest = 0;
    for (number, sizes) in [
        &[][..],
        &[],
        &[0],
        &[100],
        &[65_536],
        &[],
        &[200, 4096],
        &[],
        &[0, 300],
        &[],
        &[1 << 20],
        &[],
    ]
    .into_iter()
    .enumerate()
    {
        for size in sizes {
            server.announce(*size).await;
        }
        server.all_read().await;

        let request = request(number);
        let expected = asked(&request);
        let (_response, mut body) = send
            .clone()
            .ready()
            .await
            .unwrap()
            .send_request(request, false)
            .unwrap();
        let (found, sizes, length) = server.block().await;
        assert_eq!(found, expected, "request {number}");
        updates.push(sizes);
        longest = longest.max(length);
        body.send_data(Bytes::new(), true).unwrap();
        send = send.ready().await.unwrap();
    }
    println!("size updates of h2: {updates:?}; longest block {longest}");
    // The smallest in between, then the last; never above h2's own 4096.
    assert!(longest > 16_384, "no CONTINUATION: {longest}");
    assert_eq!(updates.concat().iter().max(), Some(&4096));
    assert!(updates.contains(&vec![200, 4096]));
}
