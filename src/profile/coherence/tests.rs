//! Profiles that no client is like.

use serde_json::{Value, json};

use crate::profile::document::merge;
use crate::profile::{Profile, catalogue};

/// The profile of this name, edited.
fn edited(name: &str, patch: Value) -> Profile {
    let profile = Profile::named(name).unwrap();
    let mut document: Value = serde_json::from_str(&profile.to_json()).unwrap();
    merge(&mut document, patch);
    Profile::from_json("edited", &document.to_string()).unwrap()
}

/// What is said of it, one place after another.
fn found(name: &str, patch: Value) -> Vec<(String, String)> {
    let contradictions = edited(name, patch).contradictions();
    let texts = contradictions
        .iter()
        .map(|found| (found.place().to_owned(), found.words().to_owned()));
    texts.collect()
}

/// There is one contradiction, at this place and in words that have this part.
fn assert_one(name: &str, patch: Value, place: &str, part: &str) {
    let found = found(name, patch);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, place, "{found:?}");
    assert!(found[0].1.contains(part), "{found:?}");
}

fn values(values: Value) -> Value {
    json!({"requests": {"values": values}})
}

fn extensions(name: &str, keep: impl Fn(&str) -> bool) -> Vec<Value> {
    let profile: Value = serde_json::from_str(&Profile::named(name).unwrap().to_json()).unwrap();
    let listed = profile["client_hello"]["extensions"].as_array().unwrap();
    let text = |extension: &Value| {
        let text = extension
            .as_str()
            .or_else(|| extension["extension"].as_str());
        text.unwrap().to_owned()
    };
    let kept = listed.iter().filter(|extension| keep(&text(extension)));
    kept.cloned().collect()
}

#[test]
fn what_is_compiled_in_has_none() {
    for profile in catalogue().unwrap() {
        let found: Vec<String> = profile
            .contradictions()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, [""; 0], "{}", profile.name());
    }
}

/// A new version of a client is no contradiction: it differs in what it says of its version alone.
#[test]
fn another_version_is_none() {
    let chrome = json!({
        "provenance": {"version": "160"},
        "requests": {"values": {
            "user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/160.0.0.0 Safari/537.36",
            "sec-ch-ua": "\"Chromium\";v=\"160\", \"Google Chrome\";v=\"160\", \"Not.A/Brand\";v=\"99\"",
            "sec-ch-ua-platform": "\"macOS\""
        }, "kinds": {}},
        "http2": {"connection_window_update": 1}
    });
    let with_system = |mut patch: Value| {
        merge(&mut patch, json!({"provenance": {"os": "macOS 26"}}));
        patch
    };
    assert_eq!(found("chrome-156", with_system(chrome)), []);
    let opera = json!({
        "provenance": {"client": "Opera", "version": "140"},
        "requests": {"values": {
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 OPR/140.0.0.0",
            "sec-ch-ua": "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\", \"Opera\";v=\"140\""
        }}
    });
    assert_eq!(found("chrome-156", opera), []);
    // Of a client that nobody here knows, nothing is known.
    let own = json!({
        "provenance": {"client": "Mine", "version": "1", "os": "any"},
        "requests": {"values": {"user-agent": "mine/1"}}
    });
    assert_eq!(found("okhttp-5.5", own), []);
}

#[test]
fn a_chrome_that_calls_itself_firefox() {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:156.0) Gecko/20100101 Firefox/156.0";
    let found = found("chromium-156", values(json!({ "user-agent": agent })));
    let has = |place: &str, part: &str| {
        let is_it = |(other, words): &(String, String)| other == place && words.contains(part);
        assert!(found.iter().any(is_it), "{place} {part}: {found:?}");
    };
    has("client_hello.extensions", "GREASE");
    has("client_hello.extensions", "ALPS");
    has("http2.settings", "settings");
    has("http2.pseudo_headers", "m,a,s,p");
    has("http2.first_stream", "first stream is 1");
    has("http2.stream_window_update", "enlarge");
    has("requests", "sec-ch-ua is yes");
    has("provenance.client", "Chromium does not call itself");
}

#[test]
fn a_firefox_that_calls_itself_chrome() {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36";
    let found = found("firefox-esr-153", values(json!({ "user-agent": agent })));
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    let expected = [
        "provenance.client",
        "client_hello.extensions",
        "client_hello.extensions",
        "http2.settings",
        "http2.pseudo_headers",
        "http2.first_stream",
        "http2.stream_window_update",
        "requests",
    ];
    assert_eq!(places, expected, "{found:?}");
}

#[test]
fn a_hello_without_what_its_family_has() {
    let place = "client_hello.extensions";
    let without = |name: &str| extensions("chromium-156", |extension| extension != name);
    assert_one(
        "chromium-156",
        json!({"client_hello": {"extensions": without("encrypted_client_hello"), "ech_grease": null}}),
        place,
        "encrypted_client_hello is no",
    );
    assert_one(
        "chromium-156",
        json!({"client_hello": {"extensions": without("application_settings"), "application_settings": null}}),
        place,
        "ALPS is no",
    );
    let without_grease = extensions("safari-26", |name| !name.starts_with("GREASE"));
    assert_one(
        "safari-26",
        json!({"client_hello": {
            "extensions": without_grease,
            "cipher_suites": ["TLS_AES_256_GCM_SHA384"],
            "supported_groups": ["x25519"], "key_shares": ["x25519"], "supported_versions": ["TLS 1.3"]
        }}),
        place,
        "GREASE is no",
    );
    assert_one(
        "curl-7.88",
        json!({"client_hello": null}),
        "client_hello",
        "shaped is no",
    );
}

#[test]
fn an_opening_without_what_its_family_has() {
    for (name, http2, place) in [
        (
            "chromium-156",
            json!({"settings": [["ENABLE_PUSH", 0]]}),
            "http2.settings",
        ),
        (
            "safari-26",
            json!({"pseudo_headers": ["method", "authority", "scheme", "path"]}),
            "http2.pseudo_headers",
        ),
        (
            "okhttp-5.5",
            json!({"first_stream": 1}),
            "http2.first_stream",
        ),
        (
            "firefox-esr-153",
            json!({"stream_window_update": null}),
            "http2.stream_window_update",
        ),
    ] {
        assert_one(name, json!({ "http2": http2 }), place, name);
    }
    // Chrome tries a setting that is drawn.
    let mut settings = json!([
        ["HEADER_TABLE_SIZE", 65536],
        ["ENABLE_PUSH", 0],
        ["INITIAL_WINDOW_SIZE", 6_291_456]
    ]);
    let members = settings.as_array_mut().unwrap();
    members.extend([json!(["MAX_HEADER_LIST_SIZE", 262_144]), json!(["GREASE"])]);
    assert_eq!(
        found("chromium-156", json!({"http2": {"settings": settings}})),
        []
    );
    assert_one(
        "chromium-156",
        json!({"requests": {"kinds": {"navigation": {"priority": null}}}}),
        "requests",
        "priority fields is no",
    );
}

#[test]
fn hints_that_say_otherwise() {
    for (hint, value, part) in [
        (
            "sec-ch-ua",
            "\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"155\"",
            "another version",
        ),
        ("sec-ch-ua-mobile", "?1", "says otherwise"),
        ("sec-ch-ua-platform", "\"Windows\"", "another system"),
        ("sec-ch-ua-platform", "\"Android\"", "another system"),
    ] {
        let place = format!("requests.kinds.navigation.{hint}");
        assert_one("chromium-156", values(json!({ hint: value })), &place, part);
    }
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.1";
    let line = format!("user-agent: {agent}");
    assert_one(
        "firefox-esr-153",
        json!({"requests": {"kinds": {"fetch": {"http2": [line], "http1": null, "priority": {"weight": 22}}}}}),
        "requests.kinds.fetch.user-agent",
        "another client",
    );
}

#[test]
fn a_provenance_that_is_of_another_client() {
    for (patch, place) in [
        (json!({"client": "Firefox"}), "provenance.client"),
        (json!({"version": "155.0.1"}), "provenance.version"),
        (json!({"os": "Windows 11"}), "provenance.os"),
    ] {
        assert_one(
            "chromium-156",
            json!({ "provenance": patch }),
            place,
            "call itself",
        );
    }
    let unknown =
        json!({"provenance": {"client": "unknown", "version": "unknown", "os": "unknown"}});
    assert_eq!(found("chromium-156", unknown), []);
}

#[test]
fn protocols_that_are_never_spoken() {
    let http1 = json!({"client_hello": {"alpn": ["http/1.1"], "application_settings": null}});
    let only_http1 = |mut patch: Value| {
        merge(&mut patch, http1.clone());
        patch
    };
    assert_one("curl-7.88", only_http1(json!({})), "http2", "never speaks");
    assert_one(
        "curl-7.88",
        only_http1(json!({"http2": null})),
        "requests.kinds.fetch.http2",
        "never speaks",
    );
    assert_one(
        "curl-7.88",
        json!({"http2": null}),
        "client_hello.alpn",
        "no `http2`",
    );
    let without_lists = json!({"http2": null, "requests": {"kinds": {"fetch": {"http2": null}, "form": {"http2": null}}}});
    assert_eq!(found("curl-7.88", only_http1(without_lists)), []);
}

#[test]
fn codings_that_nobody_here_reads() {
    assert_one(
        "firefox-156",
        values(json!({"accept-encoding": "gzip, deflate;q=0.5, dcb, zstd"})),
        "requests.kinds.navigation.http2.accept-encoding",
        "dcb is asked for",
    );
    let known = values(json!({"accept-encoding": "identity;q=0.1,x-gzip, *;q=0"}));
    assert_eq!(found("firefox-156", known), []);
}

/// A variant is one installation, which has to be coherent by itself.
#[test]
fn a_variant_is_looked_at_like_the_rest() {
    assert_one(
        "firefox-156",
        json!({"variants": [{"weight": 1}, {"weight": 0, "http2": {"first_stream": 15}}]}),
        "http2.first_stream",
        "is 15",
    );
}
