//! Faults of `requests`, and what lists mean.

use http::Method;
use serde_json::{Value, json};

use super::{assert_faults, loaded};
use crate::profile::http2::StreamPriority;
use crate::profile::requests::{DefaultValue, HeaderTemplate, RequestTemplate};

fn requests(members: Value) -> Value {
    json!({ "requests": members })
}

fn page(members: Value) -> Value {
    requests(json!({ "kinds": { "page": members } }))
}

fn http2(lines: Value) -> Value {
    page(json!({ "http2": lines }))
}

fn http1(lines: Value) -> Value {
    page(json!({ "http1": lines }))
}

fn kind(patch: Value, name: Option<&str>) -> RequestTemplate {
    let profile = loaded(patch);
    let templates = profile.request_templates().unwrap();
    templates.kind(name).unwrap().clone()
}

/// The list as a file would have it.
fn spelled(template: &HeaderTemplate) -> Vec<String> {
    let mut lines: Vec<String> = template
        .slots
        .iter()
        .map(|slot| match &slot.default {
            None => slot.spelled.to_string(),
            Some(DefaultValue::Fixed(value)) => {
                format!("{}: {}", slot.spelled, value.to_str().unwrap())
            }
            Some(DefaultValue::Origin { before, after }) => {
                format!("{}: {before}{{origin}}{after}", slot.spelled)
            }
            Some(DefaultValue::Authority) => format!("{} of the request", slot.spelled),
        })
        .collect();
    lines.insert(template.others, "*".to_owned());
    lines
}

#[test]
fn the_default_is_first() {
    let profile = loaded(json!({}));
    assert_eq!(profile.request_kinds(), ["page", "fetch"]);
    assert_eq!(&*kind(json!({}), None).name, "page");
    assert!(
        super::load(json!({"requests": null}))
            .unwrap()
            .request_kinds()
            .is_empty()
    );
}

#[test]
fn a_list_for_one_version_is_the_other_versions_as_well() {
    let page = kind(json!({}), None);
    assert_eq!(
        spelled(&page.http2),
        [
            "user-agent: small/1",
            "accept: text/html",
            "cookie",
            "*",
            "te: trailers"
        ]
    );
    assert_eq!(
        spelled(&page.http1),
        [
            "Host of the request",
            "user-agent: small/1",
            "accept: text/html",
            "cookie",
            "*"
        ]
    );
    let fetch = kind(json!({}), Some("fetch"));
    assert_eq!(
        spelled(&fetch.http1),
        [
            "Host of the request",
            "User-Agent: small/1",
            "Connection: keep-alive",
            "*",
            "Origin: {origin}"
        ]
    );
    assert_eq!(
        spelled(&fetch.http2),
        ["user-agent: small/1", "*", "origin: {origin}"]
    );
    let origin = fetch.http1.slots.last().unwrap();
    assert!(origin.only.holds(&Method::POST) && !origin.only.holds(&Method::HEAD));
}

#[test]
fn unknown_headers_are_last_unless_they_have_a_place() {
    let template = kind(http2(json!(["accept: */*", "cookie"])), None).http2;
    assert_eq!(template.others, 2);
    let template = kind(http2(json!(["*", "accept: */*"])), None);
    assert_eq!(template.http2.others, 0);
    assert_eq!(
        spelled(&template.http1),
        ["Host of the request", "*", "accept: */*"]
    );
}

#[test]
fn what_stands_in_braces() {
    let template = kind(
        http2(json!([
            "next: [{\"a\":{}}]",
            "referer: {origin}/{accept-page}"
        ])),
        None,
    );
    assert_eq!(
        spelled(&template.http2),
        ["next: [{\"a\":{}}]", "referer: {origin}/text/html", "*"]
    );
    // The request's own origin, whatever `values` gives the header of that name.
    let fixed = json!({
        "values": {"origin": "https://other.test"},
        "kinds": {"page": {"http2": ["origin", "referer: {origin}/"]}}
    });
    assert_eq!(
        spelled(&kind(requests(fixed), None).http2),
        ["origin: https://other.test", "referer: {origin}/", "*"]
    );
}

#[test]
fn kinds() {
    assert_faults([
        (
            requests(json!({"kinds": {"page": null, "fetch": null}})),
            "requests.kinds",
            "there is none",
        ),
        (
            requests(json!({"default": "form"})),
            "requests.default",
            "none of the kinds",
        ),
        (
            requests(json!({"default": null})),
            "requests",
            "missing field `default`",
        ),
        (
            requests(json!({"kinds": {"Page": {"http2": []}}})),
            "requests.kinds.Page",
            "lower case",
        ),
        (
            requests(json!({"kinds": {"": {"http2": []}}})),
            "requests.kinds.",
            "lower case",
        ),
        (
            requests(json!({"kinds": {"form": {}}})),
            "requests.kinds.form",
            "neither",
        ),
        (
            page(json!({"http3": []})),
            "requests.kinds.page.http3",
            "unknown field",
        ),
        (
            requests(json!({"values": {"User-Agent": "a"}})),
            "requests.values.User-Agent",
            "in lower case",
        ),
        (
            requests(json!({"values": {"a b": "a"}})),
            "requests.values.a b",
            "no header's name",
        ),
        (
            requests(json!({"values": {"a": "b\n"}})),
            "requests.values.a",
            "no header's value",
        ),
        (
            requests(json!({"values": {"a": " b"}})),
            "requests.values.a",
            "no header's value",
        ),
    ]);
}

#[test]
fn priorities() {
    let priority = |members: Value| page(json!({ "priority": members }));
    assert_faults([
        (
            priority(json!({"weight": 0})),
            "requests.kinds.page.priority.weight",
            "1 to 256",
        ),
        (
            priority(json!({"weight": 257})),
            "requests.kinds.page.priority.weight",
            "1 to 256",
        ),
        (
            priority(json!({"weight": 1, "depends_on": 1_u32 << 31})),
            "requests.kinds.page.priority.depends_on",
            "31 bits",
        ),
        (
            priority(json!({"exclusive": true})),
            "requests.kinds.page.priority",
            "missing field `weight`",
        ),
    ]);
    let written = json!({
        "http2": {"first_stream": 5},
        "requests": {"kinds": {"page": {"priority": {"exclusive": true, "depends_on": 3, "weight": 256}}}},
    });
    assert_eq!(
        kind(written, None).priority,
        Some(StreamPriority {
            exclusive: true,
            dependency: 3,
            weight_less_one: 255
        })
    );
    assert_eq!(kind(json!({}), None).priority, None);
}

#[test]
fn headers() {
    const FIRST: &str = "requests.kinds.page.http2[0]";
    const SECOND: &str = "requests.kinds.page.http2[1]";
    let unsafe_only = |header: &str| http2(json!([{"header": header, "methods": "unsafe"}]));
    assert_faults([
        (http2(json!(["a b: c"])), FIRST, "no header's name"),
        (http2(json!([""])), FIRST, "no header's name"),
        (http2(json!(["a: b\r\nc: d"])), FIRST, "no header's value"),
        (http2(json!(["a:  b"])), FIRST, "begins nor ends"),
        (http2(json!(["a: b "])), FIRST, "begins nor ends"),
        (http2(json!(["a", "a: b"])), SECOND, "a is there twice"),
        (
            http1(json!(["Host", "A", "a: b"])),
            "requests.kinds.page.http1[2]",
            "a is there twice",
        ),
        (http2(json!(["*", "*"])), SECOND, "one place"),
        (http2(json!([":path"])), FIRST, "pseudo-header"),
        (http2(json!([":path: /"])), FIRST, "pseudo-header"),
        (http2(json!(["Accept: */*"])), FIRST, "upper case"),
        (
            http2(json!(["connection: keep-alive"])),
            FIRST,
            "belongs to a connection",
        ),
        (
            http2(json!(["keep-alive: 1"])),
            FIRST,
            "belongs to a connection",
        ),
        (
            http2(json!(["proxy-connection"])),
            FIRST,
            "belongs to a connection",
        ),
        (
            http2(json!(["transfer-encoding"])),
            FIRST,
            "belongs to a connection",
        ),
        (
            http2(json!(["upgrade: h2c"])),
            FIRST,
            "belongs to a connection",
        ),
        (http2(json!(["host"])), FIRST, "belongs to a connection"),
        (http2(json!(["te: gzip"])), FIRST, "belongs to a connection"),
        (
            http2(json!(["a: {nothing}"])),
            FIRST,
            "`values` has no nothing",
        ),
        (http2(json!(["a: {origin}{origin}"])), FIRST, "twice"),
        (
            http1(json!(["Accept: */*"])),
            "requests.kinds.page.http1",
            "Host is missing",
        ),
        (
            http1(json!(["Host: a"])),
            "requests.kinds.page.http1[0]",
            "the request's own",
        ),
        (
            unsafe_only("a"),
            "requests.kinds.page.http2[0].header",
            "no value",
        ),
        (
            http2(json!([{"header": "a: b", "methods": "some"}])),
            FIRST,
            "expected a header",
        ),
        (http2(json!([5])), FIRST, "expected a header"),
    ]);
}

/// Of what frames a request, a list has only the place.
#[test]
fn framing_is_the_librarys() {
    let valued = |name: &str| {
        let values = json!({ name: "5" });
        let lines = json!(["Host", name]);
        requests(json!({"values": values, "kinds": {"page": {"http1": lines}}}))
    };
    let in_http1 = |line: &str| http1(json!(["Host", line]));
    const SECOND: &str = "requests.kinds.page.http1[1]";
    const LIBRARYS: &str = "its value is the library's";
    assert_faults([
        (in_http1("Content-Length: 5"), SECOND, LIBRARYS),
        (in_http1("content-length:"), SECOND, LIBRARYS),
        (in_http1("Transfer-Encoding: chunked"), SECOND, LIBRARYS),
        (valued("content-length"), SECOND, LIBRARYS),
        (valued("transfer-encoding"), SECOND, LIBRARYS),
        (
            http2(json!(["content-length: 5"])),
            "requests.kinds.page.http2[0]",
            LIBRARYS,
        ),
        (
            valued("host"),
            "requests.kinds.fetch.http1[0]",
            "the request's own",
        ),
        (
            http1(json!([{"header": "Host", "methods": "unsafe"}])),
            "requests.kinds.page.http1[0].header",
            "every request has",
        ),
        (in_http1("Hotpool-Stream-Priority"), SECOND, "a mark"),
        (
            http2(json!(["hotpool-stream-priority: 80000000ff"])),
            "requests.kinds.page.http2[0]",
            "a mark",
        ),
    ]);
    let places = http1(json!(["Host", "Content-Length", "Transfer-Encoding"]));
    assert_eq!(
        spelled(&kind(places, None).http1),
        [
            "Host of the request",
            "Content-Length",
            "Transfer-Encoding",
            "*"
        ]
    );
}

/// Odd streams from the first one on are requests, each of which has the priority that its kind has.
#[test]
fn no_request_depends_on_itself() {
    const FIELD: &str = "requests.kinds.page.priority.depends_on";
    let depends = |stream: u32, connection: Value| {
        json!({
            "http2": connection,
            "requests": {"kinds": {"page": {"priority": {"weight": 1, "depends_on": stream}}}},
        })
    };
    assert_faults([
        (depends(1, json!({})), FIELD, "depend on itself"),
        (depends(7, json!({})), FIELD, "depend on itself"),
        (
            depends(3, json!({"first_stream": 3})),
            FIELD,
            "depend on itself",
        ),
        (depends(3, Value::Null), FIELD, "depend on itself"),
        // Where no other stream is open.
        (
            depends(7, json!({"dependencies": "chained"})),
            FIELD,
            "depend on itself",
        ),
    ]);
    for (stream, connection) in [
        (0, json!({})),
        (2, json!({})),
        (3, json!({"first_stream": 15})),
        (1, json!({"first_stream": 3, "dependencies": "chained"})),
    ] {
        loaded(depends(stream, connection));
    }
}
