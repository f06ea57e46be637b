//! GREASE: values that mean nothing and keep the other side tolerant (RFC 8701).

/// Whether `value` is one of the sixteen that RFC 8701 reserves for cipher suites, groups, extensions, versions and signature
/// algorithms: `0x0a0a`, `0x1a1a`, … `0xfafa`.
///
/// A client draws them at random, so a fingerprint leaves them out.
pub const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// `values` without GREASE, in their order.
pub(super) fn without_grease(values: &[u16]) -> impl Iterator<Item = u16> {
    values.iter().copied().filter(|value| !is_grease(*value))
}

#[cfg(test)]
mod tests {
    use super::is_grease;

    #[test]
    fn there_are_sixteen() {
        let values: Vec<u16> = (0..=u16::MAX).filter(|value| is_grease(*value)).collect();
        assert_eq!(values.len(), 16);
        assert_eq!(values.first(), Some(&0x0a0a));
        assert_eq!(values.last(), Some(&0xfafa));
    }
}
