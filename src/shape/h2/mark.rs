//! How a request says which priority its HEADERS frame is to have: h2 has no other way.

use http::{HeaderName, HeaderValue};

use crate::profile::StreamPriority;

/// A header that only the stream between h2 and TLS sees. It never reaches the wire, whoever set it.
pub(crate) const PRIORITY_MARK: HeaderName = HeaderName::from_static("hotpool-stream-priority");

/// Ten hex digits: the five bytes.
const MARK_LENGTH: usize = 10;

impl From<StreamPriority> for HeaderValue {
    fn from(priority: StreamPriority) -> Self {
        let nibbles = priority
            .to_bytes()
            .into_iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf]);
        let mut digits = [b'0'; MARK_LENGTH];
        for (digit, nibble) in digits.iter_mut().zip(nibbles) {
            *digit = match nibble {
                0..=9 => b'0' + nibble,
                _ => b'a' + nibble - 10,
            };
        }
        // Hex digits are always a value.
        Self::from_bytes(&digits).unwrap_or(Self::from_static("0000000000"))
    }
}

/// The five bytes that a mark stands for; `None` if it is somebody else's.
pub(super) fn priority(mark: &[u8]) -> Option<[u8; 5]> {
    let digits: &[u8; MARK_LENGTH] = mark.try_into().ok()?;
    let mut bytes = [0; 5];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            *byte = *byte << 4 | char::from(*digit).to_digit(16)? as u8;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (exclusive, dependency, weight_less_one) in
            [(true, 0, 255), (false, 13, 41), (true, 0x7fff_ffff, 0)]
        {
            let given = StreamPriority {
                exclusive,
                dependency,
                weight_less_one,
            };
            let value = HeaderValue::from(given);
            assert_eq!(priority(value.as_bytes()), Some(given.to_bytes()));
        }
    }

    #[test]
    fn anything_else_is_no_priority() {
        for other in ["", "00000000f", "00000000fg", "00000000ff0", "u=1, i"] {
            assert_eq!(priority(other.as_bytes()), None, "{other}");
        }
    }
}
