//! A profile as it is written: a JSON file of `fingerprints/`, or one of the user's.
//!
//! Nothing here is checked beyond its types; [`compile`](super::compile) does that.

mod client_hello;
mod merge;
mod names;
mod provenance;

use serde::{Deserialize, Serialize};

pub(crate) use client_hello::{
    ClientHelloDocument, EchGreaseDocument, EchKeyDocument, EchPayloadDocument, ExtensionDocument,
    ExtensionOrder, HybridKeyDocument, InnerHelloDocument, OpaqueDocument, PaddingDocument,
    ResumptionDocument, SessionIdDocument, TrustAnchorOrder,
};
pub(crate) use merge::merge;
pub(crate) use names::Registry;
pub use provenance::{Day, Provenance, ProvenanceKind};

/// The whole file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileDocument {
    pub(crate) name: String,
    /// Other names, of which the newest profile of a client takes the client's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<String>,
    /// The profile that this one is a JSON merge patch (RFC 7396) of; its name, aliases and provenance are not taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extends: Option<String>,
    pub(crate) provenance: Provenance,
    /// Without one, rustls's own hello is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_hello: Option<ClientHelloDocument>,
    /// What some installations of the client do otherwise. A process that loads the profile is one of them, drawn by weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) variants: Vec<VariantDocument>,
}

impl ProfileDocument {
    /// The one that shapes nothing.
    pub(crate) fn rustls() -> Self {
        Self {
            name: "rustls".to_owned(),
            aliases: Vec::new(),
            extends: None,
            provenance: Provenance::own(),
            client_hello: None,
            variants: Vec::new(),
        }
    }
}

/// What a part of a client's installations does otherwise.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantDocument {
    /// Its share, in any unit: those of all variants together are the whole.
    pub(crate) weight: u32,
    /// A JSON merge patch of the profile's `client_hello`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_hello: Option<serde_json::Value>,
}
