//! Integers (RFC 7541 §5.1).

use super::error::HpackError;
use super::text::Text;
use crate::profile::read::Reader;

/// Five bytes of seven bits hold 32 bits; a sixth could only be zero padding.
const MAX_CONTINUATION_BYTES: u32 = 5;

/// Writes `value` with the `prefix_bits` low bits of a byte whose other bits are those of `pattern`.
pub(super) fn encode(pattern: u8, prefix_bits: u32, value: usize, out: &mut Text) {
    let full = prefix_mask(prefix_bits);
    if value < usize::from(full) {
        out.push(pattern | value as u8);
        return;
    }
    out.push(pattern | full);
    let mut rest = value - usize::from(full);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads the integer that begins in the `prefix_bits` low bits of `first`.
pub(super) fn decode(
    first: u8,
    prefix_bits: u32,
    reader: &mut Reader<'_>,
) -> Result<u32, HpackError> {
    let full = prefix_mask(prefix_bits);
    let prefix = first & full;
    if prefix < full {
        return Ok(u32::from(prefix));
    }
    let mut value = u64::from(full);
    for byte_number in 0..MAX_CONTINUATION_BYTES {
        let next = reader.u8().ok_or(HpackError::Truncated)?;
        value += u64::from(next & 0x7f) << (7 * byte_number);
        if next & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| HpackError::IntegerOverflow);
        }
    }
    Err(HpackError::IntegerOverflow)
}

const fn prefix_mask(prefix_bits: u32) -> u8 {
    ((1_u32 << prefix_bits) - 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], prefix_bits: u32) -> Result<u32, HpackError> {
        let mut reader = Reader::new(bytes);
        let first = reader.u8().unwrap();
        decode(first, prefix_bits, &mut reader)
    }

    #[test]
    fn appendix_c1() {
        for (value, prefix_bits, bytes) in [
            (10, 5, &[0x0a][..]),
            (1337, 5, &[0x1f, 0x9a, 0x0a]),
            (42, 8, &[0x2a]),
        ] {
            let mut out = Text::default();
            encode(0, prefix_bits, value, &mut out);
            assert_eq!(out.as_slice(), bytes);
            assert_eq!(read(bytes, prefix_bits), Ok(value as u32));
        }
    }

    #[test]
    fn too_long_and_too_short() {
        let overflow = Err(HpackError::IntegerOverflow);
        assert_eq!(read(b"\x1f\xe0\xff\xff\xff\x0f", 5), Ok(u32::MAX));
        assert_eq!(read(b"\x1f\xe1\xff\xff\xff\x0f", 5), overflow);
        assert_eq!(read(b"\x1f\x80\x80\x80\x80\x80\x00", 5), overflow);
        assert_eq!(read(b"\x1f\x80", 5), Err(HpackError::Truncated));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(value: u32, prefix_bits in 4_u32..=7) {
            let mut out = Text::default();
            encode(0, prefix_bits, value as usize, &mut out);
            prop_assert_eq!(read(out.as_slice(), prefix_bits), Ok(value));
        }
    }
}
