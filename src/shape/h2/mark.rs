//! How a request tells the stream below h2 which priority fields its HEADERS frame has.
//!
//! h2 knows nothing of them, so they travel as a header of their own through h2's encoder. The stream takes it out; it is never sent.

use http::{HeaderName, HeaderValue};

use crate::profile::StreamPriority;

/// Carries [`mark`]'s value as far as the stream.
pub(crate) const PRIORITY_MARK: HeaderName = HeaderName::from_static("hotpool-stream-priority");

/// The five bytes of the priority fields in hex.
pub(crate) fn mark(priority: StreamPriority) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = priority.to_bytes().into_iter().flat_map(|byte| {
        [byte >> 4, byte & 0xf]
            .map(|nibble| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'))
    });
    HeaderValue::from_bytes(&digits.collect::<Vec<u8>>())
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}
