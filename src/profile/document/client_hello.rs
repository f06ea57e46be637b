//! The part of a profile that says what its ClientHello is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `client_hello`. Numbers are IANA's names or hex (`0x1301`); `GREASE` is a GREASE value of its own, `GREASE:label` the one of that
/// label.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientHelloDocument {
    /// In the header of the record of a first hello.
    #[serde(default = "tls10")]
    pub(crate) record_version: String,
    /// In the header of the record of a hello after a HelloRetryRequest.
    #[serde(default = "tls12")]
    pub(crate) retry_record_version: String,
    #[serde(default = "tls12")]
    pub(crate) legacy_version: String,
    #[serde(default)]
    pub(crate) session_id: SessionIdDocument,
    pub(crate) cipher_suites: Vec<String>,
    #[serde(default = "null_compression")]
    pub(crate) compression_methods: Vec<u8>,
    /// Those that the client sends at all, in order. What is in them stands in the fields below.
    pub(crate) extensions: Vec<ExtensionDocument>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) extension_order: ExtensionOrder,
    /// Extensions that keep their place where the order is permuted; `GREASE` pins every GREASE extension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pinned: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) supported_versions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) supported_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) key_shares: Vec<String>,
    /// How many bytes a key has in groups that are not known here; random ones are sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) key_share_lengths: BTreeMap<String, u16>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) hybrid_key: HybridKeyDocument,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ec_point_formats: Vec<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) signature_algorithms: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) signature_algorithms_cert: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delegated_credential: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) alpn: Vec<String>,
    /// The protocols with settings; the extension is left out where ALPN offers none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) application_settings: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) psk_key_exchange_modes: Vec<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) compress_certificate: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record_size_limit: Option<u16>,
    /// Identifiers of trust anchors (draft-ietf-tls-trust-anchor-ids), in hex. An empty list is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trust_anchors: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) trust_anchor_order: TrustAnchorOrder,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ech_grease: Option<EchGreaseDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) padding: Option<PaddingDocument>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) resumption: ResumptionDocument,
}

/// An extension: by name, or with a body of its own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected a name, or an object with `extension` and `body`"
)]
pub(crate) enum ExtensionDocument {
    Named(String),
    Opaque(OpaqueDocument),
}

/// An extension whose body is given, in hex.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpaqueDocument {
    pub(crate) extension: String,
    pub(crate) body: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionIdDocument {
    Empty,
    #[default]
    Random,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExtensionOrder {
    #[default]
    Fixed,
    Permuted,
}

/// Whether an installation shuffles its trust anchors once, when it starts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrustAnchorOrder {
    #[default]
    Fixed,
    Shuffled,
}

/// Whether the key inside a hybrid share is that of the separate share.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HybridKeyDocument {
    #[default]
    Own,
    Shared,
}

/// A GREASE `encrypted_client_hello`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EchGreaseDocument {
    /// HPKE's numbers (RFC 9180 section 7), of which those of AEADs are drawn from.
    pub(crate) kdf: u16,
    pub(crate) aeads: Vec<u16>,
    pub(crate) key: EchKeyDocument,
    pub(crate) payload: EchPayloadDocument,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EchKeyDocument {
    /// Any 32 bytes.
    Random,
    /// A public key.
    X25519,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected a list of lengths, or an object with `maximum_name_length`, `multiple`, `less` and `without`"
)]
pub(crate) enum EchPayloadDocument {
    /// Lengths to draw from.
    Lengths(Vec<u16>),
    /// As long as a real one would be.
    Inner(InnerHelloDocument),
}

/// How an inner hello is padded: the server's name to `maximum_name_length`, the whole to `less` below a multiple of `multiple`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InnerHelloDocument {
    pub(crate) maximum_name_length: u16,
    pub(crate) multiple: u16,
    #[serde(default)]
    pub(crate) less: u16,
    /// The extensions that an inner hello leaves out.
    #[serde(default)]
    pub(crate) without: Vec<String>,
}

/// A hello of at least `from` bytes is padded to `length`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaddingDocument {
    pub(crate) from: u16,
    pub(crate) length: u16,
}

/// What is different in a hello with a pre-shared key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumptionDocument {
    /// Extensions that it leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) without: Vec<String>,
}

impl Default for ClientHelloDocument {
    /// One that lists nothing.
    fn default() -> Self {
        Self {
            record_version: tls10(),
            retry_record_version: tls12(),
            legacy_version: tls12(),
            session_id: SessionIdDocument::default(),
            cipher_suites: Vec::new(),
            compression_methods: null_compression(),
            extensions: Vec::new(),
            extension_order: ExtensionOrder::default(),
            pinned: Vec::new(),
            supported_versions: Vec::new(),
            supported_groups: Vec::new(),
            key_shares: Vec::new(),
            key_share_lengths: BTreeMap::new(),
            hybrid_key: HybridKeyDocument::default(),
            ec_point_formats: Vec::new(),
            signature_algorithms: Vec::new(),
            signature_algorithms_cert: Vec::new(),
            delegated_credential: Vec::new(),
            alpn: Vec::new(),
            application_settings: Vec::new(),
            psk_key_exchange_modes: Vec::new(),
            compress_certificate: Vec::new(),
            record_size_limit: None,
            trust_anchors: None,
            trust_anchor_order: TrustAnchorOrder::default(),
            ech_grease: None,
            padding: None,
            resumption: ResumptionDocument::default(),
        }
    }
}

fn tls10() -> String {
    "TLS 1.0".to_owned()
}

fn tls12() -> String {
    "TLS 1.2".to_owned()
}

fn null_compression() -> Vec<u8> {
    vec![0]
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
