//! The TLS records that carry a ClientHello.

use super::hello_error::HelloError;
use super::read::Reader;

/// The version and content of the next record (RFC 8446 section 5.1); of one that has not wholly arrived, what is there.
pub(super) fn read_record<'a>(
    reader: &mut Reader<'a>,
    is_first: bool,
) -> Result<(u16, &'a [u8]), HelloError> {
    match reader.u8() {
        Some(HANDSHAKE) => {}
        Some(_) if is_first => return Err(HelloError::NotClientHello),
        Some(_) => {
            return Err(HelloError::Malformed {
                field: "record type",
            });
        }
        None => return Err(HelloError::Truncated),
    }
    let version = reader.u16().ok_or(HelloError::Truncated)?;
    let length = usize::from(reader.u16().ok_or(HelloError::Truncated)?);
    if length == 0 || length > MAXIMUM_FRAGMENT {
        return Err(HelloError::Malformed {
            field: "record length",
        });
    }
    let arrived = length.min(reader.rest().len());
    Ok((version, reader.take(arrived).ok_or(HelloError::Truncated)?))
}

/// ContentType `handshake`.
const HANDSHAKE: u8 = 22;

/// A plaintext record carries at most 2^14 bytes (RFC 8446 section 5.1).
const MAXIMUM_FRAGMENT: usize = 1 << 14;
