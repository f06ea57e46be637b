//! The part of a profile that says what its requests are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `requests`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestsDocument {
    /// What a header has wherever a list names it without a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) values: BTreeMap<String, String>,
    /// Whether each cookie is a header field of its own over HTTP/2 (RFC 9113 section 8.2.3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) splits_cookies: bool,
    /// The kind that is meant where none is named.
    pub(crate) default: String,
    pub(crate) kinds: BTreeMap<String, KindDocument>,
}

/// A kind of request. One without a list for a version of HTTP takes the other version's.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KindDocument {
    /// In the HEADERS frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<StreamPriorityDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http2: Option<Vec<HeaderDocument>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http1: Option<Vec<HeaderDocument>>,
}

/// The priority fields of a HEADERS frame (RFC 7540 section 6.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamPriorityDocument {
    #[serde(default)]
    pub(crate) exclusive: bool,
    #[serde(default)]
    pub(crate) depends_on: u32,
    /// 1 to 256: one more than on the wire.
    pub(crate) weight: u16,
}

/// An entry of a header list: `name: value`, a name alone, or `*`, the place of the headers that the list does not name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected a header, or an object with `header` and `methods`"
)]
pub(crate) enum HeaderDocument {
    Line(String),
    Conditional(ConditionalDocument),
}

/// A header that only some requests have by default.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConditionalDocument {
    pub(crate) header: String,
    pub(crate) methods: MethodsDocument,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MethodsDocument {
    #[default]
    All,
    /// All but GET and HEAD.
    Unsafe,
}
