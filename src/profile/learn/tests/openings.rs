//! What clients sent over HTTP becomes a profile that could have sent it.

use std::collections::HashMap;

use super::hello;
use crate::profile::learn::trials::Trials;
use crate::profile::learn::{HelloCapture, hpack};
use crate::profile::tests::captures::{captures, kept_openings, openings};
use crate::profile::{Http1Head, Http2Opening, Profile};
use serde_json::{Value, json};

const CLIENTS: [&str; 8] = [
    "chromium-156",
    "firefox-esr-153",
    "curl-7.88",
    "go-1.19",
    "node-20-http2",
    "python-httpx",
    "reqwest-rustls",
    "safari-26-emulated",
];

/// Of each kind of request a few: what else the corpus has is more of the same.
fn complete(client: &str) -> Vec<Http2Opening> {
    let parsed = openings(client).into_iter();
    let parsed = parsed.map(|(_, bytes)| Http2Opening::parse(&bytes));
    let mut seen: HashMap<_, usize> = HashMap::new();
    let is_new = |opening: &Http2Opening| {
        let Some(request) = opening.requests().first() else {
            return false;
        };
        let kind = [
            ":method",
            "sec-fetch-dest",
            "sec-fetch-site",
            "origin",
            "priority",
        ]
        .map(|name| request.header(name).map(<[u8]>::to_vec));
        let count = seen.entry((kind, request.priority())).or_default();
        *count += 1;
        *count <= 3
    };
    let complete: Vec<_> = parsed.filter(is_new).collect();
    assert!(!complete.is_empty(), "{client}");
    complete
}

/// With a hello that only has to be one: hellos are learned from elsewhere.
fn captured(client: &str) -> HelloCapture {
    let first = captures(&format!("{client}.jsonl")).remove(0);
    HelloCapture::new(hello(&first))
}

fn learned(client: &str, openings: &[Http2Opening]) -> Profile {
    let each = openings.iter().map(|opening| HelloCapture {
        opening: Some(opening.clone()),
        ..captured(client)
    });
    Profile::from_captures("learned", &each.collect::<Vec<_>>()).unwrap()
}

/// A page, and three WebSockets of its on the same connection.
fn with_websockets(client: &str) -> Http2Opening {
    let [(_, bytes)] = kept_openings(&format!("{client}-websocket"))
        .try_into()
        .unwrap();
    Http2Opening::parse(&bytes)
}

fn json(profile: &Profile) -> Value {
    serde_json::from_str(&profile.to_json()).unwrap()
}

#[test]
fn a_learned_profile_sends_what_it_was_learned_from() {
    for client in CLIENTS {
        let openings = complete(client);
        let profile = learned(client, &openings);
        let again = Profile::from_json("again", &profile.to_json()).unwrap();
        assert_eq!(profile.akamai(), Some(openings[0].akamai()), "{client}");
        for opening in &openings {
            for profile in [&profile, &again] {
                let differences = profile.opening_differences(opening);
                assert_eq!(differences, [], "{client} {}", profile.to_json());
            }
        }
        let alone = learned(client, &openings[..1]);
        assert_eq!(alone.opening_differences(&openings[0]), [], "{client}");
    }
}

#[test]
fn browsers_connections_are_learned_as_they_are_shipped() {
    for client in ["chromium-156", "firefox-esr-153"] {
        let shipped = json(&Profile::named(client).unwrap());
        let mut openings = complete(client);
        let ordinary = json(&learned(client, &openings));
        // Each of the others has one request, which is no WebSocket.
        openings.push(with_websockets(client));
        let all = json(&learned(client, &openings));
        assert_eq!(all["http2"], shipped["http2"], "{client}");
        let note = ordinary["provenance"]["note"].as_str().unwrap();
        // Other versions encode as this one does.
        assert!(
            note.contains(&format!("as those of {}", &client[..4])),
            "{note}"
        );
        assert!(note.contains("No cookie was seen."), "{note}");
    }
}

#[test]
fn kinds_have_the_names_of_those_that_are_shipped() {
    let chromium = learned("chromium-156", &complete("chromium-156"));
    let firefox = learned("firefox-esr-153", &complete("firefox-esr-153"));
    let both = [
        "navigation",
        "form",
        "style",
        "script",
        "image",
        "image-low",
        "fetch",
        "preflight",
    ];
    for (profile, own) in [(&chromium, "iframe"), (&firefox, "favicon")] {
        let kinds = profile.request_kinds();
        assert_eq!(kinds[0], "navigation");
        for wanted in both.iter().chain([&own]) {
            assert!(kinds.contains(wanted), "{wanted}: {kinds:?}");
        }
    }
    let requests = &json(&chromium)["requests"];
    let image = &requests["kinds"]["image"];
    assert_eq!(
        image["priority"],
        json!({"exclusive": true, "depends_on": 0, "weight": 220})
    );
    let lines = image["http2"].as_array().unwrap();
    for line in [
        "priority: u=1, i",
        "sec-fetch-dest: image",
        "accept-encoding",
        "referer",
    ] {
        assert!(lines.contains(&json!(line)), "{line}: {lines:?}");
    }
    assert_eq!(
        requests["values"]["accept-encoding"],
        "gzip, deflate, br, zstd"
    );
    let form = requests["kinds"]["form"]["http2"].as_array().unwrap();
    // The page was another host's.
    for line in [
        "origin",
        "referer",
        "content-length",
        "cache-control: max-age=0",
    ] {
        assert!(form.contains(&json!(line)), "{line}: {form:?}");
    }
}

/// As if none of the clients was known. Of a browser's openings the first few have all that there is: each trial writes them anew.
#[test]
fn encoders_are_found_by_trial() {
    for client in CLIENTS {
        let openings = complete(client);
        let openings: Vec<&Http2Opening> = openings.iter().take(10).collect();
        let mut trials = Trials::of(&openings);
        let hpack = hpack::by_trial(&mut trials);
        let (same, all) = trials.score(&hpack);
        assert_eq!(same, all, "{client} {hpack:?}");
        assert!(trials.are_whole(), "{client} {}", trials.written());
    }
}

/// Later requests on the connection of a page.
#[test]
fn a_page_is_learned() {
    for client in ["chromium-156", "firefox-esr-153"] {
        let [(_, bytes)] = kept_openings(&format!("{client}-page")).try_into().unwrap();
        let opening = Http2Opening::parse(&bytes);
        let capture = HelloCapture {
            opening: Some(opening.clone()),
            ..captured(client)
        };
        let profile = Profile::from_captures("page", &[capture]).unwrap();
        assert_eq!(profile.opening_differences(&opening), []);
        let fetch = &json(&profile)["requests"]["kinds"]["fetch"]["http2"];
        let fetch = fetch.as_array().unwrap();
        let origin = json!({"header": "origin: {origin}", "methods": "unsafe"});
        for line in [origin, json!("referer: {origin}/"), json!("content-type")] {
            assert!(fetch.contains(&line), "{client}: {fetch:?}");
        }
    }
}

/// RFC 8441.
#[test]
fn websockets_are_learned_as_they_are_shipped() {
    for client in ["chromium-156", "firefox-esr-153"] {
        let opening = with_websockets(client);
        let profile = learned(client, std::slice::from_ref(&opening));
        assert_eq!(profile.opening_differences(&opening), []);
        let (learned, shipped) = (json(&profile), json(&Profile::named(client).unwrap()));
        let pseudo = |profile: &Value| profile["http2"]["pseudo_headers"].clone();
        assert_eq!(pseudo(&learned), pseudo(&shipped), "{client}");
        let kind = |profile: &Value| profile["requests"]["kinds"]["websocket"].clone();
        let (learned, shipped) = (kind(&learned), kind(&shipped));
        assert_eq!(learned["priority"], shipped["priority"], "{client}");
        let names = |kind: &Value| {
            let lines = kind["http2"].as_array().unwrap().iter();
            let names = lines.map(|line| line.as_str().unwrap().split(':').next().unwrap());
            let names: Vec<_> = names.filter(|name| *name != "*").collect();
            names.join(" ")
        };
        assert_eq!(names(&learned), names(&shipped), "{client}");
        for line in ["origin: {origin}", "sec-websocket-protocol", "cookie"] {
            let lines = learned["http2"].as_array().unwrap();
            assert!(lines.contains(&json!(line)), "{client}: {lines:?}");
        }
    }
}

#[test]
fn different_clients_are_not_one() {
    let [chromium, firefox] =
        ["chromium-156", "firefox-esr-153"].map(|client| complete(client).remove(0));
    let each = [chromium, firefox].map(|opening| HelloCapture {
        opening: Some(opening),
        ..captured("chromium-156")
    });
    let error = Profile::from_captures("mixed", &each)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("different clients: their SETTINGS differ"),
        "{error}"
    );
}

#[test]
fn the_case_of_http1_is_kept() {
    let head = |text: &str| HelloCapture {
        http1: Some(Http1Head::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()),
        ..captured("curl-7.88")
    };
    let curl =
        head("GET / HTTP/1.1\nHost: www.example.test\nUser-Agent: curl/7.88.1\nAccept: */*\n\n");
    let socket = head(
        "GET /ws HTTP/1.1\nHost: a\nUser-Agent: curl/7.88.1\nConnection: Upgrade\nUpgrade: websocket\nOrigin: https://a\n\
         Sec-WebSocket-Key: 0O+NrnyYEOaLtmHNDRIUag==\n\n",
    );
    let profile = Profile::from_captures("learned", &[curl, socket]).unwrap();
    let learned = json(&profile);
    let expected = json!({
        "values": {"user-agent": "curl/7.88.1"},
        "default": "request",
        "kinds": {
            "request": {"http1": ["Host", "User-Agent", "Accept: */*"]},
            "websocket": {
                "http1": [
                    "Host", "User-Agent", "Connection: Upgrade", "Upgrade: websocket", "Origin: {origin}", "Sec-WebSocket-Key"
                ]
            }
        }
    });
    assert_eq!(learned["requests"], expected);
    assert!(learned.get("http2").is_none());
    assert!(Profile::from_json("again", &profile.to_json()).is_ok());
}
