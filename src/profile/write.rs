//! Vectors that their own length precedes: what [`read`](super::read) reads.

/// A vector with a length of one byte. What is longer than that can say is cut: nothing that is written here is.
pub(super) fn vector8(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    content(&mut inner);
    inner.truncate(u8::MAX.into());
    out.push(u8::try_from(inner.len()).unwrap_or(u8::MAX));
    out.append(&mut inner);
}

/// A vector with a length of two bytes. What is longer than that can say is cut: no record could carry it.
pub(super) fn vector16(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    content(&mut inner);
    inner.truncate(u16::MAX.into());
    out.extend(u16::try_from(inner.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.append(&mut inner);
}

#[cfg(test)]
mod tests {
    use super::{vector8, vector16};

    #[test]
    fn the_length_precedes_the_content() {
        let mut out = vec![9];
        vector16(&mut out, |out| vector8(out, |out| out.extend([1, 2])));
        assert_eq!(out, [9, 0, 3, 2, 1, 2]);
    }
}
