//! What carries a WebSocket's frames.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::either::Either;

use super::deflate::{DeflateParameters, DeflateStream};

/// From how many bytes on messages are compressed, if that was agreed on: browsers compress whatever they send.
const LEAST_COMPRESSED: usize = 0;

/// A connection, or a stream of one.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

type Boxed = Box<dyn Carrier>;

/// The bytes of a WebSocket's frames in both directions, as tungstenite has them.
pub struct Transport(Either<DeflateStream<Boxed>, Boxed>);

impl Transport {
    pub(super) fn new(carrier: Boxed, role: Role, deflate: Option<DeflateParameters>) -> Self {
        Self(match deflate {
            Some(parameters) => Either::Left(DeflateStream::new(
                carrier,
                role,
                parameters,
                LEAST_COMPRESSED,
            )),
            None => Either::Right(carrier),
        })
    }

    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.0, Either::Left(_))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("is_compressed", &self.is_compressed())
            .finish_non_exhaustive()
    }
}
