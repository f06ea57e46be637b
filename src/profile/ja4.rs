//! JA4: the fingerprint of a ClientHello that survives shuffled extensions (FoxIO, `technical_details/JA4.md`).
//!
//! Only the TLS client fingerprint, for TLS over TCP. Where FoxIO's text and its programs disagree, which is on ALPN names
//! that do not begin and end in a letter or digit, the text is followed.

use super::digest::sha256;
use super::extension::{ALPN, SERVER_NAME};
use super::grease::without_grease;
use super::hello::ClientHello;

impl ClientHello {
    /// The JA4: counts, then twelve hexadecimal digits of a hash over the sorted cipher suites, then twelve over the sorted
    /// extensions and the signature algorithms. Looks like `t13d1517h2_8daaf6152771_cb7bf5808d99`.
    pub fn ja4(&self) -> String {
        hashed(self, Order::Sorted)
    }

    /// JA4_r: as [`ja4`](Self::ja4), with the lists themselves in place of their hashes.
    pub fn ja4_r(&self) -> String {
        raw(self, Order::Sorted)
    }

    /// JA4_o: as [`ja4`](Self::ja4), over the lists in the order of the wire, server name and ALPN included.
    pub fn ja4_o(&self) -> String {
        hashed(self, Order::Wire)
    }

    /// JA4_ro: as [`ja4_o`](Self::ja4_o), with the lists themselves in place of their hashes.
    pub fn ja4_ro(&self) -> String {
        raw(self, Order::Wire)
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Order {
    Sorted,
    Wire,
}

fn hashed(hello: &ClientHello, order: Order) -> String {
    let ciphers = short_hash(&cipher_list(hello, order));
    let extensions = short_hash(&extension_list(hello, order));
    format!("{}_{ciphers}_{extensions}", counts(hello))
}

fn raw(hello: &ClientHello, order: Order) -> String {
    let ciphers = cipher_list(hello, order);
    format!(
        "{}_{ciphers}_{}",
        counts(hello),
        extension_list(hello, order)
    )
}

/// The first part: transport, version, server name or none, how many suites and extensions, first ALPN name.
fn counts(hello: &ClientHello) -> String {
    let version = without_grease(hello.supported_versions()).max();
    let version = version_digits(version.unwrap_or_else(|| hello.legacy_version()));
    let target = if hello.extension(SERVER_NAME).is_some() {
        'd'
    } else {
        'i'
    };
    let ciphers = without_grease(hello.cipher_suites())
        .count()
        .min(MAXIMUM_COUNT);
    let extensions = hello.extensions().iter().filter(|sent| !sent.is_grease());
    let extensions = extensions.count().min(MAXIMUM_COUNT);
    let [first, last] = hello.alpn_protocols().next().map_or(['0', '0'], alpn_ends);
    format!("t{version}{target}{ciphers:02}{extensions:02}{first}{last}")
}

const fn version_digits(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// The first and the last character of a protocol name, or of its hexadecimal form if either is no letter or digit.
fn alpn_ends(name: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return ['0', '0'];
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first.into(), last.into()];
    }
    [first >> 4, last & 0x0f].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
}

fn cipher_list(hello: &ClientHello, order: Order) -> String {
    let mut suites: Vec<u16> = without_grease(hello.cipher_suites()).collect();
    if order == Order::Sorted {
        suites.sort_unstable();
    }
    hexadecimal(&suites)
}

/// The extensions, then `_` and the signature algorithms if there are any; these are never sorted.
fn extension_list(hello: &ClientHello, order: Order) -> String {
    let sent = hello
        .extensions()
        .iter()
        .filter(|extension| !extension.is_grease());
    let mut ids: Vec<u16> = sent.map(|extension| extension.id()).collect();
    if order == Order::Sorted {
        ids.retain(|id| ![SERVER_NAME, ALPN].contains(id));
        ids.sort_unstable();
    }
    let algorithms: Vec<u16> = without_grease(hello.signature_algorithms()).collect();
    let separator = if algorithms.is_empty() { "" } else { "_" };
    format!(
        "{}{separator}{}",
        hexadecimal(&ids),
        hexadecimal(&algorithms)
    )
}

fn hexadecimal(values: &[u16]) -> String {
    values
        .iter()
        .map(|value| format!("{value:04x}"))
        .collect::<Vec<_>>()
        .join(",")
}

fn short_hash(list: &str) -> String {
    if list.is_empty() {
        return "0".repeat(HASH_DIGITS);
    }
    let mut hash = sha256(list);
    hash.truncate(HASH_DIGITS);
    hash
}

/// A count has two digits; above that it stays at the largest.
const MAXIMUM_COUNT: usize = 99;

/// How many hexadecimal digits of a hash are kept.
const HASH_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tests::{chromium, firefox, go};

    #[test]
    fn grease_in_every_list_is_left_out() {
        let hello = ClientHello::from_records(&chromium()).unwrap();
        assert!(
            hello
                .signature_algorithms()
                .first()
                .is_some_and(|first| first & 0x0f0f == 0x0a0a)
        );
        assert_eq!(hello.ja4(), "t13d1517h2_8daaf6152771_cb7bf5808d99");
    }

    #[test]
    fn the_captures_have_their_fingerprints() {
        let ja4 = |records: &[u8]| ClientHello::from_records(records).unwrap().ja4();
        assert_eq!(ja4(&firefox()), "t13d1617h2_86a278354501_3cbfd9057e0d");
        assert_eq!(ja4(&go()), "t13d1910h2_9dc949149365_97f8aa674fd9");
    }

    #[test]
    fn the_raw_form_hashes_to_the_short_one() {
        for records in [chromium(), firefox(), go()] {
            let hello = ClientHello::from_records(&records).unwrap();
            for (raw, short) in [
                (hello.ja4_r(), hello.ja4()),
                (hello.ja4_ro(), hello.ja4_o()),
            ] {
                let mut parts = raw.splitn(3, '_');
                let [counts, ciphers, rest] = [(); 3].map(|()| parts.next().unwrap());
                assert_eq!(
                    short,
                    format!("{counts}_{}_{}", short_hash(ciphers), short_hash(rest))
                );
            }
        }
    }

    #[test]
    fn odd_protocol_names() {
        assert_eq!(alpn_ends(b""), ['0', '0']);
        assert_eq!(alpn_ends(b"x"), ['x', 'x']);
        assert_eq!(alpn_ends(b"http/1.1"), ['h', '1']);
        assert_eq!(alpn_ends(&[0xba, 0xad]), ['b', 'd']);
        assert_eq!(alpn_ends(b"h\xff"), ['6', 'f']);
        assert_eq!(alpn_ends(&[0xab]), ['a', 'b']);
    }

    #[test]
    fn old_and_unknown_versions() {
        let versions = [0x0301, 0x0300, 0x0002, 0x7f1c].map(version_digits);
        assert_eq!(versions, ["10", "s3", "s2", "00"]);
    }

    #[test]
    fn a_list_without_members_has_zeros_for_its_hash() {
        let ja4 = |suites: &[u8]| {
            let length = u8::try_from(37 + suites.len()).unwrap();
            let head = [&[1, 0, 0, length, 3, 1][..], &[7; 32], &[0]].concat();
            let message = [&head, suites, &[1, 0]].concat();
            ClientHello::from_message(&message).unwrap().ja4()
        };
        assert_eq!(ja4(&[0, 0]), "t10i000000_000000000000_000000000000");
        assert_eq!(ja4(&[0, 2, 0, 47]), "t10i010000_ba72b8082249_000000000000");
    }

    #[test]
    fn counts_stop_at_99() {
        let suites = [0, 47].repeat(120);
        let head = [&[1, 0, 1, 23, 3, 3][..], &[7; 32], &[0, 0, 240]].concat();
        let message = [&head[..], &suites, &[1, 0]].concat();
        let hello = ClientHello::from_message(&message).unwrap();
        assert!(hello.ja4().starts_with("t12i990000_"));
    }
}
