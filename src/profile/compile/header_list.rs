//! The headers of a kind of request in one version of HTTP.

use std::collections::BTreeMap;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};

use super::{Fault, Result};
use crate::profile::document::{HeaderDocument, MethodsDocument};
use crate::profile::requests::{DefaultValue, HeaderSlot, HeaderTemplate, MethodCondition};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    Http2,
    Http1,
}

impl Version {
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Http2 => "http2",
            Self::Http1 => "http1",
        }
    }
}

/// A list whose headers all may be in its version.
#[derive(Clone, Debug)]
pub(super) struct HeaderList {
    slots: Vec<HeaderSlot>,
    others: Option<usize>,
}

impl HeaderList {
    pub(super) fn compile(
        field: &str,
        version: Version,
        documents: &[HeaderDocument],
        values: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut list = Self {
            slots: Vec::with_capacity(documents.len()),
            others: None,
        };
        for (index, document) in documents.iter().enumerate() {
            let (field, line, methods) = match document {
                HeaderDocument::Line(line) => {
                    (format!("{field}[{index}]"), line, MethodsDocument::All)
                }
                HeaderDocument::Conditional(conditional) => (
                    format!("{field}[{index}].header"),
                    &conditional.header,
                    conditional.methods,
                ),
            };
            if line == OTHERS {
                if list.others.replace(list.slots.len()).is_some() {
                    return Err(Fault::new(field, "there is one place for all others"));
                }
                continue;
            }
            let only = match methods {
                MethodsDocument::All => MethodCondition::All,
                MethodsDocument::Unsafe => MethodCondition::Unsafe,
            };
            let slot = slot(&field, version, line, only, values)?;
            if list.slots.iter().any(|before| before.name == slot.name) {
                return Err(Fault::new(field, format!("{} is there twice", slot.name)));
            }
            list.slots.push(slot);
        }
        if version == Version::Http1 && !list.slots.iter().any(|slot| slot.name == HOST) {
            return Err(Fault::new(
                field,
                "Host is missing, which every request has (RFC 9112 section 3.2)",
            ));
        }
        Ok(list)
    }

    /// What a list of HTTP/2's is in HTTP/1.1: with Host before all others, and names as they are.
    pub(super) fn to_http1(&self) -> Self {
        let host = HeaderSlot {
            name: HOST,
            spelled: "Host".into(),
            default: Some(DefaultValue::Authority),
            only: MethodCondition::All,
        };
        // Whoever sends `te` must name it in `connection` (RFC 9110 section 10.1.4), and nobody here would.
        self.without(|slot| slot.name == TE, Some(host))
    }

    /// What a list of HTTP/1.1's is in HTTP/2: without what belongs to a connection, and in lower case.
    pub(super) fn to_http2(&self) -> Self {
        let mut list = self.without(|slot| is_connection_specific(&slot.name), None);
        for slot in &mut list.slots {
            slot.spelled = slot.name.as_str().into();
        }
        list
    }

    pub(super) fn into_template(self, splits_cookies: bool) -> HeaderTemplate {
        let others = self.others.unwrap_or(self.slots.len());
        HeaderTemplate::new(self.slots, others, splits_cookies)
    }

    fn without(&self, leaves: impl Fn(&HeaderSlot) -> bool, first: Option<HeaderSlot>) -> Self {
        let mut list = Self {
            slots: first.into_iter().collect(),
            others: None,
        };
        for (index, slot) in self.slots.iter().enumerate() {
            if self.others == Some(index) {
                list.others = Some(list.slots.len());
            }
            if !leaves(slot) {
                list.slots.push(slot.clone());
            }
        }
        if self.others == Some(self.slots.len()) {
            list.others = Some(list.slots.len());
        }
        list
    }
}

fn slot(
    field: &str,
    version: Version,
    line: &str,
    only: MethodCondition,
    values: &BTreeMap<String, String>,
) -> Result<HeaderSlot> {
    let fault = |fault: String| Err(Fault::new(field, fault));
    if line.starts_with(':') {
        return fault(format!(
            "{line} is a pseudo-header: their order is `http2.pseudo_headers`"
        ));
    }
    let (spelled, own) = match line.split_once(':') {
        Some((name, value)) => (name, Some(value.strip_prefix(' ').unwrap_or(value))),
        None => (line, None),
    };
    let Ok(name) = HeaderName::from_bytes(spelled.as_bytes()) else {
        return fault(format!("{spelled:?} is no header's name"));
    };
    if version == Version::Http2 && name.as_str() != spelled {
        return fault(format!(
            "{spelled} has upper case letters, which HTTP/2 forbids (RFC 9113 section 8.2)"
        ));
    }
    if name.as_str() == PRIORITY_MARK {
        return fault(format!("{name} is a mark of the library's own"));
    }
    let value = own.or_else(|| values.get(name.as_str()).map(String::as_str));
    if version == Version::Http2 {
        let allowed = name == TE && value.is_none_or(|value| value == "trailers");
        if is_connection_specific(&name) && !allowed {
            return fault(format!(
                "{name} belongs to a connection of HTTP/1.1 (RFC 9113 section 8.2.2)"
            ));
        }
    }
    let default = match value {
        // Another one would end the request elsewhere, and the rest would be read as the next (RFC 9112 section 11.2).
        Some(_) if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) => {
            return fault("its value is the library's: name it without a value".to_owned());
        }
        Some(_) if name == HOST => {
            return fault("what it has is the request's own: name it without a value".to_owned());
        }
        None if name == HOST && only != MethodCondition::All => {
            return fault("Host is what every request has (RFC 9112 section 3.2)".to_owned());
        }
        None if name == HOST => Some(DefaultValue::Authority),
        Some(value) => Some(default_value(field, value, values)?),
        None => None,
    };
    if default.is_none() && only != MethodCondition::All {
        return fault(format!("{name} has no value for `methods` to be of"));
    }
    Ok(HeaderSlot {
        name,
        spelled: spelled.into(),
        default,
        only,
    })
}

fn default_value(
    field: &str,
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<DefaultValue> {
    let fault = |fault: String| Err(Fault::new(field, fault));
    let value = filled(field, text, values)?;
    let Ok(fixed) = HeaderValue::from_str(&value) else {
        return fault(format!("{value:?} is no header's value"));
    };
    if value.trim() != value {
        return fault("a value neither begins nor ends with a space".to_owned());
    }
    match value.split_once(ORIGIN) {
        None => Ok(DefaultValue::Fixed(fixed)),
        Some((_, after)) if after.contains(ORIGIN) => fault(format!("{ORIGIN} is there twice")),
        Some((before, after)) => Ok(DefaultValue::Origin {
            before: before.into(),
            after: after.into(),
        }),
    }
}

/// The text with each `{name}` replaced by what `values` has under that name; but for `{origin}`, which each request replaces.
fn filled(field: &str, text: &str, values: &BTreeMap<String, String>) -> Result<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let name = after.split_once('}').filter(|(name, _)| is_name(name));
        match name {
            Some((name, behind)) => {
                match values.get(name) {
                    _ if ORIGIN == format!("{{{name}}}") => filled.push_str(ORIGIN),
                    Some(value) => filled.push_str(value),
                    None => {
                        return Err(Fault::new(field, format!("`values` has no {name}")));
                    }
                }
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether this can be meant as a name in braces: JSON in a header is not.
fn is_name(text: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_of_names)
}

/// RFC 9113 section 8.2.2; and `host`, which is `:authority` there.
fn is_connection_specific(name: &HeaderName) -> bool {
    [HOST, CONNECTION, TE, TRANSFER_ENCODING, UPGRADE].contains(name)
        || ["keep-alive", "proxy-connection", "http2-settings"].contains(&name.as_str())
}

/// By which a request's priority gets through h2 (`shape::h2::mark`): no header that is sent.
const PRIORITY_MARK: &str = "hotpool-stream-priority";

/// Where the headers stand that the list does not name.
const OTHERS: &str = "*";

/// Stands for the request's own origin in a value.
const ORIGIN: &str = "{origin}";
