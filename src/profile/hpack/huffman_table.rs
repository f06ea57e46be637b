//! The Huffman code (RFC 7541 appendix B), built by the compiler.
//!
//! The code is canonical: its codes count upwards in the order of (length, symbol), so that the lengths say everything.
#![allow(
    clippy::indexing_slicing,
    reason = "all of it runs in the compiler, which would refuse"
)]

/// A symbol's code, in the low `length` bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) bits: u32,
    pub(super) length: u8,
}

/// The one or two symbols that the next [`WINDOW_BITS`] bits begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    pub(super) symbols: [u8; 2],
    /// Of the symbols' codes together. Zero: the first code is longer than the window.
    pub(super) length: u8,
    pub(super) count: u8,
}

impl Prefix {
    pub(super) const NONE: Self = Self::of([0; 2], 0, 0);

    const fn of(symbols: [u8; 2], length: u8, count: u8) -> Self {
        Self {
            symbols,
            length,
            count,
        }
    }
}

/// The codes of one length: those from `first` on, whose symbols are in [`SORTED`] from `offset` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    /// The first code beyond this length and the shorter ones, at the high end of 32 bits.
    pub(super) limit: u64,
    pub(super) first: u32,
    pub(super) offset: u16,
}

pub(super) const WINDOW_BITS: u32 = 12;
pub(super) const LONGEST: usize = 30;

/// The symbol that no string contains.
pub(super) const EOS: u16 = 256;
const SYMBOLS: usize = 257;

pub(super) static CODES: [Code; SYMBOLS] = codes();
/// By the complement of the bits.
pub(super) static PREFIXES: [Prefix; 1 << WINDOW_BITS] = prefixes();

/// Symbols by (length, symbol), which is the order of their codes.
pub(super) static SORTED: [u16; SYMBOLS] = sorted();

/// By length in bits.
pub(super) static BY_LENGTH: [Length; LONGEST + 1] = by_length();

const fn sorted() -> [u16; SYMBOLS] {
    let mut sorted = [0; SYMBOLS];
    let mut filled = 0;
    let mut length = 0;
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                sorted[filled] = symbol as u16;
                filled += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    sorted
}

const fn codes() -> [Code; SYMBOLS] {
    let order = sorted();
    let mut codes = [Code { bits: 0, length: 0 }; SYMBOLS];
    let (mut next, mut length, mut place) = (0_u32, 0, 0);
    while place < SYMBOLS {
        let symbol = order[place] as usize;
        next <<= LENGTHS[symbol] - length;
        length = LENGTHS[symbol];
        codes[symbol] = Code { bits: next, length };
        next += 1;
        place += 1;
    }
    codes
}

const fn prefixes() -> [Prefix; 1 << WINDOW_BITS] {
    let singles = singles();
    let mut prefixes = [Prefix::NONE; 1 << WINDOW_BITS];
    let mut window = 0;
    while window < 1 << WINDOW_BITS {
        let (first, length) = singles[window];
        let rest = (window << length) % (1 << WINDOW_BITS);
        let (second, second_length) = singles[rest];
        prefixes[prefixes.len() - 1 - window] = if length == 0 {
            Prefix::NONE
        } else if second_length == 0 || (length + second_length) as u32 > WINDOW_BITS {
            Prefix::of([first, 0], length, 1)
        } else {
            Prefix::of([first, second], length + second_length, 2)
        };
        window += 1;
    }
    prefixes
}

/// The symbol that a window begins with, and its code's length; zero if that is longer.
const fn singles() -> [(u8, u8); 1 << WINDOW_BITS] {
    let codes = codes();
    let mut singles = [(0, 0); 1 << WINDOW_BITS];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        let Code { bits, length } = codes[symbol];
        if length as u32 <= WINDOW_BITS {
            let spare = WINDOW_BITS - length as u32;
            let mut tail = 0;
            while tail < 1 << spare {
                singles[(bits << spare) as usize + tail] = (symbol as u8, length);
                tail += 1;
            }
        }
        symbol += 1;
    }
    singles
}

const fn by_length() -> [Length; LONGEST + 1] {
    let codes = codes();
    let order = sorted();
    let mut lengths = [Length {
        limit: 0,
        first: 0,
        offset: 0,
    }; LONGEST + 1];
    let mut place = 0;
    while place < SYMBOLS {
        let Code { bits, length } = codes[order[place] as usize];
        let entry = &mut lengths[length as usize];
        if entry.limit == 0 {
            entry.first = bits;
            entry.offset = place as u16;
        }
        entry.limit = (bits as u64 + 1) << (32 - length);
        place += 1;
    }
    lengths
}

/// Bits of each symbol's code.
#[rustfmt::skip]
pub(super) static LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_complete() {
        let space: u64 = LENGTHS
            .iter()
            .map(|length| 1 << (LONGEST as u8 - length))
            .sum();
        assert_eq!(space, 1 << LONGEST);
    }

    #[test]
    fn some_of_appendix_b() {
        for (symbol, bits, length) in [
            (0, 0x1ff8, 13),
            (usize::from(b'\n'), 0x3fff_fffc, 30),
            (usize::from(b' '), 0x14, 6),
            (usize::from(b'0'), 0x0, 5),
            (usize::from(b'Z'), 0xfd, 8),
            (usize::from(b'\\'), 0x7fff0, 19),
            (usize::from(b'z'), 0x7b, 7),
            (128, 0xf_ffe6, 20),
            (199, 0x1ff_ffec, 25),
            (255, 0x3ff_ffee, 26),
            (usize::from(EOS), 0x3fff_ffff, 30),
        ] {
            assert_eq!(
                (CODES[symbol].bits, CODES[symbol].length),
                (bits, length),
                "{symbol}"
            );
        }
    }
}
