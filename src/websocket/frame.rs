//! The head of a frame (RFC 6455 §5.2).

use bytes::BufMut;

/// Two bytes, a length of eight and a masking key.
pub(crate) const LONGEST_HEAD: usize = 14;

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const CONTROL: u8 = 0x08;

const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The length is in the next two bytes.
const TWO_BYTES: u8 = 126;
/// The length is in the next eight bytes.
const EIGHT_BYTES: u8 = 127;

/// A frame's first byte: whether it is its message's last, the reserved bits, the opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FirstByte(pub(crate) u8);

impl FirstByte {
    pub(crate) fn new(opcode: u8, fin: bool) -> Self {
        Self(opcode & OPCODE).with_fin(fin)
    }

    pub(crate) fn with_fin(self, fin: bool) -> Self {
        Self(self.0 & !FIN | if fin { FIN } else { 0 })
    }

    pub(crate) fn with_rsv1(self, rsv1: bool) -> Self {
        Self(self.0 & !RSV1 | if rsv1 { RSV1 } else { 0 })
    }

    pub(crate) fn fin(self) -> bool {
        self.0 & FIN != 0
    }

    pub(crate) fn rsv1(self) -> bool {
        self.0 & RSV1 != 0
    }

    /// Whether a bit is set that only extensions unknown here could give a meaning.
    pub(crate) fn rsv2_or_rsv3(self) -> bool {
        self.0 & RSV2_AND_RSV3 != 0
    }

    pub(crate) fn opcode(self) -> u8 {
        self.0 & OPCODE
    }

    pub(crate) fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// Whether it begins a message of data.
    pub(crate) fn begins_message(self) -> bool {
        matches!(self.opcode(), TEXT | BINARY)
    }
}

/// A frame up to its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) first: FirstByte,
    /// The masking key, of a frame from a client.
    pub(crate) mask: Option<[u8; 4]>,
    /// The payload's, in bytes, as it was written: nothing says that there are not 2⁶³ or more, nor that the shortest form was used.
    pub(crate) length: u64,
}

impl FrameHead {
    /// The length in its shortest form.
    pub(crate) fn write(&self, out: &mut impl BufMut) {
        out.put_u8(self.first.0);
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        if self.length < u64::from(TWO_BYTES) {
            out.put_u8(masked | self.length as u8);
        } else if let Ok(length) = u16::try_from(self.length) {
            out.put_u8(masked | TWO_BYTES);
            out.put_u16(length);
        } else {
            out.put_u8(masked | EIGHT_BYTES);
            out.put_u64(self.length);
        }
        if let Some(key) = self.mask {
            out.put_slice(&key);
        }
    }
}

/// Reads heads from bytes that come in any pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadParser {
    bytes: [u8; LONGEST_HEAD],
    filled: usize,
}

impl HeadParser {
    /// Takes bytes of the head and says how many; with the last of them, gives the head. After that it is ready for the next.
    pub(crate) fn take(&mut self, input: &[u8]) -> (usize, Option<FrameHead>) {
        let mut taken = 0;
        while self.filled < self.needed() {
            let end = self.needed();
            let rest = input.get(taken..).unwrap_or_default();
            let missing = self.bytes.get_mut(self.filled..end).unwrap_or_default();
            let more = missing.len().min(rest.len());
            if more == 0 {
                return (taken, None);
            }
            for (to, from) in missing.iter_mut().zip(rest) {
                *to = *from;
            }
            self.filled += more;
            taken += more;
        }
        let head = self.head();
        self.filled = 0;
        (taken, Some(head))
    }

    /// What was taken of an unfinished head.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// How long the head is; before its second byte nobody knows more than that there are two.
    fn needed(&self) -> usize {
        if self.filled < 2 {
            return 2;
        }
        let mask = if self.is_masked() { 4 } else { 0 };
        2 + self.length_bytes() + mask
    }

    fn is_masked(&self) -> bool {
        self.bytes[1] & MASKED != 0
    }

    fn length_bytes(&self) -> usize {
        match self.bytes[1] & LENGTH {
            TWO_BYTES => 2,
            EIGHT_BYTES => 8,
            _ => 0,
        }
    }

    fn head(&self) -> FrameHead {
        let (length, key) = self.bytes().split_at(2 + self.length_bytes());
        let length = match length {
            [_, byte] => u64::from(byte & LENGTH),
            [_, _, long @ ..] => long
                .iter()
                .fold(0, |so_far, byte| so_far << 8 | u64::from(*byte)),
            _ => 0,
        };
        FrameHead {
            first: FirstByte(self.bytes[0]),
            mask: key.try_into().ok(),
            length,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6455 §5.7.
    #[test]
    fn the_examples_of_the_rfc() {
        let head = |opcode, fin, mask, length| FrameHead {
            first: FirstByte::new(opcode, fin),
            mask,
            length,
        };
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for (bytes, head) in [
            (&[0x81, 0x05][..], head(TEXT, true, None, 5)),
            (
                &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d],
                head(TEXT, true, Some(key), 5),
            ),
            (&[0x01, 0x03], head(TEXT, false, None, 3)),
            (&[0x80, 0x02], head(CONTINUATION, true, None, 2)),
            (&[0x82, 0x7e, 0x01, 0x00], head(BINARY, true, None, 256)),
            (
                &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0],
                head(BINARY, true, None, 65_536),
            ),
        ] {
            let taken = HeadParser::default().take(bytes);
            assert_eq!(taken, (bytes.len(), Some(head)));
            let mut written = Vec::new();
            head.write(&mut written);
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn the_bits_of_the_first_byte() {
        let byte = FirstByte(0xc1);
        assert!(byte.fin() && byte.rsv1() && !byte.rsv2_or_rsv3() && byte.begins_message());
        assert_eq!(byte.with_rsv1(false).with_fin(false), FirstByte(0x01));
        assert!(FirstByte(0x20).rsv2_or_rsv3() && FirstByte(0x10).rsv2_or_rsv3());
        assert!(FirstByte(0x89).is_control() && !FirstByte(0x80).is_control());
        assert!(!FirstByte(0x80).begins_message() && !FirstByte(0x83).begins_message());
    }

    proptest! {
        #[test]
        fn there_and_back_in_any_pieces(
            first: u8,
            mask: Option<[u8; 4]>,
            length in prop_oneof![0..300_u64, 65_500..65_600_u64, any::<u64>()],
            piece in 1..15_usize,
            behind in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let head = FrameHead { first: FirstByte(first), mask, length };
            let mut bytes = Vec::new();
            head.write(&mut bytes);
            let length = bytes.len();
            bytes.extend(behind);
            let mut parser = HeadParser::default();
            let mut taken = 0;
            loop {
                let part = &bytes[taken..bytes.len().min(taken + piece)];
                let (more, found) = parser.take(part);
                taken += more;
                if let Some(found) = found {
                    prop_assert_eq!(found, head);
                    break;
                }
                prop_assert_eq!(more, part.len());
                prop_assert_eq!(parser.bytes(), &bytes[..taken]);
            }
            prop_assert_eq!(taken, length);
            prop_assert!(parser.bytes().is_empty());
        }
    }
}
