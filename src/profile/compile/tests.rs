//! HTTP/2 and requests that cannot be, and what is said of them.

mod http2;
mod requests;
mod variants;

use serde_json::{Value, json};

use crate::profile::Profile;
use crate::profile::document::merge;

/// A small profile that is one.
fn small() -> Value {
    json!({
        "name": "small",
        "provenance": {"kind": "captured", "client": "c", "version": "1", "os": "o", "date": "2026-11-20"},
        "http2": {
            "settings": [["ENABLE_PUSH", 0], ["0x0007", 5], ["GREASE"]],
            "pseudo_headers": ["method", "authority", "scheme", "path"]
        },
        "requests": {
            "values": {"user-agent": "small/1", "accept-page": "text/html"},
            "default": "page",
            "kinds": {
                "page": {"http2": ["user-agent", "accept: {accept-page}", "cookie", "*", "te: trailers"]},
                "fetch": {"http1": ["Host", "User-Agent", "Connection: keep-alive", "*", {"header": "Origin: {origin}", "methods": "unsafe"}]}
            }
        }
    })
}

fn load(patch: Value) -> Result<Profile, crate::profile::ProfileError> {
    let mut document = small();
    merge(&mut document, patch);
    Profile::from_json("file.json", &document.to_string())
}

fn loaded(patch: Value) -> Profile {
    load(patch).unwrap()
}

/// Each patch makes a profile of which this field is at fault, in words that have this part.
fn assert_faults<const N: usize>(faults: [(Value, &str, &str); N]) {
    for (patch, field, part) in faults {
        let error = load(patch.clone()).map(|_| patch).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(error.fault().contains(part), "{error}");
    }
}

#[test]
fn what_is_written_back_is_the_same() {
    let profiles = crate::profile::catalogue().unwrap();
    for profile in profiles.into_iter().chain([loaded(json!({}))]) {
        let json = profile.to_json();
        let again = Profile::from_json("again", &json).unwrap();
        assert_eq!(again.to_json(), json);
        let templates = |profile: &Profile| {
            format!(
                "{:?} {:?}",
                profile.http2_template(),
                profile.request_templates()
            )
        };
        assert_eq!(templates(&again), templates(&profile));
    }
}
