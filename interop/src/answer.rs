//! The smallest server of HTTP/1.1 and HTTP/2: each request's answer is the report.

use std::io::{self, Read, Write};

const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// HPACK: `:status: 200`, from the static table.
const STATUS_200: &[u8] = &[0x88];

/// Below every client's MAX_FRAME_SIZE and first window.
const LARGEST_DATA: usize = 16_384;

/// Answers one request, so that the next one brings another handshake.
pub(crate) fn http1(io: &mut (impl Read + Write), body: &str) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        io.read_exact(&mut byte)?;
        request.extend(byte);
    }
    let length = body.len();
    write!(
        io,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )?;
    io.flush()
}

/// Answers until the client leaves.
pub(crate) fn http2(io: &mut (impl Read + Write), body: &str) -> io::Result<()> {
    io.read_exact(&mut [0; PREFACE])?;
    write(io, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        io.read_exact(&mut head)?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        io.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        match (kind, flags & ACK) {
            (SETTINGS, 0) => write(io, SETTINGS, ACK, 0, &[])?,
            (PING, 0) => write(io, PING, ACK, 0, &payload)?,
            (HEADERS, _) => {
                write(io, HEADERS, END_HEADERS, stream, STATUS_200)?;
                let mut parts = body.as_bytes().chunks(LARGEST_DATA).peekable();
                while let Some(part) = parts.next() {
                    let flags = if parts.peek().is_none() {
                        END_STREAM
                    } else {
                        0
                    };
                    write(io, DATA, flags, stream, part)?;
                }
            }
            _ => {}
        }
    }
}

fn write(io: &mut impl Write, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    io.write_all(&bytes)?;
    io.flush()
}
