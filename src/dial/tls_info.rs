//! What came of a TLS handshake.

use std::sync::Arc;

use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};

use super::end_entity::EndEntity;
use crate::config::ALPN_HTTP2;
use crate::profile::ClientHello;
use crate::shape::tls::Outcome;

/// What a handshake agreed on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The cipher suite's IANA name, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The key exchange group, such as `X25519MLKEM768`.
    pub group: Option<Box<str>>,
    /// The protocol that the server chose by ALPN.
    pub alpn: Option<Box<str>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Of the ClientHello that was really sent.
    pub fingerprint: Option<Arc<TlsFingerprint>>,
    /// What the server answered to extensions that only a profile's hello offers.
    pub answers: TlsAnswers,
    /// Kept where connections may be shared by hosts: about 1 KiB.
    pub(crate) certificate: Option<EndEntity>,
}

/// What the server answered to extensions of a profile that rustls itself does not know; `None` where it did not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsAnswers {
    /// Its settings for the application protocol (draft-vvv-tls-alps), which may be empty.
    pub application_settings: Option<Box<[u8]>>,
    /// A SignedCertificateTimestampList (RFC 6962 section 3.3). Nobody has verified it.
    pub certificate_timestamps: Option<Box<[u8]>>,
    /// An ECHConfigList (RFC 9849 section 4), which servers send to clients whose ECH they cannot read. Nobody has verified it.
    pub ech_retry_configs: Option<Box<[u8]>>,
    /// The largest record that it wants, in bytes of plaintext (RFC 8449). It is kept to.
    pub record_size_limit: Option<u16>,
}

impl From<&Outcome> for TlsAnswers {
    fn from(outcome: &Outcome) -> Self {
        Self {
            application_settings: outcome.application_settings().map(Into::into),
            certificate_timestamps: outcome.certificate_timestamps().map(Into::into),
            ech_retry_configs: outcome.ech_retry_configs().map(Into::into),
            record_size_limit: outcome.record_size_limit(),
        }
    }
}

/// The fingerprints of one ClientHello.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsFingerprint {
    /// JA3's text.
    pub ja3: Box<str>,
    /// JA3's MD5, in hex.
    pub ja3_hash: Box<str>,
    /// JA4.
    pub ja4: Box<str>,
    /// JA4 with its lists instead of their hashes.
    pub ja4_r: Box<str>,
}

impl TlsFingerprint {
    pub(super) fn of(hello: &ClientHello) -> Self {
        Self {
            ja3: hello.ja3().into(),
            ja3_hash: hello.ja3_hash().into(),
            ja4: hello.ja4().into(),
            ja4_r: hello.ja4_r().into(),
        }
    }
}

impl TlsInfo {
    pub(super) fn of(
        connection: &ClientConnection,
        fingerprint: Option<Arc<TlsFingerprint>>,
    ) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "unknown",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .map_or("unknown", iana_name),
            group: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name()).into()),
            alpn: connection
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into()),
            resumed: matches!(connection.handshake_kind(), Some(HandshakeKind::Resumed)),
            fingerprint,
            answers: TlsAnswers::default(),
            certificate: connection
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(EndEntity::new),
        }
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.alpn.as_deref().map(str::as_bytes) == Some(ALPN_HTTP2)
    }
}

/// rustls writes TLS 1.3's suites as `TLS13_…`; IANA as `TLS_…`.
fn iana_name(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CipherSuite;
    use rustls::crypto::aws_lc_rs;

    #[test]
    fn suites_have_their_iana_names() {
        for suite in aws_lc_rs::default_provider().cipher_suites {
            let name = suite.suite().as_str().map(iana_name).unwrap();
            assert!(name.starts_with("TLS_"), "{name}");
        }
        assert!(CipherSuite::TLS13_AES_128_GCM_SHA256.as_str().is_some());
    }
}
