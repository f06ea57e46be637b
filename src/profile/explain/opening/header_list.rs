//! A request's headers against a kind's list.

use http::Method;

use super::{Difference, list};
use crate::profile::requests::{DefaultValue, HeaderSlot, HeaderTemplate};
use crate::profile::{Http2Header, Http2Request};

/// What no user of the client could have made of the list: headers in another order, or at another place than that of the unknown
/// ones; a default that is missing or has another value, where that is not the user's.
pub(super) fn header_list(template: &HeaderTemplate, request: &Http2Request) -> Vec<Difference> {
    let headers = request.headers();
    let found: Vec<Http2Header<'_>> = headers
        .filter(|header| !header.is_pseudo_header())
        .collect();
    let mut differences = Vec::new();
    differences.extend(order(template, request));
    let method = request.header(":method").unwrap_or_default();
    // An unknown method is one that is not safe.
    let method = Method::from_bytes(method).unwrap_or(Method::POST);
    for slot in &template.slots {
        let own = found
            .iter()
            .find(|header| header.name == slot.name.as_str().as_bytes());
        differences.extend(value(slot, own, &method));
    }
    let is_joined = |header: &Http2Header<'_>| {
        header.name == b"cookie" && header.value.windows(2).any(|pair| pair == b"; ")
    };
    if template.splits_cookies && found.iter().any(is_joined) {
        differences.push(Difference::new(
            "header cookie",
            "a field for each cookie",
            "several cookies in one field",
        ));
    }
    differences
}

/// Whether whoever uses the client decides on the header's value, and on whether it is there: it is about the page, the content or
/// the user. Everything else is the client's own.
pub(super) fn is_users(name: &str) -> bool {
    matches!(
        name,
        "referer" | "origin" | "cookie" | "authorization" | "sec-fetch-site" | "sec-fetch-user"
    ) || ["content-", "access-control-request-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn value(
    slot: &HeaderSlot,
    found: Option<&Http2Header<'_>>,
    method: &Method,
) -> Option<Difference> {
    let default = slot.default.as_ref()?;
    let name = slot.name.as_str();
    if is_users(name) {
        return None;
    }
    let place = || format!("header {name}");
    let expected = match default {
        DefaultValue::Fixed(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        DefaultValue::Origin { before, after } => format!("{before}{{origin}}{after}"),
        DefaultValue::Authority => "the authority".to_owned(),
    };
    match (found, default) {
        (Some(found), DefaultValue::Fixed(value)) if found.value != value.as_bytes() => {
            let found = String::from_utf8_lossy(found.value);
            Some(Difference::new(place(), expected, found))
        }
        (None, _) if slot.only.holds(method) => Some(Difference::new(place(), expected, "none")),
        _ => None,
    }
}

fn order(template: &HeaderTemplate, request: &Http2Request) -> Option<Difference> {
    // Pseudo-headers come before all others (RFC 9113 section 8.3).
    let place = |header: &Http2Header<'_>| match header.is_pseudo_header() {
        true => 0,
        false => 1 + place(template, header.name),
    };
    let found: Vec<Http2Header<'_>> = request.headers().collect();
    let mut expected = found.clone();
    expected.sort_by_key(place);
    let names = |headers: &[Http2Header<'_>]| {
        let names = headers.iter().filter(|header| !header.is_pseudo_header());
        list(names.map(|header| String::from_utf8_lossy(header.name)))
    };
    (expected != found).then(|| Difference::new("headers", names(&expected), names(&found)))
}

/// A number that grows from slot to slot, with one in between for the headers that have no slot.
fn place(template: &HeaderTemplate, name: &[u8]) -> usize {
    let mut slots = template.slots.iter();
    let slot = slots.position(|slot| slot.name.as_str().as_bytes() == name);
    slot.map_or(2 * template.others, |slot| 2 * slot + 1)
}
