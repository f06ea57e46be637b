//! Why bytes are no ClientHello.

use std::fmt;

/// Why bytes could not be read as a [`ClientHello`](super::ClientHello).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HelloError {
    /// A field contradicts its own length or definition. More bytes would not help.
    Malformed {
        /// The field, by its name in RFC 8446 or in the RFC of the extension: `cipher_suites`, `key_share`.
        field: &'static str,
    },
    /// The bytes begin with something else: another record type or another handshake message.
    NotClientHello,
    /// The bytes end before the message does; with more of them it may be readable.
    Truncated,
}

impl fmt::Display for HelloError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { field } => write!(formatter, "malformed ClientHello: {field}"),
            Self::NotClientHello => formatter.write_str("not a ClientHello"),
            Self::Truncated => formatter.write_str("truncated ClientHello"),
        }
    }
}

impl std::error::Error for HelloError {}

/// The value of `field`, which is malformed if there is none.
pub(super) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, HelloError> {
    value.ok_or(HelloError::Malformed { field })
}
