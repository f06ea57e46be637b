//! What a server is like.

use crate::compression::Compression;

/// One server's behaviour; the default accepts everything and adds nothing.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The newest that the server accepts, and TLS 1.2.
    pub version: Version,
    /// In BoringSSL's names, by preference: `X25519MLKEM768:X25519:P-256`. A group for which the client sent no share
    /// makes the server ask for one, with HelloRetryRequest.
    pub groups: Option<&'static str>,
    /// TLS 1.2 only, in BoringSSL's names.
    pub suites: Option<&'static str>,
    /// By preference; a client that offers none of these goes on without.
    pub alpn: &'static [&'static str],
    pub alps: Option<Alps>,
    /// A SignedCertificateTimestampList (RFC 6962), see [`Self::sct_list`].
    pub sct: Option<Vec<u8>>,
    pub ocsp: Option<Vec<u8>>,
    /// By preference.
    pub compression: Vec<Compression>,
    /// Has ECH keys: who sends an ECH that they do not fit gets retry configurations.
    pub ech: bool,
    /// Gives session tickets.
    pub tickets: bool,
    pub early_data: bool,
    /// Demands a client certificate of the server's own authority.
    pub client_certificate: bool,
    /// Uses a delegated credential (RFC 9345) where the client offers to take one.
    pub delegated_credential: bool,
    /// Trust anchor ids, each with its length before it, sent to a client that sends the extension.
    pub trust_anchors: Option<Vec<u8>>,
    /// Makes the certificate larger by so many bytes.
    pub ballast: usize,
    pub rsa: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            version: Version::Tls13,
            groups: None,
            suites: None,
            alpn: &[],
            alps: None,
            sct: None,
            ocsp: None,
            compression: Vec::new(),
            ech: false,
            tickets: true,
            early_data: false,
            client_certificate: false,
            delegated_credential: false,
            trust_anchors: None,
            ballast: 0,
            rsa: false,
        }
    }
}

impl Scenario {
    /// A SignedCertificateTimestampList of these timestamps.
    pub fn sct_list(timestamps: &[&[u8]]) -> Vec<u8> {
        let prefixed = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
        let entries: Vec<u8> = timestamps.iter().flat_map(|sct| prefixed(sct)).collect();
        prefixed(&entries)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// Application settings (ALPS) for whichever protocol ALPN chose.
#[derive(Clone, Debug)]
pub struct Alps {
    /// 0x44cd, else 0x4469; BoringSSL knows one of them at a time.
    pub new_codepoint: bool,
    pub settings: Vec<u8>,
}
