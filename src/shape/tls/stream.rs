//! The stream that rustls reads from and writes to.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::handshake::Handshake;
use super::inbound::Inbound;
use super::outbound::Outbound;
use crate::profile::ClientHello;

/// A ClientHello with two hybrid key shares and a long ticket stays under 6 KiB; what is longer is no hello of ours.
const HELLO_LIMIT: usize = 16 * 1024;

/// As much as rustls reads at a time.
const CHUNK: usize = 4096;

/// The first ClientHello of a connection, once it has left.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentHello(Arc<OnceLock<ClientHello>>);

impl SentHello {
    pub(crate) fn hello(&self) -> Option<&ClientHello> {
        self.0.get()
    }
}

/// Keeps rustls's hello, or replaces it by a profile's; after the handshake it passes everything through.
#[derive(Debug)]
pub(crate) struct HelloStream<IO> {
    io: IO,
    mode: Mode,
}

enum Mode {
    /// What was written so far, until there is a hello in it.
    Watching(Vec<u8>, SentHello),
    Shaping(Box<Shaping>),
    /// The handshake is over, and this is what arrived with its end.
    Draining(BytesMut),
    Passing,
}

struct Shaping {
    inbound: Inbound,
    outbound: Outbound,
}

impl<IO> HelloStream<IO> {
    pub(crate) fn watching(io: IO, sent: SentHello) -> Self {
        Self {
            io,
            mode: Mode::Watching(Vec::new(), sent),
        }
    }

    pub(super) fn shaping(io: IO, handshake: &Arc<Handshake>) -> Self {
        Self {
            io,
            mode: Mode::Shaping(Box::new(Shaping {
                inbound: Inbound::new(Arc::clone(handshake)),
                outbound: Outbound::new(Arc::clone(handshake)),
            })),
        }
    }

    /// The handshake is over.
    pub(super) fn finish(&mut self) {
        if let Mode::Shaping(shaping) = &mut self.mode {
            // rustls cannot have finished before this has: it read the last message of the handshake from here.
            debug_assert!(shaping.inbound.is_passing());
            let rest = shaping.inbound.ready().split();
            self.mode = match rest.is_empty() {
                true => Mode::Passing,
                false => Mode::Draining(rest),
            };
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for HelloStream<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &mut this.mode {
            Mode::Watching(..) | Mode::Passing => {}
            Mode::Draining(rest) => {
                fill(buffer, rest);
                if rest.is_empty() {
                    this.mode = Mode::Passing;
                }
                return Poll::Ready(Ok(()));
            }
            Mode::Shaping(shaping) => {
                let inbound = &mut shaping.inbound;
                loop {
                    if inbound.ready().has_remaining() {
                        fill(buffer, inbound.ready());
                        return Poll::Ready(Ok(()));
                    }
                    if inbound.is_passing() {
                        break;
                    }
                    if !inbound.advance() && !inbound.is_passing() {
                        let mut chunk = [0; CHUNK];
                        let mut chunk = ReadBuf::new(&mut chunk);
                        ready!(Pin::new(&mut this.io).poll_read(cx, &mut chunk))?;
                        match chunk.filled() {
                            [] => return Poll::Ready(Ok(())),
                            bytes => inbound.arrived(bytes),
                        }
                    }
                }
            }
        }
        Pin::new(&mut this.io).poll_read(cx, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for HelloStream<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match &mut this.mode {
            Mode::Draining(_) | Mode::Passing => {
                Pin::new(&mut this.io).poll_write_vectored(cx, slices)
            }
            Mode::Shaping(shaping) => shaping.outbound.poll_write(&mut this.io, cx, slices),
            Mode::Watching(bytes, sent) => {
                let written = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, slices))?;
                let mut left = written;
                for slice in slices {
                    let part = slice.get(..left.min(slice.len())).unwrap_or_default();
                    bytes.extend_from_slice(part);
                    left -= part.len();
                }
                let hello = ClientHello::from_records(bytes);
                if hello.is_ok() || bytes.len() > HELLO_LIMIT {
                    if let Ok(hello) = hello {
                        sent.0.get_or_init(|| hello);
                    }
                    this.mode = Mode::Passing;
                }
                Poll::Ready(Ok(written))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

fn fill(buffer: &mut ReadBuf<'_>, from: &mut BytesMut) {
    let length = buffer.remaining().min(from.remaining());
    buffer.put_slice(&from.split_to(length));
}

impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Watching(..) => "Watching",
            Self::Shaping(_) => "Shaping",
            Self::Draining(_) => "Draining",
            Self::Passing => "Passing",
        })
    }
}
