//! Every hello of the corpus, of any client, becomes a profile that could have sent it.

mod hostile;
mod openings;

use super::HelloCapture;
use crate::profile::tests::captures::{Capture, captures};
use crate::profile::{ClientHello, Profile};

const FILES: [&str; 12] = [
    "chromium-156.jsonl",
    "curl-7.88-http1.jsonl",
    "curl-7.88.jsonl",
    "firefox-esr-153.jsonl",
    "gnutls-3.7.jsonl",
    "go-1.19.jsonl",
    "node-20-http2.jsonl",
    "node-20-https.jsonl",
    "openssl-3.0.jsonl",
    "python-httpx.jsonl",
    "reqwest-rustls.jsonl",
    "safari-26-emulated.jsonl",
];

fn hello(capture: &Capture) -> ClientHello {
    ClientHello::from_records(&capture.records).unwrap()
}

/// The hellos of a file, each second hello beside its first.
fn paired(all: &[Capture]) -> Vec<HelloCapture> {
    let firsts = all
        .iter()
        .filter(|capture| !capture.scenario.ends_with("hrr2"));
    let paired = firsts.map(|first| {
        let retry = all.iter().find(|other| {
            other.scenario.ends_with("hrr2") && other.pair.as_deref() == Some(&first.name)
        });
        HelloCapture {
            retry: retry.map(hello),
            ..HelloCapture::new(hello(first))
        }
    });
    paired.collect()
}

#[test]
fn one_hello_is_a_profile_that_sends_it() {
    for file in FILES {
        let captures = captures(file);
        for capture in &captures {
            let profile = Profile::from_client_hello(&capture.records).unwrap();
            assert_eq!(
                profile.differences(&hello(capture), None),
                [],
                "{file} {}",
                capture.name
            );
            let again = Profile::from_json(file, &profile.to_json()).unwrap();
            assert_eq!(
                again.differences(&hello(capture), None),
                [],
                "{file} {}",
                capture.name
            );
        }
    }
}

#[test]
fn all_hellos_of_a_client_are_one_profile() {
    for file in FILES {
        let captures = captures(file);
        let paired = paired(&captures);
        // A client that offers another group when it comes again is two clients to whoever sees its hellos.
        let (fresh, others): (Vec<HelloCapture>, Vec<HelloCapture>) = paired
            .into_iter()
            .partition(|capture| capture.hello.key_share_groups() != [24]);
        let profile = Profile::from_captures("learned", &fresh).unwrap();
        for capture in &fresh {
            assert_eq!(
                profile.differences(&capture.hello, capture.retry.as_ref()),
                [],
                "{file}\n{}",
                profile.to_json()
            );
        }
        assert_eq!(others.is_empty(), file != "reqwest-rustls.jsonl", "{file}");
    }
}

/// From enough captures the profile is the one that is shipped.
#[test]
fn what_a_browser_draws_is_learned() {
    for (file, name) in [
        ("chromium-156.jsonl", "chromium-156"),
        ("firefox-esr-153.jsonl", "firefox-esr-153"),
    ] {
        let captures = captures(file);
        let learned: serde_json::Value = serde_json::from_str(
            &Profile::from_captures("learned", &paired(&captures))
                .unwrap()
                .to_json(),
        )
        .unwrap();
        let shipped: serde_json::Value =
            serde_json::from_str(&Profile::named(name).unwrap().to_json()).unwrap();
        let (learned, shipped) = (&learned["client_hello"], &shipped["client_hello"]);
        for field in shipped
            .as_object()
            .unwrap()
            .keys()
            .filter(|field| *field != "extensions")
        {
            assert_eq!(learned[field], shipped[field], "{field}");
        }
        assert_eq!(
            learned["extensions"].as_array().unwrap().len(),
            shipped["extensions"].as_array().unwrap().len()
        );
    }
}
