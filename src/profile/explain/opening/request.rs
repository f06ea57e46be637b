//! A request against the kinds that the client has.

use http::header::ACCESS_CONTROL_REQUEST_METHOD;

use super::header_list::header_list;
use super::{Difference, list, number};
use crate::profile::Http2Request;
use crate::profile::http2::{Http2Template, PseudoHeader, StreamPriority};
use crate::profile::requests::{RequestTemplate, RequestTemplates};

pub(super) fn stream(expected: u32, request: &Http2Request) -> Option<Difference> {
    let found = request.stream();
    (expected != found).then(|| Difference::new("number", expected.to_string(), found.to_string()))
}

pub(super) fn window_update(
    template: &Http2Template,
    request: &Http2Request,
) -> Option<Difference> {
    let expected = template.stream_window_update.map(u32::from);
    let found = request.window_update();
    (expected != found).then(|| Difference::new("WINDOW_UPDATE", number(expected), number(found)))
}

pub(super) fn pseudo_headers(
    template: &Http2Template,
    request: &Http2Request,
) -> Option<Difference> {
    let headers = request.headers();
    let pseudo_headers = headers.filter(|header| header.is_pseudo_header());
    let found: Vec<&[u8]> = pseudo_headers.map(|header| header.name).collect();
    let place = |name: &[u8]| {
        let mut order = template.pseudo_headers.iter();
        order.position(|pseudo_header| self::name(*pseudo_header) == name)
    };
    let mut expected = found.clone();
    expected.sort_by_key(|name| place(name).unwrap_or(usize::MAX));
    let text = |names: &[&[u8]]| list(names.iter().map(|name| String::from_utf8_lossy(name)));
    (expected != found).then(|| Difference::new("pseudo-headers", text(&expected), text(&found)))
}

const fn name(pseudo_header: PseudoHeader) -> &'static [u8] {
    match pseudo_header {
        PseudoHeader::Method => b":method",
        PseudoHeader::Authority => b":authority",
        PseudoHeader::Scheme => b":scheme",
        PseudoHeader::Path => b":path",
        PseudoHeader::Protocol => b":protocol",
    }
}

/// What is different from the kind that the request is nearest to; of several that are equally near, from the first.
/// Its stream may depend on one of `dependencies` instead of the kind's.
pub(super) fn kind(
    kinds: &RequestTemplates,
    request: &Http2Request,
    dependencies: &[u32],
) -> Vec<Difference> {
    let of_kind = |kind: &RequestTemplate| of_kind(kind, request, dependencies);
    let is_preflight = request
        .header(ACCESS_CONTROL_REQUEST_METHOD.as_str())
        .is_some();
    let same = kinds
        .kinds
        .iter()
        .filter(|kind| is_for_preflights(kind) == is_preflight);
    let nearest = same.map(of_kind).min_by_key(Vec::len);
    let all = || {
        let each = kinds.kinds.iter().map(of_kind);
        each.min_by_key(Vec::len).unwrap_or_default()
    };
    nearest.unwrap_or_else(all)
}

/// The header makes a request a preflight (Fetch section 3.3.2), which no user can send for another request.
fn is_for_preflights(kind: &RequestTemplate) -> bool {
    let mut slots = kind.http2.slots.iter();
    slots.any(|slot| slot.name == ACCESS_CONTROL_REQUEST_METHOD)
}

fn of_kind(
    kind: &RequestTemplate,
    request: &Http2Request,
    dependencies: &[u32],
) -> Vec<Difference> {
    let mut differences = header_list(&kind.http2, request);
    let found = request.priority();
    let expected = match (kind.priority, found) {
        (Some(own), Some(found)) if dependencies.contains(&found.dependency) => {
            Some(StreamPriority {
                dependency: found.dependency,
                ..own
            })
        }
        (own, _) => own,
    };
    if expected != found {
        differences.push(Difference::new(
            "priority",
            priority(expected),
            priority(found),
        ));
    }
    differences
}

fn priority(priority: Option<StreamPriority>) -> String {
    let Some(priority) = priority else {
        return "none".to_owned();
    };
    let exclusive = if priority.exclusive {
        "exclusively "
    } else {
        ""
    };
    let weight = u16::from(priority.weight_less_one) + 1;
    format!("{exclusive}on {} with weight {weight}", priority.dependency)
}
