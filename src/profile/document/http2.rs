//! The part of a profile that says what its HTTP/2 connections are.

use serde::{Deserialize, Serialize};

use super::hpack::HpackDocument;

/// `http2`. Settings are IANA's names or hex (`0x0009`); `GREASE` is a setting of which number and value are drawn.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http2Document {
    /// The first SETTINGS frame, in its order.
    pub(crate) settings: Vec<SettingDocument>,
    /// By how much the opening enlarges the connection's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connection_window_update: Option<u32>,
    /// By how much each request enlarges its stream's window, directly behind its HEADERS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream_window_update: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) priority_frames: Vec<PriorityFrameDocument>,
    /// The stream of the first request.
    #[serde(default = "first_stream", skip_serializing_if = "is_first_stream")]
    pub(crate) first_stream: u32,
    /// Which stream a request's depends on, if HEADERS have priority fields.
    #[serde(default, skip_serializing_if = "DependenciesDocument::is_default")]
    pub(crate) dependencies: DependenciesDocument,
    pub(crate) pseudo_headers: Vec<PseudoHeaderDocument>,
    #[serde(default, skip_serializing_if = "HpackDocument::is_default")]
    pub(crate) hpack: HpackDocument,
    /// Whether the client uses one connection for several hosts of one certificate and address.
    #[serde(default = "coalesces", skip_serializing_if = "is_coalescing")]
    pub(crate) coalesces: bool,
}

const fn coalesces() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_coalescing(coalesces: &bool) -> bool {
    *coalesces
}

/// A setting: `["ENABLE_PUSH", 0]`, or `["GREASE"]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected a setting and its value, such as [\"ENABLE_PUSH\", 0], or [\"GREASE\"]"
)]
pub(crate) enum SettingDocument {
    Fixed(String, u32),
    Drawn((String,)),
}

/// A PRIORITY frame (RFC 7540 section 6.3).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorityFrameDocument {
    pub(crate) stream: u32,
    #[serde(default)]
    pub(crate) exclusive: bool,
    #[serde(default)]
    pub(crate) depends_on: u32,
    /// 1 to 256: one more than on the wire.
    pub(crate) weight: u16,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DependenciesDocument {
    /// The one that the kind says.
    #[default]
    Fixed,
    /// Open streams are a chain, heavier ones first.
    Chained,
}

impl DependenciesDocument {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PseudoHeaderDocument {
    Method,
    Authority,
    Scheme,
    Path,
    Protocol,
}

/// RFC 9113 section 5.1.1.
const fn first_stream() -> u32 {
    1
}

const fn is_first_stream(stream: &u32) -> bool {
    *stream == first_stream()
}
