//! The stream that a WebSocket reads from and writes to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::parameters::DeflateParameters;

/// Stands between a WebSocket that knows nothing of compression and its transport. The WebSocket writes and reads plain frames; on the
/// wire its larger messages, and the peer's, are compressed.
///
/// The frames inwards have up to [`INFLATED_CHUNK`](super::INFLATED_CHUNK) bytes of payload: a WebSocket's limit for frames must not be
/// below that. How much a message may inflate to is for the WebSocket's limit for messages to say; here memory does not depend on it.
#[derive(Debug)]
pub(crate) struct DeflateStream<IO> {
    io: IO,
    inbound: Inbound,
    outbound: Outbound,
}

impl<IO> DeflateStream<IO> {
    /// For the `role` that the WebSocket has. Its messages of less than `least` bytes stay as they are, fragmented ones do not.
    ///
    /// A data frame that it writes with RSV1 set was compressed before, without reference to earlier messages and within the agreed
    /// window. It passes as it is. What follows then does not refer to messages before that one, so mixing both costs compression.
    pub(crate) fn new(io: IO, role: Role, parameters: DeflateParameters, least: usize) -> Self {
        let peer = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Self {
            io,
            inbound: Inbound::new(parameters.sent_by(peer)),
            outbound: Outbound::new(parameters.sent_by(role), least),
        }
    }

    /// The transport.
    #[cfg(test)]
    pub(crate) fn get_ref(&self) -> &IO {
        &self.io
    }
}

#[cfg(any(test, fuzzing))]
impl<IO> DeflateStream<IO> {
    pub(super) fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// How much memory is kept for what was read, the inflater's aside.
    pub(super) fn inbound_memory(&self) -> usize {
        self.inbound.memory()
    }

    /// How much was taken and not written.
    #[cfg(test)]
    pub(super) fn outbound_length(&self) -> usize {
        self.outbound.length()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for DeflateStream<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, inbound, .. } = self.get_mut();
        inbound.poll_read(io, cx, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for DeflateStream<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { io, outbound, .. } = self.get_mut();
        outbound.poll_write(io, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, outbound, .. } = self.get_mut();
        ready!(outbound.poll_drain(io, cx))?;
        Pin::new(io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, outbound, .. } = self.get_mut();
        ready!(outbound.poll_drain(io, cx))?;
        Pin::new(io).poll_shutdown(cx)
    }
}
