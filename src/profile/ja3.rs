//! JA3: the older fingerprint of a ClientHello (Althouse, Atkinson, Atkins; Salesforce, 2017).
//!
//! It keeps the order of the extensions, so a client that shuffles them has another JA3 on every connection.

use super::digest::md5;
use super::grease::without_grease;
use super::hello::ClientHello;

impl ClientHello {
    /// The JA3 text: version, cipher suites, extensions, groups and point formats, in decimal, in the order of the wire and
    /// without GREASE.
    pub fn ja3(&self) -> String {
        let extensions: Vec<u16> = self.extensions().iter().map(|sent| sent.id()).collect();
        format!(
            "{},{},{},{},{}",
            self.legacy_version(),
            decimal(without_grease(self.cipher_suites())),
            decimal(without_grease(&extensions)),
            decimal(without_grease(self.supported_groups())),
            decimal(self.point_formats().iter().copied().map(u16::from)),
        )
    }

    /// The MD5 of [`ja3`](Self::ja3): 32 hexadecimal digits, the form that is usually meant by "JA3".
    pub fn ja3_hash(&self) -> String {
        md5(&self.ja3())
    }
}

fn decimal(values: impl Iterator<Item = u16>) -> String {
    values
        .map(|value| value.to_string())
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use crate::profile::ClientHello;
    use crate::profile::tests::{firefox, go};

    #[test]
    fn the_text_is_in_the_order_of_the_wire() {
        let hello = ClientHello::from_records(&go()).unwrap();
        assert_eq!(
            hello.ja3(),
            "771,49195-49199-49196-49200-52393-52392-49161-49171-49162-49172-156-157-47-53-49170-10-4865-\
             4866-4867,0-5-10-11-13-65281-16-18-43-51,29-23-24-25,0"
        );
    }

    #[test]
    fn the_hash_is_that_of_the_text() {
        let hello = ClientHello::from_records(&firefox()).unwrap();
        assert_eq!(hello.ja3_hash(), "6447ab086255d194909d4013b1a89e87");
    }
}
