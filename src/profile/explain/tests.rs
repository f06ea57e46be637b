//! Every capture of a browser is a hello that its profile could have sent, byte for byte.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::draw::draw_of;
use super::taken::Taken;
use crate::profile::template::HelloInputs;
use crate::profile::tests::captures::{Capture, captures};
use crate::profile::{ClientHello, Profile, SampleOptions};

#[test]
fn a_hello_without_grease_is_compared_field_by_field() {
    let [chromium, firefox] = ["chromium", "firefox"].map(|name| Profile::named(name).unwrap());
    let options = SampleOptions::default();
    let sampled = firefox.sample(&options, &mut rand::rng()).unwrap();
    let differences = chromium.differences(&sampled.capture().unwrap().hello, None);
    let places: Vec<&str> = differences.iter().map(|each| &*each.place).collect();
    for place in ["cipher_suites", "extensions", "extension supported_groups"] {
        assert!(places.contains(&place), "{differences:#?}");
    }
}

/// The message and what is different in it, for one capture and, if it answers a HelloRetryRequest, the hello before it.
fn assert_explained(profile: &Profile, capture: &Capture, first: Option<&Capture>) {
    let hello = ClientHello::from_records(&capture.records).unwrap();
    let before = first.map(|first| ClientHello::from_records(&first.records).unwrap());
    let differences = match &before {
        None => profile.differences(&hello, None),
        Some(before) => profile.differences(before, Some(&hello)),
    };
    assert_eq!(differences, [], "{} {}", capture.name, capture.scenario);
    let template = profile.hello_template().unwrap().adopt(&hello);
    let (mut draw, _) = draw_of(&template, before.as_ref().unwrap_or(&hello));
    let retry = before.is_some();
    let message = template
        .render(&Taken::from_hello(&hello, retry).inputs(), &mut draw)
        .unwrap();
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    let version = template.record_version(retry).to_be_bytes();
    let record = [&[22][..], &version, &length, &message].concat();
    assert_eq!(
        record, capture.records,
        "{} {}",
        capture.name, capture.scenario
    );
}

fn assert_all_explained(file: &str, profile: &str) {
    let captures = captures(file);
    let profile = Profile::named(profile).unwrap();
    let by_name: HashMap<&str, &Capture> = captures
        .iter()
        .map(|capture| (&*capture.name, capture))
        .collect();
    for capture in &captures {
        let first = capture
            .pair
            .as_deref()
            .filter(|_| capture.scenario.ends_with("hrr2"));
        assert_explained(&profile, capture, first.map(|name| by_name[name]));
    }
    assert!(captures.len() > 10);
}

#[test]
fn chromium_sent_what_its_profile_can_send() {
    assert_all_explained("chromium-156.jsonl", "chromium-156");
}

#[test]
fn firefox_sent_what_its_profile_can_send() {
    assert_all_explained("firefox-esr-153.jsonl", "firefox-esr-153");
}

#[test]
fn published_captures_are_what_their_profiles_can_send() {
    let text = crate::profile::tests::captures::file("browser-hellos.json");
    let published: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    for (name, profile) in [
        ("chrome-151-windows", "chrome-151"),
        ("chrome-152-windows", "chrome-152"),
        ("chrome-153-windows", "chrome-153"),
        ("firefox-155-windows", "firefox-155"),
        ("firefox-156-windows", "firefox-156"),
        ("okhttp-5.5-jvm", "okhttp-5.5"),
    ] {
        let entry = published
            .iter()
            .find(|entry| entry["profile"] == name)
            .unwrap();
        let hello = entry["client_hello_record_hex"].as_str().unwrap();
        let hello = ClientHello::from_records(&crate::profile::tests::bytes(hello)).unwrap();
        assert_eq!(
            Profile::named(profile).unwrap().differences(&hello, None),
            [],
            "{name}"
        );
    }
}

#[test]
fn other_clients_sent_what_their_profiles_can_send() {
    for (file, profile) in [
        ("curl-7.88.jsonl", "curl-7.88"),
        ("curl-7.88-http1.jsonl", "curl-7.88"),
        ("safari-26-emulated.jsonl", "safari-26"),
    ] {
        let captures = captures(file);
        let profile = Profile::named(profile).unwrap();
        for capture in &captures {
            let first = capture
                .pair
                .as_deref()
                .filter(|_| capture.scenario.ends_with("hrr2"));
            let first = first.map(|name| captures.iter().find(|other| other.name == name).unwrap());
            assert_explained(&profile, capture, first);
        }
    }
}

/// What tells two clients apart is found.
#[test]
fn another_clients_hello_is_different() {
    let chromium = captures("chromium-156.jsonl");
    let hello = ClientHello::from_records(&chromium[0].records).unwrap();
    let differences = Profile::named("firefox").unwrap().differences(&hello, None);
    let places: Vec<&str> = differences
        .iter()
        .map(|difference| &*difference.place)
        .collect();
    for place in [
        "cipher_suites",
        "extensions",
        "extension supported_groups",
        "extension key_share",
    ] {
        assert!(places.contains(&place), "{places:?}");
    }
    let differences = Profile::named("chrome-151")
        .unwrap()
        .differences(&hello, None);
    assert!(
        differences
            .iter()
            .any(|difference| difference.found == "trust_anchors"),
        "{differences:?}"
    );
}

/// NSS asks for a group and gives a cookie at once; a server without state gives a cookie alone.
#[test]
fn a_cookie_comes_with_the_requested_share_or_with_all() {
    for (file, name) in [
        ("chromium-156.jsonl", "chromium-156"),
        ("firefox-esr-153.jsonl", "firefox-esr-153"),
    ] {
        let captures = captures(file);
        let profile = Profile::named(name).unwrap();
        let second = captures
            .iter()
            .find(|capture| capture.scenario == "hrr2")
            .unwrap();
        let first = captures
            .iter()
            .find(|capture| Some(&*capture.name) == second.pair.as_deref())
            .unwrap();
        let first = ClientHello::from_records(&first.records).unwrap();
        let second = ClientHello::from_records(&second.records).unwrap();
        let template = profile.hello_template().unwrap().adopt(&first);
        let [first, second] = [
            Taken::from_hello(&first, false),
            Taken::from_hello(&second, true),
        ];
        for seed in 0..20 {
            let mut draw = template.draw(&mut StdRng::seed_from_u64(seed));
            let mut render = |inputs: &HelloInputs<'_>| {
                let message = template.render(inputs, &mut draw).unwrap();
                ClientHello::from_message(&message).unwrap()
            };
            let hello = render(&first.inputs());
            for shares in [&first, &second] {
                let retry = render(&HelloInputs {
                    cookie: Some(b"\0\x06cookie"),
                    key_shares: shares.inputs().key_shares,
                    ..second.inputs()
                });
                assert!(retry.extension(44).is_some());
                assert_eq!(profile.differences(&hello, Some(&retry)), [], "{name}");
            }
        }
    }
}

#[test]
fn a_share_that_is_missing_is_a_difference() {
    let text = r#"{
        "name": "one-share", "extends": "chromium-156",
        "provenance": {"kind": "derived", "client": "c", "version": "1", "os": "o", "date": "2026-11-20"},
        "client_hello": {"key_shares": ["GREASE:group", "x25519"]}
    }"#;
    let other = Profile::from_json("text", text).unwrap();
    let sample = other.sample(&SampleOptions::default(), &mut rand::rng());
    let hello = sample.unwrap().capture().unwrap().hello;
    assert!(other.differences(&hello, None).is_empty());
    let differences = Profile::named("chromium-156")
        .unwrap()
        .differences(&hello, None);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(differences[0].place, "extension key_share");
}
