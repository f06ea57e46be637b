//! What is drawn is drawn as the captures show it.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::SampleOptions;
use crate::profile::{ClientHello, HelloCapture, Profile, catalogue, is_grease};

fn rng() -> StdRng {
    StdRng::seed_from_u64(156)
}

fn samples(profile: &str, count: usize, options: &SampleOptions) -> Vec<ClientHello> {
    let profile = Profile::named(profile).unwrap();
    let mut rng = rng();
    let sample = |_| {
        profile
            .sample(options, &mut rng)
            .unwrap()
            .capture()
            .unwrap()
            .hello
    };
    (0..count).map(sample).collect()
}

fn order(hello: &ClientHello) -> Vec<u16> {
    hello
        .extensions()
        .iter()
        .map(|extension| extension.id())
        .collect()
}

fn ech_payload(hello: &ClientHello) -> usize {
    hello.extension(0xfe0d).unwrap().body().len() - 42
}

/// Chi-squared of counts that should be equal.
fn chi_squared<K>(counts: &BTreeMap<K, usize>, kinds: usize) -> f64 {
    let total: usize = counts.values().sum();
    let expected = total as f64 / kinds as f64;
    let missing = (kinds - counts.len()) as f64 * expected;
    missing
        + counts
            .values()
            .map(|count| (*count as f64 - expected).powi(2) / expected)
            .sum::<f64>()
}

#[test]
fn a_group_that_is_only_listed_has_a_share_as_on_a_connection() {
    let json = Profile::named("okhttp-5.5").unwrap().to_json();
    let mut document: serde_json::Value = serde_json::from_str(&json).unwrap();
    document["client_hello"]["key_shares"] = serde_json::json!(["x25519", "x448", "ffdhe2048"]);
    let profile = Profile::from_json("a file", &document.to_string()).unwrap();
    let sample = profile
        .sample(&SampleOptions::default(), &mut rng())
        .unwrap();
    let hello = sample.capture().unwrap().hello;
    assert_eq!(hello.key_share_groups(), [0x001d, 0x001e, 0x0100]);
}

#[test]
fn every_profile_could_have_sent_its_samples() {
    for profile in catalogue()
        .unwrap()
        .iter()
        .filter(|profile| &**profile.name() != "rustls")
    {
        for (resumed, early_data, retry, host) in [
            (false, false, None, "www.example.test"),
            (true, false, None, "127.0.0.1"),
            (true, true, Some("secp384r1"), "h.test"),
            (false, false, Some("secp521r1"), "2001:db8::1"),
        ] {
            let options = SampleOptions {
                host: host.to_owned(),
                resumed,
                early_data,
                retry: retry.map(ToOwned::to_owned),
                protocols: None,
            };
            let sampled = profile
                .sample(&options, &mut rng())
                .unwrap()
                .capture()
                .unwrap();
            assert_eq!(
                profile.differences(&sampled.hello, sampled.retry.as_ref()),
                [],
                "{}",
                profile.name()
            );
            assert_eq!(sampled.retry.is_some(), retry.is_some());
            let again = Profile::from_captures("again", std::slice::from_ref(&sampled)).unwrap();
            assert_eq!(
                again.differences(&sampled.hello, sampled.retry.as_ref()),
                [],
                "{}",
                profile.name()
            );
        }
    }
}

#[test]
fn chromium_permutes_all_but_its_ends() {
    let hellos = samples("chromium-156", 850, &SampleOptions::default());
    let orders: BTreeSet<Vec<u16>> = hellos
        .iter()
        .map(|hello| {
            order(hello)
                .into_iter()
                .filter(|id| !is_grease(*id))
                .collect()
        })
        .collect();
    assert_eq!(orders.len(), hellos.len(), "of 17! orders two were equal");
    let mut at: BTreeMap<(u16, usize), usize> = BTreeMap::new();
    for hello in &hellos {
        let order = order(hello);
        assert_eq!(order.len(), 19);
        assert!(is_grease(order[0]) && is_grease(order[18]) && order[0] != order[18]);
        for (place, id) in order[1..18].iter().enumerate() {
            *at.entry((*id, place)).or_default() += 1;
        }
    }
    // 17 extensions at 17 places: 272 ± 24; five sigmas above that are 390.
    let chi_squared = chi_squared(&at, 17 * 17);
    assert!(chi_squared < 390.0, "{chi_squared}");
}

#[test]
fn chromium_draws_its_grease_as_it_was_seen_to() {
    let hellos = samples("chromium-156", 1600, &SampleOptions::default());
    let places: [fn(&ClientHello) -> u16; 7] = [
        |hello| hello.cipher_suites()[0],
        |hello| hello.supported_groups()[0],
        |hello| hello.key_share_groups()[0],
        |hello| hello.supported_versions()[0],
        |hello| hello.signature_algorithms()[0],
        |hello| order(hello)[0],
        |hello| order(hello)[18],
    ];
    for (index, place) in places.iter().enumerate() {
        let mut values: BTreeMap<u16, usize> = BTreeMap::new();
        for hello in &hellos {
            *values.entry(place(hello)).or_default() += 1;
        }
        assert_eq!(values.len(), 16);
        // 15 ± 5.5; five sigmas above are 43.
        assert!(chi_squared(&values, 16) < 43.0, "place {index}");
        for (other_index, other) in places.iter().enumerate().skip(index + 1) {
            let equal = hellos
                .iter()
                .filter(|hello| place(hello) == other(hello))
                .count();
            match (index, other_index) {
                (1, 2) => assert_eq!(equal, hellos.len(), "group and key share"),
                (5, 6) => assert_eq!(equal, 0, "the two extensions"),
                // A sixteenth is 100 ± 10.
                _ => assert!(
                    (50..=150).contains(&equal),
                    "{index} and {other_index}: {equal}"
                ),
            }
        }
    }
    // The collision rule: of equal draws the second becomes the value 0x1010 away, beside the one in fifteen that is drawn so.
    let flipped = hellos
        .iter()
        .filter(|hello| order(hello)[0] ^ 0x1010 == order(hello)[18])
        .count();
    assert!(
        (150..=250).contains(&flipped),
        "{flipped} of 1600, expected an eighth"
    );
}

#[test]
fn ech_is_drawn_as_it_was_seen_to_be() {
    let hellos = samples("chromium-156", 400, &SampleOptions::default());
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut config_ids: BTreeSet<u8> = BTreeSet::new();
    for hello in &hellos {
        *lengths.entry(ech_payload(hello)).or_default() += 1;
        let body = hello.extension(0xfe0d).unwrap().body();
        assert_eq!(body[..5], [0, 0, 1, 0, 1]);
        assert_eq!(body[8 + 31] & 0x80, 0, "no X25519 key");
        config_ids.insert(body[5]);
    }
    assert_eq!(
        lengths.keys().copied().collect::<Vec<_>>(),
        [144, 176, 208, 240]
    );
    // 3 ± 2.4; five sigmas above are 15.
    assert!(chi_squared(&lengths, 4) < 15.0, "{lengths:?}");
    assert!(config_ids.len() > 150);

    let hellos = samples("firefox-esr-153", 400, &SampleOptions::default());
    let aead = |hello: &ClientHello| hello.extension(0xfe0d).unwrap().body()[4];
    let aes = hellos.iter().filter(|hello| aead(hello) == 1).count();
    assert!(
        hellos
            .iter()
            .all(|hello| [1, 3].contains(&aead(hello)) && ech_payload(hello) == 239)
    );
    assert!((150..=250).contains(&aes), "{aes} of 400");
    let high = hellos
        .iter()
        .filter(|hello| hello.extension(0xfe0d).unwrap().body()[8 + 31] & 0x80 != 0)
        .count();
    assert!(
        (150..=250).contains(&high),
        "Firefox's keys are any bytes: {high} of 400"
    );
}

#[test]
fn firefoxs_ech_grows_with_its_ticket() {
    let with = |host: &str, early_data| {
        let options = SampleOptions {
            host: host.to_owned(),
            resumed: true,
            early_data,
            ..SampleOptions::default()
        };
        ech_payload(&samples("firefox-esr-153", 1, &options)[0])
    };
    // As captured: a ticket of 208 bytes, binder of SHA-384.
    assert_eq!(with("www.example.test", false), 527);
    assert_eq!(with("127.0.0.1", false), 495);
}

#[test]
fn the_hybrid_shares_key_is_as_the_browser_has_it() {
    let separate = |hello: &ClientHello| {
        let body = hello.extension(51).unwrap().body();
        let shares = crate::profile::extension::key_shares(body).unwrap();
        let key = |wanted| shares.iter().find(|(group, _)| *group == wanted).unwrap().1;
        key(0x11ec).ends_with(key(0x001d))
    };
    assert!(
        samples("chromium-156", 50, &SampleOptions::default())
            .iter()
            .all(|hello| !separate(hello))
    );
    assert!(
        samples("firefox-esr-153", 50, &SampleOptions::default())
            .iter()
            .all(separate)
    );
}

#[test]
fn the_hello_after_a_retry_repeats_the_draw() {
    for name in ["chromium-156", "firefox-esr-153", "safari-26"] {
        let options = SampleOptions {
            retry: Some("secp384r1".to_owned()),
            ..SampleOptions::default()
        };
        let sampled = Profile::named(name)
            .unwrap()
            .sample(&options, &mut rng())
            .unwrap();
        let HelloCapture {
            hello,
            retry: Some(retry),
            ..
        } = sampled.capture().unwrap()
        else {
            panic!("no retry")
        };
        assert_eq!(order(&hello), order(&retry));
        assert_eq!(
            (hello.random(), hello.session_id(), hello.cipher_suites()),
            (retry.random(), retry.session_id(), retry.cipher_suites())
        );
        for extension in hello
            .extensions()
            .iter()
            .filter(|extension| extension.id() != 51)
        {
            assert_eq!(Some(extension), retry.extension(extension.id()));
        }
        assert_eq!(retry.key_share_groups(), [24]);
        assert_eq!(
            (hello.record_version(), retry.record_version()),
            (Some(0x0301), Some(0x0303))
        );
    }
}

#[test]
fn only_the_protocols_wanted_are_offered() {
    let options = SampleOptions {
        protocols: Some(vec!["http/1.1".to_owned()]),
        ..SampleOptions::default()
    };
    let hello = &samples("chromium-156", 1, &options)[0];
    assert_eq!(
        hello.ja4(),
        "t13d1516h1_8daaf6152771_5b37b36a67c0",
        "as captured for WebSockets"
    );
    assert!(hello.extension(0x44cd).is_none());
}

#[test]
fn what_cannot_be_sampled_is_said() {
    let error = Profile::rustls()
        .sample(&SampleOptions::default(), &mut rng())
        .unwrap_err();
    assert!(error.fault().contains("no profile fixes"), "{error}");
    for group in ["ffdhe2048", "no-group"] {
        let options = SampleOptions {
            retry: Some(group.to_owned()),
            ..SampleOptions::default()
        };
        let error = Profile::named("chrome")
            .unwrap()
            .sample(&options, &mut rng())
            .unwrap_err();
        assert!(error.fault().contains(group), "{error}");
    }
}

/// `cargo test --release --lib nanoseconds -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
#[allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "it prints real time"
)]
fn nanoseconds_to_shape_a_hello() {
    const HELLOS: u32 = 20_000;
    let mut rng = rng();
    for name in ["chrome", "firefox", "safari", "curl"] {
        let profile = Profile::named(name).unwrap();
        let template = profile.hello_template().unwrap();
        let options = SampleOptions::default();
        let sampler = super::Sampler::new(template, &options, &mut rng);
        let shares: Vec<(u16, &[u8])> = sampler
            .shares
            .iter()
            .map(|(group, key)| (*group, &**key))
            .collect();
        let began = std::time::Instant::now();
        for _ in 0..HELLOS {
            std::hint::black_box(template.draw(&mut rng));
        }
        let drawing = began.elapsed() / HELLOS;
        let began = std::time::Instant::now();
        for _ in 0..HELLOS {
            let mut draw = template.draw(&mut rng);
            std::hint::black_box(
                sampler
                    .record(
                        template,
                        &mut draw,
                        super::KeyShares::Offered(&shares),
                        false,
                    )
                    .unwrap(),
            );
        }
        let both = began.elapsed() / HELLOS;
        println!(
            "{name}: drawing {drawing:?}, rendering {:?}",
            both.saturating_sub(drawing)
        );
    }
}
