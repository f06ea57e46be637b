//! The headers of a kind of request, from several requests of it.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method};

use super::order::merged;
use super::requests::Seen;
use crate::profile::document::{ConditionalDocument, HeaderDocument, MethodsDocument};
use crate::profile::requests::MethodCondition;

/// A line of a list.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    value: Value,
}

#[derive(Debug)]
enum Value {
    /// The user's: the list has only a place for it.
    Users,
    Plain(String),
    /// Has `{origin}` in it.
    OfOrigin(String),
    /// The request's origin, where the method is not safe.
    OriginIfUnsafe,
}

impl Line {
    /// Its value, where that could be shared by several lists.
    pub(super) fn plain_value(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(value) => Some(value),
            _ => None,
        }
    }

    /// With its value unless that is in `values`.
    pub(super) fn document(self, values: &BTreeMap<String, String>) -> HeaderDocument {
        let Self { name, value } = self;
        match value {
            Value::Plain(_) if values.contains_key(&name.to_ascii_lowercase()) => {
                HeaderDocument::Line(name)
            }
            Value::Users => HeaderDocument::Line(name),
            Value::Plain(value) | Value::OfOrigin(value) => {
                HeaderDocument::Line(format!("{name}: {value}"))
            }
            Value::OriginIfUnsafe => HeaderDocument::Conditional(ConditionalDocument {
                header: format!("{name}: {{origin}}"),
                methods: MethodsDocument::Unsafe,
            }),
        }
    }
}

/// The list that all `requests` of a kind are parts of, whose names stand in these orders. What all have alike is a default; what some
/// lack, or have otherwise, is their users'.
pub(super) fn lines(kind: &str, orders: &[Vec<&str>], requests: &[&Seen]) -> Vec<Line> {
    let names = merged(orders).unwrap_or_default();
    let names = names
        .into_iter()
        .filter(|name| can_be_listed(name, requests));
    names
        .map(|name| Line {
            name: name.to_owned(),
            value: value(kind, &name.to_ascii_lowercase(), requests),
        })
        .collect()
}

fn can_be_listed(name: &str, requests: &[&Seen]) -> bool {
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        return false;
    };
    // HTTP/1.1 has a host, and what belongs to the connection; HTTP/2 must not.
    let is_http1 = requests.iter().all(|seen| seen.header("host").is_some());
    let lower = parsed.as_str();
    let is_te = lower == "te"
        && requests
            .iter()
            .all(|seen| seen.header("te").is_none_or(|te| te == "trailers"));
    is_http1 || (lower == name && (is_te || !CONNECTION_SPECIFIC.contains(&lower)))
}

/// RFC 9113 section 8.2.2.
const CONNECTION_SPECIFIC: [&str; 8] = [
    "host",
    "connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
];

fn value(kind: &str, name: &str, requests: &[&Seen]) -> Value {
    if is_users(kind, name) {
        return Value::Users;
    }
    let values: Vec<Option<&str>> = requests.iter().map(|seen| seen.header(name)).collect();
    match name {
        "referer" => of_origin(requests, &values, |value, origin| {
            // The page is the user's.
            let rest = value.strip_prefix(origin)?;
            rest.starts_with('/').then(|| format!("{ORIGIN}/"))
        }),
        "origin" => {
            let own = of_origin(requests, &values, |value, origin| {
                (value == origin).then(|| ORIGIN.to_owned())
            });
            match own {
                Value::Users if is_origin_if_unsafe(requests, &values) => Value::OriginIfUnsafe,
                own => own,
            }
        }
        // Where a request comes from is its user's, but a list without it would leave it out.
        "sec-fetch-site" => most_frequent(&values).map_or(Value::Users, Value::Plain),
        _ => same(&values).map_or(Value::Users, |value| Value::Plain(value.to_owned())),
    }
}

/// What no list can know before the request.
fn is_users(kind: &str, name: &str) -> bool {
    let is_of_content = matches!(name, "content-length" | "transfer-encoding")
        || (name.starts_with("content-") && kind != "form");
    is_of_content
        || matches!(
            name,
            "host"
                | "cookie"
                | "authorization"
                | "proxy-authorization"
                | "range"
                | "sec-websocket-key"
                | "sec-websocket-protocol"
        )
        || ["access-control-request-", "if-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// The value that all have, if it can be written in a list.
fn same<'a>(values: &[Option<&'a str>]) -> Option<&'a str> {
    let first = (*values.first()?)?;
    let is_same = values.iter().all(|value| *value == Some(first));
    (is_same && can_be_written(first)).then_some(first)
}

/// A brace may begin a name that is filled in.
fn can_be_written(value: &str) -> bool {
    HeaderValue::from_str(value).is_ok() && value.trim() == value && !value.contains('{')
}

fn most_frequent(values: &[Option<&str>]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry((*value)?).or_default() += 1;
    }
    let (value, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    can_be_written(value).then(|| value.to_owned())
}

/// The text with `{origin}` that all values are, each of its own request's origin.
fn of_origin(
    requests: &[&Seen],
    values: &[Option<&str>],
    text: impl Fn(&str, &str) -> Option<String>,
) -> Value {
    let mut texts = requests
        .iter()
        .zip(values)
        .map(|(seen, value)| text((*value)?, &seen.origin));
    match texts.next().flatten() {
        Some(first) if texts.all(|text| text.as_ref() == Some(&first)) => Value::OfOrigin(first),
        _ => Value::Users,
    }
}

/// Whether those and only those requests have their own origin that Fetch gives one (section 3.1).
fn is_origin_if_unsafe(requests: &[&Seen], values: &[Option<&str>]) -> bool {
    requests.iter().zip(values).all(|(seen, value)| {
        let method = Method::from_bytes(seen.method.as_bytes()).unwrap_or_default();
        match value {
            Some(value) => *value == seen.origin && MethodCondition::Unsafe.holds(&method),
            None => !MethodCondition::Unsafe.holds(&method),
        }
    })
}

/// Stands for the request's own origin in a value.
const ORIGIN: &str = "{origin}";
