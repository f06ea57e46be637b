//! Profiles that are none, and what is said of them.

use serde_json::{Value, json};

use super::{Profile, ProvenanceKind, SampleOptions, aliases, catalogue};

/// A small profile that is one.
fn small() -> Value {
    json!({
        "name": "small",
        "provenance": {"kind": "captured", "client": "c", "version": "1", "os": "o", "date": "2026-11-20"},
        "client_hello": {
            "cipher_suites": ["TLS_AES_128_GCM_SHA256"],
            "extensions": [
                "server_name", "supported_groups", "signature_algorithms", "supported_versions", "key_share",
                "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes", "pre_shared_key"
            ],
            "supported_groups": ["x25519", "secp256r1"],
            "key_shares": ["x25519"],
            "signature_algorithms": ["ecdsa_secp256r1_sha256"],
            "supported_versions": ["TLS 1.3"],
            "alpn": ["h2"],
            "application_settings": ["h2"],
            "psk_key_exchange_modes": [1]
        }
    })
}

/// The field and the fault of `small` with this patch.
fn fault(patch: Value) -> (String, String) {
    let mut document = small();
    super::document::merge(&mut document, patch);
    let error = Profile::from_json("file.json", &document.to_string()).unwrap_err();
    assert!(
        error.to_string().starts_with("profile file.json: "),
        "{error}"
    );
    (error.field().to_owned(), error.fault().to_owned())
}

/// So many GREASE extensions before those of `small`.
fn grease_and_small(count: usize) -> Vec<Value> {
    let own = small()["client_hello"]["extensions"].clone();
    let own = own.as_array().unwrap().clone();
    std::iter::repeat_n(json!("GREASE"), count)
        .chain(own)
        .collect()
}

fn hello(members: Value) -> Value {
    json!({ "client_hello": members })
}

#[test]
fn all_that_is_compiled_in_is_sound() {
    let profiles = catalogue().unwrap();
    let names: Vec<&str> = profiles.iter().map(|profile| &**profile.name()).collect();
    for name in [
        "chrome-151",
        "chrome-152",
        "chrome-153",
        "chrome-156",
        "chromium-156",
        "curl-7.88",
        "edge-153",
        "firefox-155",
        "firefox-156",
        "firefox-esr-153",
        "okhttp-5.5",
        "rustls",
        "safari-26",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for (alias, own) in [
        ("chrome", "chrome-156"),
        ("firefox", "firefox-156"),
        ("safari", "safari-26"),
        ("edge", "edge-153"),
        ("okhttp", "okhttp-5.5"),
    ] {
        assert!(
            aliases().contains(&(alias.to_owned(), own.to_owned())),
            "{alias}"
        );
        assert_eq!(Profile::named(alias).unwrap(), Profile::named(own).unwrap());
    }
    assert_eq!(
        Profile::named("edge").unwrap().provenance().kind,
        ProvenanceKind::Transcribed
    );
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fingerprints")).unwrap();
    let files = files.filter(|file| {
        file.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|extension| extension == "json")
    });
    assert_eq!(
        files.count(),
        profiles.len(),
        "a file that is no profile, or two of one name"
    );
}

#[test]
fn a_small_profile_is_one() {
    let profile = Profile::from_json("file.json", &small().to_string()).unwrap();
    assert_eq!(&**profile.name(), "small");
    assert!(!profile.is_expired());
}

#[test]
fn an_error_names_file_field_and_fault() {
    for (patch, field, part) in [
        (
            hello(json!({"cipher_suites": "all"})),
            "client_hello.cipher_suites",
            "expected a sequence",
        ),
        (
            hello(json!({"sipher_suites": []})),
            "client_hello.sipher_suites",
            "unknown field",
        ),
        (
            hello(json!({"cipher_suites": []})),
            "client_hello.cipher_suites",
            "there is none",
        ),
        (
            hello(json!({"cipher_suites": ["TLS_NONE"]})),
            "client_hello.cipher_suites[0]",
            "no cipher suite",
        ),
        (
            hello(json!({"cipher_suites": ["0x1a1a"]})),
            "client_hello.cipher_suites[0]",
            "write GREASE",
        ),
        (
            hello(json!({"key_shares": ["secp384r1"]})),
            "client_hello.key_shares[0]",
            "does not list secp384r1",
        ),
        (
            hello(json!({"hybrid_key": "shared"})),
            "client_hello.hybrid_key",
            "X25519MLKEM768",
        ),
        (
            hello(json!({"application_settings": ["spdy"]})),
            "client_hello.application_settings[0]",
            "does not offer spdy",
        ),
        (
            hello(
                json!({"alpn": null, "application_settings": ["h2"], "extensions": [
                    "supported_groups", "signature_algorithms", "supported_versions", "key_share", "application_settings", "psk_key_exchange_modes"
                ]}),
            ),
            "client_hello.extensions",
            "application_settings means nothing without application_layer_protocol_negotiation",
        ),
        (
            hello(json!({"extensions": [
                "server_name", "supported_groups", "signature_algorithms", "supported_versions", "key_share", "pre_shared_key",
                "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes", "pre_shared_key"
            ]})),
            "client_hello.extensions[5]",
            "must be last",
        ),
        (
            hello(json!({"extensions": [
                "server_name", "supported_groups", "signature_algorithms", "supported_versions", "key_share", "server_name",
                "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes"
            ]})),
            "client_hello.extensions[5]",
            "server_name is there twice",
        ),
        (
            hello(json!({"record_size_limit": 16385})),
            "client_hello.record_size_limit",
            "does not list record_size_limit",
        ),
        (
            hello(json!({"record_size_limit": 63, "extensions": [
                "record_size_limit", "supported_groups", "signature_algorithms", "supported_versions", "key_share",
                "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes"
            ]})),
            "client_hello.record_size_limit",
            "at least 64",
        ),
        (
            hello(json!({"supported_groups": null})),
            "client_hello.supported_groups",
            "nothing is in it",
        ),
        (
            hello(json!({"pinned": ["server_name"]})),
            "client_hello.pinned",
            "fixed",
        ),
        (
            hello(json!({"extension_order": "permuted"})),
            "client_hello.extensions[8]",
            "stay there",
        ),
        (
            hello(json!({"resumption": {"without": ["cookie"]}})),
            "client_hello.resumption.without[0]",
            "does not list",
        ),
        (
            hello(json!({"supported_versions": ["TLS 1.2"]})),
            "client_hello.supported_versions",
            "go together",
        ),
        (
            hello(json!({"compression_methods": vec![0; 256]})),
            "client_hello.compression_methods",
            "at most 255",
        ),
        (
            hello(json!({"cipher_suites": vec!["TLS_AES_128_GCM_SHA256"; 8193]})),
            "client_hello.cipher_suites",
            "at most 8192",
        ),
        (
            hello(json!({"supported_versions": vec!["TLS 1.3"; 128]})),
            "client_hello.supported_versions",
            "at most 127",
        ),
        (
            hello(json!({"extensions": grease_and_small(17)})),
            "client_hello.extensions",
            "sixteen",
        ),
        (
            hello(json!({"key_shares": ["x25519", "0x001d"]})),
            "client_hello.key_shares[1]",
            "x25519 is there twice",
        ),
        (
            hello(
                json!({"supported_groups": ["GREASE", "x25519"], "key_shares": ["GREASE", "x25519"]}),
            ),
            "client_hello.key_shares[0]",
            "label",
        ),
        (
            hello(json!({"extensions": [
                "server_name", "supported_groups", "signature_algorithms", "supported_versions",
                {"extension": "key_share", "body": "0000"},
                "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes", "pre_shared_key"
            ], "key_shares": null})),
            "client_hello.extensions[4]",
            "the connection's own",
        ),
        (
            hello(json!({"extensions": [
                {"extension": "pre_shared_key", "body": "00"},
                "server_name", "supported_groups", "signature_algorithms", "supported_versions", "key_share",
                "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes"
            ]})),
            "client_hello.extensions[0]",
            "the connection's own",
        ),
        (
            hello(
                json!({"ech_grease": {"kdf": 1, "aeads": [1], "key": "random", "payload": {"multple": 32}}}),
            ),
            "client_hello.ech_grease.payload",
            "maximum_name_length",
        ),
        (
            hello(json!({"extensions": [{"extention": "0x1234", "body": ""}]})),
            "client_hello.extensions[0]",
            "expected a name, or",
        ),
        (
            json!({"extends": "nothing"}),
            "extends",
            "there is no profile nothing",
        ),
        (
            json!({"provenance": {"date": "tomorrow"}}),
            "provenance.date",
            "is no day",
        ),
        (
            json!({"provenance": {"kind": "guessed"}}),
            "provenance.kind",
            "unknown variant",
        ),
        (
            json!({"variants": [{"weight": 0}]}),
            "variants",
            "no variant has any weight",
        ),
        (
            json!({"variants": [{"weight": 1, "client_hello": {"key_shares": ["x448"]}}]}),
            "variants[0].client_hello.key_shares[0]",
            "does not list x448",
        ),
    ] {
        let (found, fault) = fault(patch);
        assert_eq!(found, field, "{fault}");
        assert!(fault.contains(part), "{field}: {fault}");
    }
}

#[test]
fn a_number_is_as_good_as_its_name() {
    let mut document = small();
    super::document::merge(&mut document, hello(json!({"key_shares": ["0x001d"]})));
    Profile::from_json("file.json", &document.to_string()).unwrap();
}

#[test]
fn a_grease_label_may_stand_in_an_extension_and_elsewhere_whichever_is_first() {
    for (suites, groups) in [("GREASE:a", "GREASE:b"), ("GREASE:b", "GREASE:a")] {
        let mut document = small();
        super::document::merge(
            &mut document,
            hello(json!({
                "cipher_suites": [suites, "TLS_AES_128_GCM_SHA256"],
                "supported_groups": [groups, "x25519"],
                "extensions": [
                    "GREASE:a", "server_name", "supported_groups", "signature_algorithms", "supported_versions", "key_share",
                    "application_layer_protocol_negotiation", "application_settings", "psk_key_exchange_modes", "pre_shared_key"
                ]
            })),
        );
        Profile::from_json("file.json", &document.to_string()).unwrap();
    }
}

/// A group that nobody here knows is listed, and random bytes stand for its key.
#[test]
fn an_unknown_groups_key_has_the_length_that_the_profile_says() {
    let groups =
        json!({"supported_groups": ["0x6399", "x25519"], "key_shares": ["0x6399", "x25519"]});
    let (field, fault) = fault(hello(groups.clone()));
    assert_eq!(field, "client_hello.key_shares[0]");
    assert!(fault.contains("key_share_lengths"), "{fault}");
    let mut document = small();
    super::document::merge(&mut document, hello(groups));
    super::document::merge(
        &mut document,
        hello(json!({"key_share_lengths": {"0x6399": 1216}})),
    );
    let profile = Profile::from_json("file.json", &document.to_string()).unwrap();
    let sample = profile.sample(&SampleOptions::default(), &mut rand::rng());
    let sent = sample.unwrap().capture().unwrap();
    assert_eq!(sent.hello.key_share_groups(), [0x6399, 0x001d]);
    let learned = Profile::from_captures("learned", std::slice::from_ref(&sent)).unwrap();
    assert_eq!(learned.differences(&sent.hello, None), []);
    let again = learned.sample(&SampleOptions::default(), &mut rand::rng());
    let again = again.unwrap().capture().unwrap().hello;
    assert_eq!(
        again.extension(51).unwrap().body().len(),
        sent.hello.extension(51).unwrap().body().len()
    );
}

/// Variants are of the hello that they were said of.
#[test]
fn a_changed_hello_does_not_vary_as_its_parent_does() {
    let child = json!({
        "name": "child", "extends": "chrome-152",
        "provenance": {"kind": "derived", "client": "c", "version": "1", "os": "o", "date": "2026-11-20"},
        "client_hello": {"trust_anchors": ["01"]}
    });
    for _ in 0..10 {
        let profile = Profile::from_json("file.json", &child.to_string()).unwrap();
        assert!(!profile.to_json().contains("variants"));
    }
}

#[test]
fn what_is_no_file_or_no_json_is_said() {
    let error = Profile::named_or_file("no-such-profile").unwrap_err();
    assert!(
        error.fault().contains("there are chrome, chrome-151"),
        "{error}"
    );
    let error = Profile::from_file("/no/such/file.json").unwrap_err();
    assert!(error.fault().contains("cannot be read"), "{error}");
    let error = Profile::from_json("text", "{").unwrap_err();
    assert!(error.fault().contains("no JSON"), "{error}");
}

#[test]
fn a_profile_that_extends_itself_is_refused() {
    // Only what is compiled in can be extended, so that a circle takes a file there; a chain ends where it names nothing.
    let error = Profile::from_json("text", r#"{"extends": 5}"#).unwrap_err();
    assert_eq!(error.field(), "extends");
}
