//! rustls's cipher suites, with a transcript and an AEAD that know of shaped handshakes. One set serves every profile.

use std::sync::LazyLock;

use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::crypto::{CipherSuiteCommon, hash::Hash};
use rustls::{SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};

use super::aead::HandshakeAead;
use super::hash::TranscriptHash;

/// The suite with this number, if rustls has it.
pub(super) fn suite(number: u16) -> Option<SupportedCipherSuite> {
    SUITES
        .iter()
        .find(|suite| u16::from(suite.suite()) == number)
        .copied()
}

static SUITES: LazyLock<Vec<SupportedCipherSuite>> =
    LazyLock::new(|| ALL_CIPHER_SUITES.iter().map(|suite| wrap(*suite)).collect());

fn wrap(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    match suite {
        SupportedCipherSuite::Tls12(suite) => {
            SupportedCipherSuite::Tls12(forever(Tls12CipherSuite {
                common: common(&suite.common),
                prf_provider: suite.prf_provider,
                kx: suite.kx,
                sign: suite.sign,
                aead_alg: suite.aead_alg,
            }))
        }
        SupportedCipherSuite::Tls13(suite) => {
            SupportedCipherSuite::Tls13(forever(Tls13CipherSuite {
                common: common(&suite.common),
                hkdf_provider: suite.hkdf_provider,
                aead_alg: forever(HandshakeAead(suite.aead_alg)),
                quic: None,
            }))
        }
    }
}

fn common(original: &CipherSuiteCommon) -> CipherSuiteCommon {
    let hash: &'static dyn Hash = forever(TranscriptHash(original.hash_provider));
    CipherSuiteCommon {
        suite: original.suite,
        hash_provider: hash,
        confidentiality_limit: original.confidentiality_limit,
    }
}

fn forever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
