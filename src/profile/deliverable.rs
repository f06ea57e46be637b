//! What a profile offers, and a connection cannot live up to if the server takes it.

use std::fmt;

use super::document::Registry;
use super::template::{Content, HelloTemplate, Value};

/// How much of what a profile offers can be delivered.
///
/// All of it is sent. A server that takes up what is [`missing`](Self::missing) gets an alert, and the caller an error that names it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Deliverable {
    missing: Vec<Missing>,
}

/// Something that is listed only.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Missing {
    /// The field of the profile: `cipher_suites`.
    pub field: &'static str,
    /// What is in it, by the name that profile files use: `TLS_RSA_WITH_AES_128_CBC_SHA`.
    pub what: String,
    /// What is lacking.
    pub reason: &'static str,
}

impl Deliverable {
    /// What is offered and cannot be delivered.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Whether all that is offered can be delivered.
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    pub(super) fn of(template: &HelloTemplate) -> Self {
        let mut missing = Vec::new();
        let mut unless = |field,
                          registry: Registry,
                          numbers: &mut dyn Iterator<Item = u16>,
                          known: &[u16],
                          reason| {
            let unknown = numbers.filter(|number| !known.contains(number));
            missing.extend(unknown.map(|number| Missing {
                field,
                what: registry.text(number),
                reason,
            }));
        };
        unless(
            "cipher_suites",
            Registry::CipherSuite,
            &mut template.suites(),
            SUITES,
            "rustls has no such suite",
        );
        unless(
            "supported_groups",
            Registry::Group,
            &mut template.numbers(SUPPORTED_GROUPS),
            GROUPS,
            "there is no such key exchange here",
        );
        unless(
            "signature_algorithms",
            Registry::SignatureScheme,
            &mut template.numbers(SIGNATURE_ALGORITHMS),
            SIGNATURE_SCHEMES,
            "there is no verifier for it",
        );
        unless(
            "delegated_credential",
            Registry::SignatureScheme,
            &mut template.numbers(DELEGATED_CREDENTIAL),
            SIGNATURE_SCHEMES,
            "there is no verifier for it",
        );
        unless(
            "supported_versions",
            Registry::Version,
            &mut template.numbers(SUPPORTED_VERSIONS),
            VERSIONS,
            "rustls speaks TLS 1.2 and 1.3",
        );
        unless(
            "compress_certificate",
            Registry::CertificateCompression,
            &mut template.numbers(COMPRESS_CERTIFICATE),
            COMPRESSION_ALGORITHMS,
            "there is no decompressor for it",
        );
        for extension in &template.extensions {
            let Value::Fixed(id) = extension.id else {
                continue;
            };
            let reason = match (id, &extension.content) {
                (POST_HANDSHAKE_AUTH, _) => "rustls authenticates no client after the handshake",
                (_, Content::Bytes(_)) if !ANSWERABLE.contains(&id) => {
                    "an answer to it would not be understood"
                }
                _ => continue,
            };
            missing.push(Missing {
                field: "extensions",
                what: Registry::Extension.text(id),
                reason,
            });
        }
        let has_shares = template.extension(KEY_SHARE).is_some();
        if has_shares && template.extension(COOKIE).is_none() {
            missing.push(Missing {
                field: "extensions",
                what: Registry::Extension.text(COOKIE),
                reason: "it has no place in the hello after a HelloRetryRequest that brings one",
            });
        }
        Self { missing }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}: {}", self.field, self.what, self.reason)
    }
}

const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const COMPRESS_CERTIFICATE: u16 = 27;
const DELEGATED_CREDENTIAL: u16 = 34;
const SUPPORTED_VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const POST_HANDSHAKE_AUTH: u16 = 49;
const KEY_SHARE: u16 = 51;

/// rustls's, and the SCSV of RFC 5746, which is no suite.
pub(crate) const SUITES: &[u16] = &[
    0x00ff, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9,
];

pub(crate) const GROUPS: &[u16] = &[
    0x0017, 0x0018, 0x0019, 0x001d, 0x0201, 0x0202, 0x11eb, 0x11ec,
];

/// Those of rustls's verifiers: no SHA-1, no Ed448, no RSA-PSS keys.
pub(crate) const SIGNATURE_SCHEMES: &[u16] = &[
    0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0904, 0x0905,
    0x0906,
];

const VERSIONS: &[u16] = &[0x0303, 0x0304];

const COMPRESSION_ALGORITHMS: &[u16] = &[1, 2, 3];

/// Extensions of fixed bytes whose answer is dealt with, or that have none: status_request, ec_point_formats, status_request_v2 (which
/// servers leave for status_request), signed_certificate_timestamp, encrypt_then_mac (which only suites that are missing answer),
/// extended_master_secret, record_size_limit, psk_key_exchange_modes, certificate_authorities, signature_algorithms_cert,
/// renegotiation_info.
const ANSWERABLE: &[u16] = &[5, 11, 17, 18, 22, 23, 28, 45, 47, 50, 0xff01];

#[cfg(test)]
mod tests {
    use crate::profile::Profile;

    fn missing(profile: &str, field: &str) -> Vec<String> {
        let deliverable = Profile::named(profile).unwrap().deliverable();
        let missing = deliverable
            .missing()
            .iter()
            .filter(|missing| missing.field == field);
        missing.map(|missing| missing.what.clone()).collect()
    }

    #[test]
    fn what_is_listed_only_is_named() {
        assert_eq!(
            missing("firefox-esr-153", "supported_groups"),
            ["ffdhe2048", "ffdhe3072"]
        );
        assert_eq!(missing("firefox-156", "supported_groups"), [""; 0]);
        assert_eq!(
            missing("firefox-156", "signature_algorithms"),
            ["ecdsa_sha1", "rsa_pkcs1_sha1"]
        );
        assert_eq!(missing("chromium-156", "signature_algorithms"), [""; 0]);
        assert!(
            missing("chromium-156", "cipher_suites")
                .contains(&"TLS_RSA_WITH_AES_128_CBC_SHA".to_owned())
        );
        assert_eq!(missing("chromium-156", "extensions"), [""; 0]);
        assert_eq!(
            missing("curl-7.88", "supported_versions"),
            ["TLS 1.1", "TLS 1.0"]
        );
        assert_eq!(missing("curl-7.88", "extensions"), ["post_handshake_auth"]);
        assert!(Profile::rustls().deliverable().is_complete());
    }

    #[test]
    fn what_is_said_to_be_there_is() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let suites = provider
            .cipher_suites
            .iter()
            .map(|suite| u16::from(suite.suite()));
        let schemes = provider
            .signature_verification_algorithms
            .supported_schemes();
        let mut suites: Vec<u16> = suites.chain([0x00ff]).collect();
        suites.sort_unstable();
        assert_eq!(suites, super::SUITES);
        let mut schemes: Vec<u16> = schemes.into_iter().map(u16::from).collect();
        schemes.sort_unstable();
        assert_eq!(schemes, super::SIGNATURE_SCHEMES);
    }
}
