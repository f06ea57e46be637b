//! Which codings a body is in, and what takes them off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BrotliDecoder, DeflateDecoder, ZlibDecoder};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncBufRead, AsyncRead, BufReader, ReadBuf};

use super::members;

/// Nobody has a use for more codings on top of each other than this; each costs memory for its window. curl stops at five.
const MOST_CODINGS: usize = 4;

/// A content coding (IANA's HTTP Content Coding registry).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Brotli,
    Deflate,
    Gzip,
    Zstd,
}

pub(super) type Reader = Pin<Box<dyn AsyncRead + Send + Sync>>;

/// The codings of the body, in the order in which they were applied. `None` if there are none, or one is not known or not among
/// those that were `accepted`: then the body is its reader's business.
pub(super) fn applied(headers: &HeaderMap, accepted: &HeaderValue) -> Option<Vec<Coding>> {
    let accepted: Vec<Coding> = listed(accepted)?
        .filter_map(|item| Coding::named(item.split(';').next().unwrap_or_default().trim()))
        .collect();
    let mut applied = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in listed(value)?.filter(|name| !name.eq_ignore_ascii_case("identity")) {
            applied.push(Coding::named(name).filter(|coding| accepted.contains(coding))?);
        }
    }
    (1..=MOST_CODINGS)
        .contains(&applied.len())
        .then_some(applied)
}

fn listed(value: &HeaderValue) -> Option<impl Iterator<Item = &str>> {
    let items = value.to_str().ok()?.split(',').map(str::trim);
    Some(items.filter(|item| !item.is_empty()))
}

impl Coding {
    fn named(name: &str) -> Option<Self> {
        let known = [
            ("br", Self::Brotli),
            ("deflate", Self::Deflate),
            ("gzip", Self::Gzip),
            // RFC 9110 §8.4.1.3.
            ("x-gzip", Self::Gzip),
            ("zstd", Self::Zstd),
        ];
        let found = known
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, coding)| coding)
    }

    fn reader(self, source: impl AsyncBufRead + Send + Sync + Unpin + 'static) -> Reader {
        match self {
            Self::Brotli => Box::pin(BrotliDecoder::new(source)),
            Self::Deflate => Box::pin(Deflate::Unknown(Some(source))),
            Self::Gzip => Box::pin(members::gzip(source)),
            Self::Zstd => Box::pin(members::zstd(source)),
        }
    }
}

/// What takes `codings` off, the last applied first.
pub(super) fn decoder(
    source: impl AsyncBufRead + Send + Sync + Unpin + 'static,
    codings: &[Coding],
) -> Reader {
    let mut outermost_first = codings.iter().rev();
    let mut reader = match outermost_first.next() {
        Some(coding) => coding.reader(source),
        None => Box::pin(source),
    };
    for coding in outermost_first {
        reader = coding.reader(BufReader::new(reader));
    }
    reader
}

/// `deflate` is zlib's format (RFC 9110 §8.4.1.2), and some servers send DEFLATE without it. Its first byte tells: zlib's ends with
/// the method, 8; a raw stream's would be a stored block that is not the last and whose padding is not zero.
enum Deflate<R> {
    Unknown(Option<R>),
    Zlib(ZlibDecoder<R>),
    Raw(DeflateDecoder<R>),
}

const ZLIB_METHOD: u8 = 8;

impl<R: AsyncBufRead + Unpin> AsyncRead for Deflate<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Self::Unknown(source) = &mut *self {
            let Some(reader) = source.as_mut() else {
                return Poll::Ready(Ok(()));
            };
            let first = ready!(Pin::new(reader).poll_fill_buf(cx))?.first().copied();
            let Some(reader) = source.take() else {
                return Poll::Ready(Ok(()));
            };
            *self = match first {
                Some(byte) if byte & 0xf != ZLIB_METHOD => Self::Raw(DeflateDecoder::new(reader)),
                _ => Self::Zlib(ZlibDecoder::new(reader)),
            };
        }
        match &mut *self {
            Self::Unknown(_) => Poll::Ready(Ok(())),
            Self::Zlib(decoder) => Pin::new(decoder).poll_read(cx, buffer),
            Self::Raw(decoder) => Pin::new(decoder).poll_read(cx, buffer),
        }
    }
}
