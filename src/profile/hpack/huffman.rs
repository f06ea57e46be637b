//! Huffman-coded strings (RFC 7541 §5.2).

use super::error::HpackError;
use super::huffman_table::{
    BY_LENGTH, CODES, Code, EOS, LENGTHS, LONGEST, PREFIXES, Prefix, SORTED, WINDOW_BITS,
};
use super::text::Text;

const SHORTEST_CODE: usize = 5;

/// What a word-wise write or read may go beyond the string.
const SLACK: usize = 8;

/// The bytes that `text` takes when coded.
pub(super) fn encoded_length(text: &[u8]) -> usize {
    let length = |byte: u8| LENGTHS.get(usize::from(byte)).copied().unwrap_or(0);
    let bits = text.iter().map(|&byte| usize::from(length(byte)));
    bits.sum::<usize>().div_ceil(8)
}

/// Appends `text`, coded; `encoded` must be its [`encoded_length`].
pub(super) fn encode(text: &[u8], encoded: usize, out: &mut Text) {
    let room = out.room(encoded + SLACK);
    let mut writer = Writer {
        at: 0,
        pending: 0,
        bits: 0,
    };
    let (quads, rest) = text.as_chunks::<4>();
    for quad in quads {
        let [a, b, c, d] = quad.map(code);
        let length = a.length + b.length + c.length + d.length;
        if length <= Writer::ROOM {
            let joined = |left: u64, right: Code| left << right.length | u64::from(right.bits);
            let bits = joined(joined(joined(u64::from(a.bits), b), c), d);
            writer.push(bits, length, room);
        } else {
            for code in [a, b, c, d] {
                writer.push(code.bits.into(), code.length, room);
            }
        }
    }
    for &byte in rest {
        let Code { bits, length } = code(byte);
        writer.push(bits.into(), length, room);
    }
    writer.pad(room);
    out.advance(encoded);
}

/// Appends what `coded` stands for.
pub(super) fn decode(coded: &[u8], out: &mut Text) -> Result<(), HpackError> {
    let room = out.room(coded.len() * 8 / SHORTEST_CODE + SLACK);
    let mut at = 0;
    let mut bits = Bits::new(coded);
    loop {
        if bits.held < LONGEST as u32 {
            bits.refill();
        }
        let window = (bits.complement >> (64 - WINDOW_BITS)) as usize;
        let prefix = PREFIXES.get(window).copied().unwrap_or(Prefix::NONE);
        let length = u32::from(prefix.length);
        if length == 0 || length > bits.held {
            match bits.last_or_long()? {
                Some(symbol) => {
                    if let Some(slot) = room.get_mut(at) {
                        *slot = symbol;
                    }
                    at += 1;
                    continue;
                }
                None => break,
            }
        }
        if let Some(slots) = room.get_mut(at..at + 2) {
            slots.copy_from_slice(&prefix.symbols);
        }
        at += usize::from(prefix.count);
        bits.skip(length);
    }
    out.advance(at);
    Ok(())
}

struct Writer {
    /// Where the pending bits go.
    at: usize,
    /// Less than a byte, at the high end.
    pending: u64,
    bits: u8,
}

impl Writer {
    /// What fits beside an incomplete byte.
    const ROOM: u8 = 57;

    fn push(&mut self, bits: u64, length: u8, out: &mut [u8]) {
        let filled = self.bits + length;
        let word = self.pending | bits << (64 - filled);
        self.store(word, out);
        self.at += usize::from(filled / 8);
        self.pending = word << ((filled & !7) % 64);
        if filled == 64 {
            self.pending = 0;
        }
        self.bits = filled % 8;
    }

    /// The rest of a byte is the beginning of EOS.
    fn pad(&self, out: &mut [u8]) {
        if self.bits != 0 {
            self.store(self.pending | u64::MAX >> self.bits, out);
        }
    }

    fn store(&self, word: u64, out: &mut [u8]) {
        if let Some(slots) = out.get_mut(self.at..self.at + SLACK) {
            slots.copy_from_slice(&word.to_be_bytes());
        }
    }
}

struct Bits<'a> {
    coded: &'a [u8],
    /// The next bits, from the highest on, each inverted: what follows the string counts as ones, like padding.
    complement: u64,
    /// How many of them are held for certain; those of a byte in part may follow.
    held: u32,
}

impl<'a> Bits<'a> {
    fn new(coded: &'a [u8]) -> Self {
        Self {
            coded,
            complement: 0,
            held: 0,
        }
    }

    fn skip(&mut self, length: u32) {
        self.complement <<= length;
        self.held -= length;
    }

    /// Adds whole bytes while they fit.
    fn refill(&mut self) {
        if let Some((next, _)) = self.coded.split_first_chunk::<8>() {
            let bytes = (63 - self.held) / 8;
            self.complement |= !u64::from_be_bytes(*next) >> self.held;
            self.held += bytes * 8;
            self.coded = self.coded.get(bytes as usize..).unwrap_or_default();
            return;
        }
        if let Some((next, rest)) = self.coded.split_first_chunk::<4>()
            && self.held <= 32
        {
            self.complement |= u64::from(!u32::from_be_bytes(*next)) << (32 - self.held);
            self.held += 32;
            self.coded = rest;
        }
        while self.held <= 56 {
            let Some((&next, rest)) = self.coded.split_first() else {
                return;
            };
            self.complement |= u64::from(!next) << (56 - self.held);
            self.held += 8;
            self.coded = rest;
        }
    }

    /// The next symbol, where the quick way does not go; none at the end.
    #[inline(never)]
    fn last_or_long(&mut self) -> Result<Option<u8>, HpackError> {
        if self.held < 8 && self.complement == 0 {
            return Ok(None);
        }
        let (symbol, length) = first_code((!self.complement >> 32) as u32);
        if length > self.held {
            return Err(HpackError::HuffmanPadding);
        }
        self.skip(length);
        // The only symbol that is no byte is EOS.
        let byte = u8::try_from(symbol).map_err(|_| HpackError::HuffmanEos)?;
        Ok(Some(byte))
    }
}

/// The symbol whose code `window` begins with, and the code's length.
fn first_code(window: u32) -> (u16, u32) {
    for (length, entry) in (0..).zip(&BY_LENGTH) {
        if u64::from(window) < entry.limit {
            let code = window >> (32 - length);
            let place = usize::from(entry.offset) + (code - entry.first) as usize;
            return (SORTED.get(place).copied().unwrap_or(EOS), length);
        }
    }
    (EOS, LONGEST as u32)
}

fn code(byte: u8) -> Code {
    const NONE: Code = Code { bits: 0, length: 0 };
    CODES.get(usize::from(byte)).copied().unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Text::default();
        out.extend(b"before");
        encode(text, encoded_length(text), &mut out);
        out.as_slice()[6..].to_vec()
    }

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, HpackError> {
        let mut out = Text::default();
        out.extend(b"before");
        decode(coded, &mut out)?;
        Ok(out.as_slice()[6..].to_vec())
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
