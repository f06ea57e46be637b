//! Codings whose bodies are a series of members (RFC 1952 §2.2, RFC 8878 §3).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// RFC 9659 §3: what a zstd decoder must have room for, and no sender may exceed: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Decodes one member after the other, and ends before what is none: some servers pad.
pub(super) struct Members<R, D> {
    state: State<R, D>,
    new: fn(R) -> D,
    into_inner: fn(D) -> R,
    /// What a member's first byte can be.
    first_bytes: &'static [u8],
}

enum State<R, D> {
    Decoding(D),
    Between(R),
    Ended,
}

pub(super) fn gzip<R: AsyncBufRead>(source: R) -> Members<R, GzipDecoder<R>> {
    Members {
        state: State::Decoding(GzipDecoder::new(source)),
        new: GzipDecoder::new,
        into_inner: GzipDecoder::into_inner,
        first_bytes: &[0x1f],
    }
}

pub(super) fn zstd<R: AsyncBufRead>(source: R) -> Members<R, ZstdDecoder<R>> {
    let new =
        |source| ZstdDecoder::with_params(source, &[DParameter::window_log_max(ZSTD_WINDOW_LOG)]);
    Members {
        state: State::Decoding(new(source)),
        new,
        into_inner: ZstdDecoder::into_inner,
        // A frame, and skippable ones.
        first_bytes: &[
            0x28, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c,
            0x5d, 0x5e, 0x5f,
        ],
    }
}

impl<R, D> AsyncRead for Members<R, D>
where
    R: AsyncBufRead + Unpin,
    D: AsyncRead + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        loop {
            match &mut this.state {
                State::Decoding(decoder) => {
                    ready!(Pin::new(decoder).poll_read(cx, buffer))?;
                    if buffer.filled().len() > before || buffer.remaining() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    if let State::Decoding(decoder) =
                        std::mem::replace(&mut this.state, State::Ended)
                    {
                        this.state = State::Between((this.into_inner)(decoder));
                    }
                }
                State::Between(source) => {
                    let first = ready!(Pin::new(source).poll_fill_buf(cx))?.first();
                    let goes_on = first.is_some_and(|first| this.first_bytes.contains(first));
                    if let State::Between(source) = std::mem::replace(&mut this.state, State::Ended)
                        && goes_on
                    {
                        this.state = State::Decoding((this.new)(source));
                    }
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}
