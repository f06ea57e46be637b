//! Huffman-coded strings (RFC 7541 §5.2).

use super::error::HpackError;
use super::huffman_table::{BY_LENGTH, CODES, EOS, LONGEST, PREFIXES, Prefix, SORTED, WINDOW_BITS};

const SHORTEST_CODE: usize = 5;

/// The bytes that `text` takes when coded.
pub(super) fn encoded_length(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| usize::from(length(byte))).sum();
    bits.div_ceil(8)
}

/// Appends `text`, coded; `encoded` must be its [`encoded_length`].
pub(super) fn encode(text: &[u8], encoded: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + encoded, 0);
    let (words, tail) = out
        .get_mut(start..)
        .unwrap_or_default()
        .as_chunks_mut::<4>();
    let mut words = words.iter_mut();
    let (mut pending, mut bits) = (0_u64, 0);
    for &byte in text {
        let Some(code) = CODES.get(usize::from(byte)) else {
            continue;
        };
        pending = pending << code.length | u64::from(code.bits);
        bits += u32::from(code.length);
        if bits >= 32 {
            bits -= 32;
            if let Some(word) = words.next() {
                *word = ((pending >> bits) as u32).to_be_bytes();
            }
        }
    }
    // Up to 31 bits are left; what they do not fill is padded with the beginning of EOS.
    let padded = pending << (32 - bits) | u64::from(u32::MAX >> bits);
    let last = (padded as u32).to_be_bytes();
    let rest = words.into_slice().as_flattened_mut().iter_mut().chain(tail);
    for (slot, byte) in rest.zip(last) {
        *slot = byte;
    }
}

/// Appends what `coded` stands for.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), HpackError> {
    let start = out.len();
    out.resize(start + coded.len() * 8 / SHORTEST_CODE, 0);
    let mut slots = out.get_mut(start..).unwrap_or_default().iter_mut();
    let mut bits = Bits::new(coded);
    while let Some(symbol) = bits.symbol()? {
        if let Some(slot) = slots.next() {
            *slot = symbol;
        }
    }
    let unused = slots.len();
    out.truncate(out.len() - unused);
    Ok(())
}

struct Bits<'a> {
    coded: &'a [u8],
    /// The next bits, from the highest on; ones below them.
    window: u64,
    /// How many of the window's bits are of the string.
    held: u32,
}

impl<'a> Bits<'a> {
    fn new(coded: &'a [u8]) -> Self {
        Self {
            coded,
            window: u64::MAX,
            held: 0,
        }
    }

    fn symbol(&mut self) -> Result<Option<u8>, HpackError> {
        if self.held < LONGEST as u32 {
            self.refill();
        }
        let at = (self.window >> (64 - WINDOW_BITS)) as usize;
        let Prefix { mut symbol, length } = PREFIXES.get(at).copied().unwrap_or(LONG);
        let mut length = u32::from(length);
        if length == 0 {
            (symbol, length) = match long_code((self.window >> 32) as u32) {
                // Only padding reads as EOS without being it.
                (EOS, length) if self.held >= length => return Err(HpackError::HuffmanEos),
                (symbol, length) => (symbol as u8, length),
            };
        }
        if length > self.held {
            return self.end();
        }
        self.window = !(!self.window << length);
        self.held -= length;
        Ok(Some(symbol))
    }

    /// Adds whole bytes while they fit.
    fn refill(&mut self) {
        if let Some((next, _)) = self.coded.split_first_chunk::<8>() {
            let room = (63 - self.held) / 8;
            let fresh = !u64::from_be_bytes(*next) >> self.held;
            // Bits beyond the whole bytes are read again with the next refill; until then they count as ones.
            let kept = !(u64::MAX >> (self.held + room * 8));
            self.window &= !(fresh & kept);
            self.held += room * 8;
            self.coded = self.coded.get(room as usize..).unwrap_or_default();
            return;
        }
        while self.held <= 56 {
            let Some((&next, rest)) = self.coded.split_first() else {
                return;
            };
            self.window &= !(u64::from(!next) << (56 - self.held));
            self.held += 8;
            self.coded = rest;
        }
    }

    /// No further symbol fits: what is left must be padding.
    fn end(&self) -> Result<Option<u8>, HpackError> {
        if self.held < 8 && self.window == u64::MAX {
            Ok(None)
        } else {
            Err(HpackError::HuffmanPadding)
        }
    }
}

const LONG: Prefix = Prefix {
    symbol: 0,
    length: 0,
};

/// The symbol whose code `window` begins with, and the code's length.
#[cold]
fn long_code(window: u32) -> (u16, u32) {
    for (length, entry) in (0..).zip(&BY_LENGTH) {
        if u64::from(window) < entry.limit {
            let code = window >> (32 - length);
            let place = usize::from(entry.offset) + (code - entry.first) as usize;
            return (SORTED.get(place).copied().unwrap_or(EOS), length);
        }
    }
    (EOS, LONGEST as u32)
}

fn length(byte: u8) -> u8 {
    CODES.get(usize::from(byte)).map_or(0, |code| code.length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        encode(text, encoded_length(text), &mut out);
        out.split_off(6)
    }

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, HpackError> {
        let mut out = b"before".to_vec();
        decode(coded, &mut out)?;
        Ok(out.split_off(6))
    }

    #[test]
    fn every_byte_is_read_as_it_was_written() {
        for byte in 0..=255 {
            for text in [&[byte][..], &[byte; 9], &[b'a', byte, b'b']] {
                assert_eq!(decoded(&encoded(text)).as_deref(), Ok(text));
            }
        }
    }

    #[test]
    fn padding_is_up_to_seven_ones() {
        assert_eq!(decoded(b""), Ok(vec![]));
        // 'a' is 00011.
        assert_eq!(decoded(&[0b0001_1111]), Ok(vec![b'a']));
        for wrong in [
            &[0b0001_1110][..],
            &[0b0001_1011],
            &[0b0001_1111, 0xff],
            &[0xff],
        ] {
            assert_eq!(
                decoded(wrong),
                Err(HpackError::HuffmanPadding),
                "{wrong:x?}"
            );
        }
        // 29 ones are no EOS yet.
        assert_eq!(
            decoded(&[0xff, 0xff, 0xff]),
            Err(HpackError::HuffmanPadding)
        );
    }

    #[test]
    fn eos_is_refused() {
        assert_eq!(decoded(&[0xff; 4]), Err(HpackError::HuffmanEos));
        assert_eq!(decoded(&[0xff; 12]), Err(HpackError::HuffmanEos));
        assert_eq!(
            decoded(&[0b0001_1111, 0xff, 0xff, 0xff, 0xff]),
            Err(HpackError::HuffmanEos)
        );
    }

    proptest! {
        #[test]
        fn any_text(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let coded = encoded(&text);
            prop_assert_eq!(coded.len(), encoded_length(&text));
            prop_assert_eq!(decoded(&coded), Ok(text));
        }

        #[test]
        fn usual_text(text in "[ -~]{0,300}") {
            prop_assert_eq!(decoded(&encoded(text.as_bytes())), Ok(text.into_bytes()));
        }

        #[test]
        fn a_string_has_one_coding(coded in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(text) = decoded(&coded) {
                prop_assert_eq!(encoded(&text), coded);
            }
        }
    }
}
