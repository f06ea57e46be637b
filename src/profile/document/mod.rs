//! A profile as it is written: a JSON file of `fingerprints/`, or one of the user's.
//!
//! Nothing here is checked beyond its types; [`compile`](super::compile) does that.

mod client_hello;
mod hpack;
mod http2;
mod merge;
mod names;
mod provenance;
mod requests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use client_hello::{
    ClientHelloDocument, EchGreaseDocument, EchKeyDocument, EchPayloadDocument, ExtensionDocument,
    ExtensionOrder, HybridKeyDocument, InnerHelloDocument, OpaqueDocument, PaddingDocument,
    ResumptionDocument, SessionIdDocument, TrustAnchorOrder,
};
pub(crate) use hpack::{
    FieldRuleDocument, HpackDocument, HuffmanDocument, IndexedDocument, LiteralDocument,
    NameSourceDocument, RuleDocument, SizeSignalDocument,
};
pub(crate) use http2::{
    DependenciesDocument, Http2Document, PriorityFrameDocument, PseudoHeaderDocument,
    SettingDocument,
};
pub(crate) use merge::merge;
pub(crate) use names::Registry;
pub use provenance::{Day, Provenance, ProvenanceKind};
pub(crate) use requests::{
    ConditionalDocument, HeaderDocument, KindDocument, MethodsDocument, RequestsDocument,
    StreamPriorityDocument,
};

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
    /// Without one, HTTP/2 is stock h2's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http2: Option<Http2Document>,
    /// Without one, requests have the headers that their user gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requests: Option<RequestsDocument>,
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
            http2: None,
            requests: None,
            variants: Vec::new(),
        }
    }
}

/// What some of a client's installations do otherwise.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantDocument {
    /// Its share, in any unit: those of all variants together are the whole.
    pub(crate) weight: u32,
    /// JSON merge patches of the profile's parts of the same names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_hello: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http2: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requests: Option<Value>,
}
