//! What a server saw of one connection.

use std::cell::Cell;
use std::fmt::Write;

use boring::ssl::{NameType, SslRef};
use serde_json::{Value, json};

use crate::compression::{self, Compression};
use crate::native;

#[derive(Clone, Debug)]
pub struct Report {
    /// Whole records; two if the server sent a HelloRetryRequest.
    pub hellos: Vec<Vec<u8>>,
    /// Else why the handshake failed.
    pub outcome: Result<Agreed, String>,
}

/// What a handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub version: String,
    pub cipher: String,
    pub group: Option<String>,
    pub server_name: Option<String>,
    pub alpn: Option<String>,
    /// The client's application settings.
    pub alps: Option<Vec<u8>>,
    pub resumed: bool,
    pub retried: bool,
    /// Accepted, whether or not any came.
    pub early_data: bool,
    /// In DER.
    pub client_certificate: Option<Vec<u8>>,
    /// Of the server's signature; a delegated credential's is `ecdsa_secp384r1_sha384`.
    pub signature: Option<String>,
    /// Of the server's certificate.
    pub compression: Option<Compression>,
    pub ech_accepted: bool,
}

impl Report {
    pub fn agreed(&self) -> &Agreed {
        match &self.outcome {
            Ok(agreed) => agreed,
            Err(failure) => panic!("the handshake failed: {failure}"),
        }
    }

    pub fn json(&self) -> Value {
        let hellos: Vec<_> = self.hellos.iter().map(|hello| hex(hello)).collect();
        match &self.outcome {
            Err(failure) => json!({ "failure": failure, "hellos": hellos }),
            Ok(agreed) => json!({
                "version": agreed.version,
                "cipher": agreed.cipher,
                "group": agreed.group,
                "server_name": agreed.server_name,
                "alpn": agreed.alpn,
                "alps": agreed.alps.as_deref().map(hex),
                "resumed": agreed.resumed,
                "retried": agreed.retried,
                "early_data": agreed.early_data,
                "client_certificate": agreed.client_certificate.as_deref().map(hex),
                "signature": agreed.signature,
                "compression": agreed.compression.map(|algorithm| algorithm as u16),
                "ech_accepted": agreed.ech_accepted,
                "hellos": hellos,
            }),
        }
    }
}

impl Agreed {
    pub(crate) fn of(ssl: &SslRef) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            version: ssl.version_str().to_owned(),
            cipher: ssl
                .current_cipher()
                .and_then(|cipher| cipher.standard_name())
                .unwrap_or_default()
                .to_owned(),
            group: ssl.curve_name().map(str::to_owned),
            server_name: ssl.servername(NameType::HOST_NAME).map(str::to_owned),
            alpn: ssl.selected_alpn_protocol().map(text),
            alps: native::peer_settings(ssl),
            resumed: ssl.session_reused(),
            retried: ssl.used_hello_retry_request(),
            early_data: native::early_data_accepted(ssl),
            client_certificate: ssl
                .peer_certificate()
                .and_then(|certificate| certificate.to_der().ok()),
            signature: SIGNATURE.get().map(str::to_owned),
            compression: compression::used(),
            ech_accepted: ssl.ech_accepted(),
        }
    }
}

thread_local! {
    /// A connection has its own thread, and so this.
    static SIGNATURE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// BoringSSL forgets the scheme with the handshake's end.
pub(crate) fn note_signature(ssl: &SslRef) {
    if let Some(algorithm) = ssl.signature_algorithm_used() {
        SIGNATURE.set(algorithm.name());
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
