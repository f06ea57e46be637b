//! A socket that remembers what the client sent first.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Two hellos of any browser are far smaller.
const MOST: usize = 64 * 1024;

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;

#[derive(Debug)]
pub(crate) struct Recorder {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Recorder {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            received: Vec::new(),
        }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The records that begin with a ClientHello, headers included: one, or two around a HelloRetryRequest.
    pub(crate) fn hellos(&self) -> Vec<Vec<u8>> {
        let mut hellos = Vec::new();
        let mut rest = &self.received[..];
        while let [kind, _, _, high, low, ..] = *rest {
            let length = 5 + usize::from(u16::from_be_bytes([high, low]));
            if kind == APPLICATION_DATA || rest.len() < length {
                break;
            }
            let (record, after) = rest.split_at(length);
            if kind == HANDSHAKE && is_hello(&record[5..]) && hellos.len() < 2 {
                hellos.push(record.to_vec());
            }
            rest = after;
        }
        hellos
    }
}

/// TLS 1.2's Finished is of the same type and encrypted: its first byte may be any.
fn is_hello(message: &[u8]) -> bool {
    let [CLIENT_HELLO, high, middle, low, ..] = *message else {
        return false;
    };
    let length = u32::from_be_bytes([0, high, middle, low]);
    message.len() == 4 + length as usize
}

impl Read for Recorder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        let room = MOST - self.received.len();
        self.received.extend(&buffer[..count.min(room)]);
        Ok(count)
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
