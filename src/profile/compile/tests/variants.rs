//! One variant is one installation.

use serde_json::json;

use super::{assert_faults, load, loaded};
use crate::profile::Profile;
use crate::profile::requests::DefaultValue;

/// The first setting, and the user agent.
fn drawn(profile: &Profile) -> (u32, String) {
    let setting = profile.http2_template().unwrap().setting(2).unwrap();
    let kind = profile.request_templates().unwrap().kind(None).unwrap();
    let Some(DefaultValue::Fixed(agent)) = &kind.http2.slots[0].default else {
        panic!("no user agent")
    };
    (setting, agent.to_str().unwrap().to_owned())
}

#[test]
fn all_parts_are_drawn_together() {
    let patch = json!({"variants": [
        {"weight": 1},
        {"weight": 1, "http2": {"settings": [["ENABLE_PUSH", 1]]}, "requests": {"values": {"user-agent": "other/1"}}}
    ]});
    let mut seen = std::collections::BTreeSet::new();
    // Of 64 draws all are one of two in one of 2^63 runs.
    for _ in 0..64 {
        seen.insert(drawn(&loaded(patch.clone())));
    }
    let expected = [(0, "small/1".to_owned()), (1, "other/1".to_owned())];
    assert_eq!(seen, expected.into());
}

#[test]
fn a_fault_shows_whichever_is_drawn() {
    let variant = |variant: serde_json::Value| json!({"variants": [{"weight": 1}, variant]});
    assert_faults([
        (
            variant(json!({"weight": 0, "http2": {"settings": [["ENABLE_PUSH", 2]]}})),
            "variants[1].http2.settings[0]",
            "0 to 1",
        ),
        (
            variant(json!({"weight": 0, "http2": {"first": 1}})),
            "variants[1].http2.first",
            "unknown field",
        ),
        (
            variant(json!({"weight": 0, "requests": {"default": "form"}})),
            "variants[1].requests.default",
            "none of the kinds",
        ),
        (
            json!({"http2": null, "requests": null, "variants": [{"weight": 1}]}),
            "variants",
            "nothing to vary",
        ),
        (
            variant(json!({"weight": 0, "http": {}})),
            "variants[1].http",
            "unknown field",
        ),
    ]);
}

/// What was said of one part holds as long as that part is the parent's.
#[test]
fn a_child_keeps_the_variants_of_parts_that_it_leaves() {
    let child = |part: serde_json::Value| {
        let mut child = json!({
            "name": "child", "extends": "chrome-152",
            "provenance": {"kind": "derived", "client": "c", "version": "1", "os": "o", "date": "2026-11-20"}
        });
        crate::profile::document::merge(&mut child, part);
        Profile::from_json("file.json", &child.to_string()).unwrap()
    };
    let varied = child(json!({"requests": {"values": {"accept-language": "de"}}}));
    assert!(varied.to_json().contains("variants"));
    let fixed = child(json!({"client_hello": {"trust_anchor_order": "fixed"}}));
    assert!(!fixed.to_json().contains("variants"));
}

#[test]
fn parts_may_be_left_out() {
    let none = load(json!({"http2": null, "requests": null})).unwrap();
    assert!(none.http2_template().is_none() && none.request_templates().is_none());
    assert!(none.request_kinds().is_empty());
}
