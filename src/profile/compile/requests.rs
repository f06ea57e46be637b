//! The kinds of requests.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

use super::header_list::{HeaderList, Version};
use super::http2::{dependency, weight_less_one};
use super::{Fault, Result};
use crate::profile::document::{KindDocument, RequestsDocument, StreamPriorityDocument};
use crate::profile::http2::StreamPriority;
use crate::profile::requests::{RequestTemplate, RequestTemplates};

/// The template of `document`, whose requests have the odd streams from `first_stream` on. Fields are named by their path below
/// `requests`.
pub(in crate::profile) fn requests(
    document: &RequestsDocument,
    first_stream: u32,
) -> Result<RequestTemplates> {
    if document.kinds.is_empty() {
        return Err(Fault::new("kinds", "there is none"));
    }
    check_values(&document.values)?;
    let mut kinds = Vec::with_capacity(document.kinds.len());
    for (name, kind) in &document.kinds {
        check_name(name)?;
        let template = template(name, kind, document, first_stream)?;
        if *name == document.default {
            kinds.insert(0, template);
        } else {
            kinds.push(template);
        }
    }
    if !document.kinds.contains_key(&document.default) {
        return Err(Fault::new(
            "default",
            format!("{:?} is none of the kinds", document.default),
        ));
    }
    Ok(RequestTemplates { kinds })
}

fn template(
    name: &str,
    document: &KindDocument,
    requests: &RequestsDocument,
    first_stream: u32,
) -> Result<RequestTemplate> {
    let values = &requests.values;
    let field = format!("kinds.{name}");
    let list = |version: Version, lines: &Option<Vec<_>>| {
        let field = format!("{field}.{}", version.field());
        lines
            .as_ref()
            .map(|lines| HeaderList::compile(&field, version, lines, values))
            .transpose()
    };
    let own2 = list(Version::Http2, &document.http2)?;
    let own1 = list(Version::Http1, &document.http1)?;
    let (http2, http1) = match (own2, own1) {
        (None, None) => {
            return Err(Fault::new(
                field,
                "it has neither an `http2` nor an `http1` list",
            ));
        }
        (Some(http2), Some(http1)) => (http2, http1),
        (Some(http2), None) => (http2.clone(), http2.to_http1()),
        (None, Some(http1)) => (http1.to_http2(), http1),
    };
    Ok(RequestTemplate {
        name: name.into(),
        priority: document
            .priority
            .map(|priority| stream_priority(&format!("{field}.priority"), priority, first_stream))
            .transpose()?,
        http2: http2.into_template(requests.splits_cookies),
        http1: http1.into_template(false),
    })
}

fn stream_priority(
    field: &str,
    document: StreamPriorityDocument,
    first_stream: u32,
) -> Result<StreamPriority> {
    let dependency = dependency(field, document.depends_on)?;
    if !dependency.is_multiple_of(2) && dependency >= first_stream {
        return Err(Fault::new(
            format!("{field}.depends_on"),
            format!(
                "the request on stream {dependency} would depend on itself (RFC 7540 section 5.3.1)"
            ),
        ));
    }
    Ok(StreamPriority {
        exclusive: document.exclusive,
        dependency,
        weight_less_one: weight_less_one(field, document.weight)?,
    })
}

fn check_values(values: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in values {
        let fault = |fault: &str| Err(Fault::new(format!("values.{name}"), fault));
        let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if HeaderName::from_bytes(name.as_bytes()).is_err() || !is_lower {
            return fault("it is no header's name in lower case");
        }
        if HeaderValue::from_str(value).is_err() || value.trim() != value {
            return fault("it is no header's value");
        }
    }
    Ok(())
}

/// What can be typed on a command line without quotes.
fn check_name(name: &str) -> Result<()> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_word) && !name.starts_with('-') {
        return Ok(());
    }
    Err(Fault::new(
        format!("kinds.{name}"),
        "a kind's name is of lower case letters, digits and hyphens",
    ))
}
