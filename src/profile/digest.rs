//! The two hashes that fingerprints are abbreviated with. Neither protects anything here.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hex;

/// The MD5 of `text` in hexadecimal: 32 digits.
pub(super) fn md5(text: &str) -> String {
    hex::encode(&Md5::digest(text))
}

/// The SHA-256 of `text` in hexadecimal: 64 digits.
pub(super) fn sha256(text: &str) -> String {
    hex::encode(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_published_examples() {
        // RFC 1321 appendix A.5 and FIPS 180-2 appendix B.1.
        assert_eq!(super::md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert!(super::sha256("abc").starts_with("ba7816bf8f01cfea414140de5dae2223"));
    }
}
