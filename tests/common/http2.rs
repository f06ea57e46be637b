//! HTTP/2 by hand, frame by frame, for servers that do what `h2` would not (RFC 9113).

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const MAX_CONCURRENT_STREAMS: u16 = 3;

pub const NO_ERROR: u32 = 0;
pub const INTERNAL_ERROR: u32 = 2;
pub const REFUSED_STREAM: u32 = 7;
pub const ENHANCE_YOUR_CALM: u32 = 11;

const PREFACE: usize = 24;

/// HPACK: `:status: 200`, from the static table.
const STATUS_200: &[u8] = &[0x88];

pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// The server's side of a connection.
pub struct Http2<IO> {
    pub io: IO,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Http2<IO> {
    /// Reads the preface and sends these settings; `None` when the client left.
    pub async fn accept(mut io: IO, settings: &[(u16, u32)]) -> Option<Self> {
        let mut preface = [0; PREFACE];
        io.read_exact(&mut preface).await.ok()?;
        let mut http2 = Self { io };
        http2.settings(settings).await;
        Some(http2)
    }

    /// The next frame; settings and pings have been acknowledged. `None` at the end of the connection.
    pub async fn read(&mut self) -> Option<Frame> {
        let frame = self.read_silently().await?;
        match (frame.kind, frame.flags & ACK) {
            (SETTINGS, 0) => self.write(SETTINGS, ACK, 0, &[]).await,
            (PING, 0) => self.write(PING, ACK, 0, &frame.payload).await,
            _ => {}
        }
        Some(frame)
    }

    /// The next frame; nothing is acknowledged.
    pub async fn read_silently(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.io.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.io.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            payload,
        })
    }

    /// Returns once the client has acknowledged the last settings; requests that come before are passed over.
    pub async fn settled(&mut self) {
        while let Some(frame) = self.read().await {
            if (frame.kind, frame.flags) == (SETTINGS, ACK) {
                return;
            }
        }
    }

    /// The stream of the next request, its body still to come.
    pub async fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.read().await?;
            if frame.kind == HEADERS {
                return Some(frame.stream);
            }
        }
    }

    /// Writes; a client that left is the test's business.
    pub async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.try_write(kind, flags, stream, payload).await;
    }

    /// Writes; whether the client is still there.
    pub async fn try_write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.io.write_all(&bytes).await.is_ok() && self.io.flush().await.is_ok()
    }

    pub async fn settings(&mut self, settings: &[(u16, u32)]) {
        let entry =
            |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
        let payload: Vec<u8> = settings.iter().flat_map(entry).collect();
        self.write(SETTINGS, 0, 0, &payload).await;
    }

    /// The head of an answer, and part of its body.
    pub async fn begin(&mut self, stream: u32, body: &[u8]) {
        self.write(HEADERS, END_HEADERS, stream, STATUS_200).await;
        self.write(DATA, 0, stream, body).await;
    }

    /// A whole answer: `hello`.
    pub async fn respond(&mut self, stream: u32) {
        self.write(HEADERS, END_HEADERS, stream, STATUS_200).await;
        self.write(DATA, END_STREAM, stream, b"hello").await;
    }

    pub async fn reset(&mut self, stream: u32, code: u32) {
        self.write(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    pub async fn go_away(&mut self, last_stream: u32, code: u32) {
        let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
        self.write(GOAWAY, 0, 0, &payload).await;
    }

    /// Answers every request with `hello` until the client leaves, and says how many that were.
    pub async fn serve(&mut self) -> usize {
        let mut served = 0;
        while let Some(stream) = self.request().await {
            self.respond(stream).await;
            served += 1;
        }
        served
    }
}
