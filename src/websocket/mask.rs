//! Masking (RFC 6455 §5.3), over a payload that comes in pieces.

/// A key, and how far into the payload it was applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    /// Begins with the byte that the next one is masked with.
    key: [u8; 4],
}

impl Mask {
    pub(crate) fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Masks the payload's next bytes, or unmasks them: it is the same.
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        let [a, b, c, d] = self.key;
        let pattern = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = bytes.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ pattern).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.key.into_iter().cycle()) {
            *byte ^= key;
        }
        self.key.rotate_left(rest.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6455 §5.7: a masked "Hello".
    #[test]
    fn the_example_of_the_rfc() {
        let mut bytes = *b"Hello";
        Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut bytes);
        assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    proptest! {
        #[test]
        fn each_byte_by_the_key_s_at_its_place(
            key: [u8; 4],
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            cuts in prop::collection::vec(0..100_usize, 0..5),
        ) {
            let expected: Vec<_> = bytes.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
            let mut masked = bytes;
            let mut mask = Mask::new(key);
            let mut rest = &mut masked[..];
            for cut in cuts {
                let (piece, behind) = rest.split_at_mut(cut.min(rest.len()));
                mask.apply(piece);
                rest = behind;
            }
            mask.apply(rest);
            prop_assert_eq!(masked, expected);
        }
    }
}
