//! `sec-ch-ua`, of which Chromium makes up a brand and the order.

use crate::profile::Profile;
use crate::profile::requests::DefaultValue;

/// What Chromium's source does (components/embedder_support/user_agent_utils.cc), all by the major version.
fn brands(major: usize, product: Option<&str>) -> String {
    const MARKS: [char; 11] = [' ', '(', ':', '-', '.', '/', ')', ';', '=', '?', '_'];
    const VERSIONS: [&str; 3] = ["8", "99", "24"];
    const PLACES: [[usize; 3]; 6] = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let (first, second) = (MARKS[major % 11], MARKS[(major + 1) % 11]);
    let version = VERSIONS[major % 3];
    let mut list = vec![
        format!("\"Not{first}A{second}Brand\";v=\"{version}\""),
        format!("\"Chromium\";v=\"{major}\""),
    ];
    let mut places = vec![major % 2, (major + 1) % 2];
    if let Some(product) = product {
        list.push(format!("\"{product}\";v=\"{major}\""));
        places = PLACES[major % 6].to_vec();
    }
    let mut placed: Vec<_> = places.into_iter().zip(list).collect();
    placed.sort();
    let placed: Vec<_> = placed.into_iter().map(|(_, brand)| brand).collect();
    placed.join(", ")
}

#[test]
fn the_rule_gives_what_was_seen() {
    for (major, product, seen) in [
        (156, None, r#""Not:A-Brand";v="8", "Chromium";v="156""#),
        (
            156,
            Some("Google Chrome"),
            r#""Not:A-Brand";v="8", "Chromium";v="156", "Google Chrome";v="156""#,
        ),
        (
            155,
            Some("Google Chrome"),
            r#""Google Chrome";v="155", "Chromium";v="155", "Not(A:Brand";v="24""#,
        ),
    ] {
        assert_eq!(brands(major, product), seen);
    }
}

#[test]
fn each_profile_has_its_versions_brands() {
    for (name, major, product) in [
        ("chromium-156", 156, None),
        ("chrome-151", 151, Some("Google Chrome")),
        ("chrome-152", 152, Some("Google Chrome")),
        ("chrome-153", 153, Some("Google Chrome")),
        ("chrome-156", 156, Some("Google Chrome")),
        ("edge-153", 153, Some("Microsoft Edge")),
    ] {
        let profile = Profile::named(name).unwrap();
        let requests = profile.request_templates().unwrap();
        let slots = &requests.kind(None).unwrap().http2.slots;
        let slot = slots.iter().find(|slot| slot.name == "sec-ch-ua").unwrap();
        let Some(DefaultValue::Fixed(value)) = &slot.default else {
            panic!("{slot:?}")
        };
        assert_eq!(value, brands(major, product).as_str(), "{name}");
    }
}
