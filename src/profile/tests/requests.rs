//! The requests that browsers sent, and what their profiles would send.

use std::fs;

use http::Method;
use serde_json::Value;

use super::corpus::corpus;
use crate::profile::Profile;
use crate::profile::http2::{StreamDependencies, StreamPriority};
use crate::profile::requests::{DefaultValue, HeaderTemplate, RequestTemplate};

/// A captured request.
struct Sent {
    name: String,
    method: Method,
    headers: Vec<(String, String)>,
    priority: Option<StreamPriority>,
}

/// Headers that say something about the page or the request, not about the client.
const GIVEN: [&str; 11] = [
    "access-control-request-headers",
    "access-control-request-method",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
    "sec-fetch-site",
    "sec-websocket-key",
    "sec-websocket-protocol",
];

/// The header of an image that is out of view, and the frame of one in view: it was weighed again in between.
const CAME_INTO_VIEW: &str = "headful-kinds-ip-resumed-002";

/// What of `sent` is not as the template has it.
fn faults(template: &HeaderTemplate, sent: &Sent) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before = 0;
    let has_range = sent
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("range"));
    for (name, value) in &sent.headers {
        let mut slots = template.slots.iter();
        let found = slots.position(|slot| slot.name == *name.to_ascii_lowercase());
        // Twice as many places as slots, so that there is one before each.
        let place = found.map_or(2 * template.others, |found| 2 * found + 1);
        if place < before {
            faults.push(format!("{name} is in another place"));
        }
        before = place;
        let Some(slot) = found.map(|found| &template.slots[found]) else {
            continue;
        };
        // A page spells its own headers as it likes.
        let is_given = GIVEN.contains(&slot.name.as_str());
        let is_pages = slot.default.is_none() && !is_given;
        if *slot.spelled != **name && !is_pages {
            faults.push(format!("{name} is spelled {}", slot.spelled));
        }
        // What is asked for in parts cannot be compressed.
        let is_whole = has_range && slot.name == "accept-encoding" && value == "identity";
        if is_given || is_whole {
            continue;
        }
        match &slot.default {
            Some(DefaultValue::Fixed(default)) if default == value => {}
            // The place is for the page's.
            None => {}
            default => faults.push(format!("{name} is {default:?}, not {value}")),
        }
    }
    // Only what the user did has the header.
    let by_script = sent
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("sec-fetch-site") && value != "none");
    for slot in &template.slots {
        let mut names = sent.headers.iter().map(|(name, _)| name);
        let is_sent = names.any(|name| slot.name == *name.to_ascii_lowercase());
        let is_default = slot.default.is_some() && slot.only.holds(&sent.method);
        let may_lack =
            GIVEN.contains(&slot.name.as_str()) || slot.name == "sec-fetch-user" && by_script;
        if is_default && !is_sent && !may_lack {
            faults.push(format!("{} is missing", slot.name));
        }
    }
    faults
}

fn http2_faults(
    kind: &RequestTemplate,
    dependencies: StreamDependencies,
    sent: &Sent,
) -> Vec<String> {
    let mut faults = faults(&kind.http2, sent);
    let mut priority = sent.priority;
    if let (Some(sent), Some(own)) = (&mut priority, kind.priority)
        && dependencies == StreamDependencies::Chained
    {
        sent.dependency = own.dependency;
    }
    if priority != kind.priority {
        faults.push(format!(
            "its priority is {:?}, not {priority:?}",
            kind.priority
        ));
    }
    faults
}

fn lines(text: &str) -> Vec<Value> {
    let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
    values.collect()
}

fn kept(file: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures");
    lines(&fs::read_to_string(format!("{path}/{file}")).unwrap())
}

/// What a browser without a window calls itself is the one thing in which it differs from the same browser with one.
fn with_a_window(value: &str) -> String {
    value.replace("HeadlessChrome", "Chrome")
}

fn http2_request(name: &str, request: &Value) -> Sent {
    let headers = request["headers"].as_array().unwrap().iter().map(|header| {
        let text = |index: usize| header[index].as_str().unwrap();
        (text(0).to_owned(), with_a_window(text(1)))
    });
    let (pseudo, headers): (Vec<_>, Vec<_>) = headers.partition(|(name, _)| name.starts_with(':'));
    let number = |field: &str| request["priority"][field].as_u64().unwrap();
    Sent {
        name: name.to_owned(),
        method: pseudo
            .iter()
            .find(|(name, _)| name == ":method")
            .map(|(_, method)| method.parse().unwrap())
            .unwrap(),
        headers,
        priority: request["priority"].is_object().then(|| StreamPriority {
            exclusive: number("exclusive") == 1,
            dependency: number("depends_on").try_into().unwrap(),
            weight_less_one: (number("weight") - 1).try_into().unwrap(),
        }),
    }
}

fn http1_request(request: &Value) -> Sent {
    let raw = request["raw"].as_str().unwrap();
    let mut lines = raw.trim_end().split("\r\n");
    let name = lines.next().unwrap().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), with_a_window(value))
    };
    Sent {
        method: name.split(' ').next().unwrap().parse().unwrap(),
        name,
        headers: lines.map(header).collect(),
        priority: None,
    }
}

/// Every request of the corpus is of one of the kinds.
fn assert_corpus(profile: &str, file: &str, expected: usize) {
    let Some(corpus) = corpus() else { return };
    let profile = Profile::named(profile).unwrap();
    let (http2, requests) = (
        profile.http2_template().unwrap(),
        profile.request_templates().unwrap(),
    );
    let mut seen = 0;
    for capture in lines(&fs::read_to_string(corpus.join(file)).unwrap()) {
        let name = capture["name"].as_str().unwrap();
        for request in capture["http2"]["requests"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let sent = http2_request(name, request);
            let faults = requests.kinds.iter().map(|kind| {
                let faults = http2_faults(kind, http2.dependencies, &sent);
                (faults, &kind.name)
            });
            let nearest = faults.min_by_key(|(faults, _)| faults.len()).unwrap();
            if name == CAME_INTO_VIEW && file.starts_with("firefox") {
                assert_eq!(nearest.0.len(), 1, "{nearest:?}");
                assert!(nearest.0[0].starts_with("priority is"), "{nearest:?}");
            } else {
                assert!(nearest.0.is_empty(), "{file} {name}: {nearest:?}");
            }
            seen += 1;
        }
    }
    println!("{file}: {seen} requests over HTTP/2");
    assert_eq!(seen, expected);
}

/// Those of the kept captures are of the kinds that they were made for. What a browser sends in some other order than a kind's has
/// the name of no kind.
fn assert_kept(
    profile: &str,
    file: &str,
    of_no_kind: &[&str],
    faults: impl Fn(&RequestTemplate, &Value) -> (String, Vec<String>),
) {
    let profile = Profile::named(profile).unwrap();
    let requests = profile.request_templates().unwrap();
    let mut without = Vec::new();
    let mut seen = 0;
    for request in kept(file) {
        let name = request["kind"].as_str().unwrap();
        let Some(kind) = requests.kind(Some(name)) else {
            without.push(name.to_owned());
            continue;
        };
        let (sent, faults) = faults(kind, &request);
        assert_eq!(faults, [""; 0], "{file}: {name}: {sent}");
        seen += 1;
    }
    println!("{file}: {seen} requests of a kind");
    without.dedup();
    assert_eq!(without, of_no_kind);
    assert!(seen >= 12, "{seen}");
}

fn assert_kept_http2(profile: &str, file: &str, of_no_kind: &[&str]) {
    let named = Profile::named(profile).unwrap();
    let dependencies = named.http2_template().unwrap().dependencies;
    assert_kept(profile, file, of_no_kind, |kind, request| {
        let sent = http2_request(file, request);
        (
            format!("{:?}", sent.headers),
            http2_faults(kind, dependencies, &sent),
        )
    });
}

fn assert_kept_http1(profile: &str, file: &str, of_no_kind: &[&str]) {
    assert_kept(profile, file, of_no_kind, |kind, request| {
        let sent = http1_request(request);
        let faults = faults(&kind.http1, &sent);
        (sent.name, faults)
    });
}

#[test]
fn chromium_over_http2() {
    assert_corpus("chromium-156", "chromium-156.jsonl", 173);
    assert_kept_http2(
        "chromium-156",
        "http2-chromium-156.jsonl",
        &["fetch-no-store"],
    );
}

#[test]
fn firefox_over_http2() {
    assert_corpus("firefox-esr-153", "firefox-esr-153.jsonl", 183);
    assert_kept_http2(
        "firefox-esr-153",
        "http2-firefox-153.jsonl",
        &["fetch-no-store", "fetch-empty"],
    );
}

#[test]
fn chromium_over_http1() {
    assert_kept_http1(
        "chromium-156",
        "http1-chromium-156.jsonl",
        &["fetch-no-store", "reload", "fetch-conditional"],
    );
}

#[test]
fn firefox_over_http1() {
    assert_kept_http1(
        "firefox-esr-153",
        "http1-firefox-153.jsonl",
        &["fetch-empty", "fetch-no-store", "fetch-text", "reload"],
    );
}

/// A capture of one browser is not the other's, or the tests above show nothing.
#[test]
fn the_browsers_differ() {
    for (profile, file) in [
        ("firefox-esr-153", "http2-chromium-156.jsonl"),
        ("chromium-156", "http2-firefox-153.jsonl"),
    ] {
        let profile = Profile::named(profile).unwrap();
        let requests = profile.request_templates().unwrap();
        for request in kept(file) {
            let sent = http2_request(file, &request);
            for kind in &requests.kinds {
                assert_ne!(faults(&kind.http2, &sent), [""; 0], "{}", sent.name);
            }
        }
    }
}

/// Of the requests captured on one connection, some depend on others in Chromium, and none in Firefox.
#[test]
fn dependencies_are_chained_in_chromium_alone() {
    for (profile, file, chained) in [
        (
            "chromium-156",
            "http2-chromium-156.jsonl",
            StreamDependencies::Chained,
        ),
        (
            "firefox-esr-153",
            "http2-firefox-153.jsonl",
            StreamDependencies::Fixed,
        ),
    ] {
        let profile = Profile::named(profile).unwrap();
        let is_dependent = |request: &Value| request["priority"]["depends_on"] != 0;
        assert_eq!(
            kept(file).iter().any(is_dependent),
            chained == StreamDependencies::Chained
        );
        assert_eq!(profile.http2_template().unwrap().dependencies, chained);
    }
}
