//! The names that profile files use for numbers: IANA's.
//!
//! A number without a name here is written in hex, `0x1234`, and so can any other be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rustls::CipherSuite;

/// A registry of numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Registry {
    CertificateCompression,
    CipherSuite,
    Extension,
    Group,
    Setting,
    SignatureScheme,
    Version,
}

impl Registry {
    /// The number of `text`, a name of this registry in any case or four hex digits after `0x`.
    pub(crate) fn number(self, text: &str) -> Option<u16> {
        if let Some(digits) = text.strip_prefix("0x") {
            return (digits.len() == 4)
                .then(|| u16::from_str_radix(digits, 16).ok())
                .flatten();
        }
        match self {
            Self::CipherSuite => SUITES.get(&*text.to_ascii_uppercase()).copied(),
            _ => self
                .table()
                .iter()
                .find(|(_, name)| name.eq_ignore_ascii_case(text))
                .map(|(number, _)| *number),
        }
    }

    /// How a profile file writes `number`.
    pub(crate) fn text(self, number: u16) -> String {
        let name = match self {
            Self::CipherSuite => suite_name(number),
            _ => self
                .table()
                .iter()
                .find(|(known, _)| *known == number)
                .map(|(_, name)| (*name).to_owned()),
        };
        name.unwrap_or_else(|| format!("{number:#06x}"))
    }

    const fn table(self) -> &'static [(u16, &'static str)] {
        match self {
            Self::CertificateCompression => &[(1, "zlib"), (2, "brotli"), (3, "zstd")],
            Self::CipherSuite => &[],
            Self::Extension => EXTENSIONS,
            Self::Group => GROUPS,
            Self::Setting => SETTINGS,
            Self::SignatureScheme => SIGNATURE_SCHEMES,
            Self::Version => &[
                (0x0300, "SSL 3.0"),
                (0x0301, "TLS 1.0"),
                (0x0302, "TLS 1.1"),
                (0x0303, "TLS 1.2"),
                (0x0304, "TLS 1.3"),
            ],
        }
    }
}

/// Where IANA's registry of cipher suites has any.
const SUITE_RANGES: [std::ops::RangeInclusive<u16>; 5] = [
    0x0000..=0x00ff,
    0x1300..=0x13ff,
    0xc000..=0xc1ff,
    0xcc00..=0xd0ff,
    0xfe00..=0xfeff,
];

/// Every suite that has a name, by that name.
static SUITES: LazyLock<BTreeMap<String, u16>> = LazyLock::new(|| {
    let numbers = SUITE_RANGES.into_iter().flatten();
    numbers
        .filter_map(|number| Some((suite_name(number)?.to_ascii_uppercase(), number)))
        .collect()
});

/// IANA's name, by rustls, which writes those of TLS 1.3 its own way.
fn suite_name(number: u16) -> Option<String> {
    let name = CipherSuite::from(number).as_str()?;
    Some(
        name.strip_prefix("TLS13_")
            .map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}")),
    )
}

/// <https://www.iana.org/assignments/tls-extensiontype-values>
const EXTENSIONS: &[(u16, &str)] = &[
    (0, "server_name"),
    (5, "status_request"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (13, "signature_algorithms"),
    (16, "application_layer_protocol_negotiation"),
    (17, "status_request_v2"),
    (18, "signed_certificate_timestamp"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_master_secret"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (34, "delegated_credential"),
    (35, "session_ticket"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (47, "certificate_authorities"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (0x4469, "application_settings_old"),
    (0x44cd, "application_settings"),
    (0xca34, "trust_anchors"),
    (0xfe0d, "encrypted_client_hello"),
    (0xff01, "renegotiation_info"),
];

/// <https://www.iana.org/assignments/tls-parameters>, "TLS Supported Groups"
const GROUPS: &[(u16, &str)] = &[
    (0x0017, "secp256r1"),
    (0x0018, "secp384r1"),
    (0x0019, "secp521r1"),
    (0x001d, "x25519"),
    (0x001e, "x448"),
    (0x0100, "ffdhe2048"),
    (0x0101, "ffdhe3072"),
    (0x0102, "ffdhe4096"),
    (0x0103, "ffdhe6144"),
    (0x0104, "ffdhe8192"),
    (0x0200, "MLKEM512"),
    (0x0201, "MLKEM768"),
    (0x0202, "MLKEM1024"),
    (0x11eb, "SecP256r1MLKEM768"),
    (0x11ec, "X25519MLKEM768"),
    (0x11ed, "SecP384r1MLKEM1024"),
];

/// <https://www.iana.org/assignments/http2-parameters>, "HTTP/2 Settings"
const SETTINGS: &[(u16, &str)] = &[
    (0x1, "HEADER_TABLE_SIZE"),
    (0x2, "ENABLE_PUSH"),
    (0x3, "MAX_CONCURRENT_STREAMS"),
    (0x4, "INITIAL_WINDOW_SIZE"),
    (0x5, "MAX_FRAME_SIZE"),
    (0x6, "MAX_HEADER_LIST_SIZE"),
    (0x8, "ENABLE_CONNECT_PROTOCOL"),
    (0x9, "NO_RFC7540_PRIORITIES"),
    (0x10, "TLS_RENEG_PERMITTED"),
];

/// <https://www.iana.org/assignments/tls-parameters>, "TLS SignatureScheme"
const SIGNATURE_SCHEMES: &[(u16, &str)] = &[
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0203, "ecdsa_sha1"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
    (0x0808, "ed448"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080a, "rsa_pss_pss_sha384"),
    (0x080b, "rsa_pss_pss_sha512"),
    (0x0904, "mldsa44"),
    (0x0905, "mldsa65"),
    (0x0906, "mldsa87"),
];

#[cfg(test)]
mod tests {
    use super::Registry;

    #[test]
    fn names_and_hex_are_numbers() {
        for (registry, text, number) in [
            (Registry::CipherSuite, "TLS_AES_128_GCM_SHA256", 0x1301),
            (
                Registry::CipherSuite,
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                0xcca8,
            ),
            (
                Registry::CipherSuite,
                "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
                0x00ff,
            ),
            (Registry::Group, "X25519MLKEM768", 0x11ec),
            (Registry::Version, "TLS 1.3", 0x0304),
            (Registry::Extension, "server_name", 0),
            (Registry::SignatureScheme, "0xfe00", 0xfe00),
            (Registry::Setting, "NO_RFC7540_PRIORITIES", 9),
            (Registry::Setting, "0x0007", 7),
        ] {
            assert_eq!(registry.number(text), Some(number), "{text}");
            assert_eq!(registry.text(number), text);
        }
        for text in ["", "0x", "0x12", "0x12345", "TLS_NOTHING", "1301", "0xzzzz"] {
            assert_eq!(Registry::CipherSuite.number(text), None, "{text}");
        }
    }

    #[test]
    fn every_suite_is_found_by_its_name() {
        for number in 0..=u16::MAX {
            let text = Registry::CipherSuite.text(number);
            assert_eq!(Registry::CipherSuite.number(&text), Some(number), "{text}");
        }
    }
}
