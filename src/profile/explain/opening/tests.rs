//! Every captured opening of a browser is one that its profile could have sent, byte for byte; any other is not.

mod mutations;

use crate::profile::tests::captures::{kept_openings, openings};
use crate::profile::tests::{frame, opening};
use crate::profile::{Http2Opening, Profile};

/// The profile of the client whose openings these are. Without a window, Chromium says so in its User-Agent and nowhere else.
fn own_profile(client: &str, is_headless: bool) -> Profile {
    if !is_headless {
        return Profile::named(client).unwrap();
    }
    let profile = Profile::named(client).unwrap().to_json();
    let headless = profile.replace(" Chrome/", " HeadlessChrome/");
    assert_ne!(profile, headless);
    Profile::from_json("headless", &headless).unwrap()
}

fn is_headless(opening: &Http2Opening) -> bool {
    opening.requests().iter().any(|request| {
        let agent = request.header("user-agent").unwrap_or_default();
        agent.windows(8).any(|word| word == b"Headless")
    })
}

fn complete(client: &str) -> Vec<(String, Http2Opening)> {
    let parsed = openings(client).into_iter().map(|(name, bytes)| {
        let opening = Http2Opening::parse(&bytes);
        (name, opening)
    });
    let complete: Vec<_> = parsed
        .filter(|(_, opening)| opening.is_complete())
        .collect();
    assert!(complete.len() >= 10, "{client}");
    complete
}

fn places(profile: &Profile, opening: &Http2Opening) -> Vec<String> {
    let differences = profile.opening_differences(opening);
    differences.into_iter().map(|each| each.place).collect()
}

#[test]
fn browsers_sent_what_their_profiles_can_send() {
    for client in ["chromium-156", "firefox-esr-153"] {
        for (name, opening) in complete(client) {
            let profile = own_profile(client, is_headless(&opening));
            let places = places(&profile, &opening);
            // An image whose priority changed between frame and header: neither `image` nor `image-low`, and the only one of its kind.
            if client == "firefox-esr-153" && name == "headful-kinds-ip-resumed-002" {
                assert_eq!(places, ["request on stream 3, header priority"]);
                continue;
            }
            assert_eq!(places, [""; 0], "{client} {name}");
        }
    }
}

#[test]
fn headless_chromium_differs_in_its_name() {
    let profile = Profile::named("chromium-156").unwrap();
    let mut openings = complete("chromium-156").into_iter();
    let (_, opening) = openings.find(|(_, opening)| is_headless(opening)).unwrap();
    let [difference] = profile.opening_differences(&opening).try_into().unwrap();
    assert_eq!(difference.place, "request on stream 1, header user-agent");
    assert!(
        difference.found.contains("HeadlessChrome/156"),
        "{difference}"
    );
}

#[test]
fn another_clients_opening_is_different() {
    let chromium = Profile::named("chromium-156").unwrap();
    let firefox = Profile::named("firefox-esr-153").unwrap();
    for (name, opening) in complete("firefox-esr-153") {
        let places = places(&chromium, &opening);
        for place in [
            "SETTINGS",
            "WINDOW_UPDATE",
            "request on stream 3, number",
            "request on stream 3, WINDOW_UPDATE",
            "request on stream 3, pseudo-headers",
            "request on stream 3, headers",
            "request on stream 3, header user-agent",
            "request on stream 3, priority",
        ] {
            assert!(
                places.iter().any(|found| found == place),
                "{name}: {places:?}"
            );
        }
    }
    for (name, opening) in complete("chromium-156") {
        let places = places(&firefox, &opening);
        for place in [
            "SETTINGS",
            "WINDOW_UPDATE",
            "request on stream 1, number",
            "request on stream 1, WINDOW_UPDATE",
            "request on stream 1, pseudo-headers",
            "request on stream 1, header te",
            "request on stream 1, header user-agent",
            "request on stream 1, priority",
        ] {
            assert!(
                places.iter().any(|found| found == place),
                "{name}: {places:?}"
            );
        }
    }
}

/// A page with all that it loads, on one connection.
#[test]
fn later_requests_are_what_the_profile_can_send() {
    for client in ["chromium-156", "firefox-esr-153"] {
        let [(_, bytes)] = kept_openings(&format!("{client}-page")).try_into().unwrap();
        let opening = Http2Opening::parse(&bytes);
        assert!(opening.requests().len() >= 7, "{client}");
        let profile = own_profile(client, is_headless(&opening));
        assert_eq!(profile.opening_differences(&opening), [], "{client}");
    }
}

/// A page and the WebSockets that it opens on the same connection (RFC 8441).
#[test]
fn extended_connects_are_what_the_profile_can_send() {
    for client in ["chromium-156", "firefox-esr-153"] {
        let [(_, bytes)] = kept_openings(&format!("{client}-websocket"))
            .try_into()
            .unwrap();
        let opening = Http2Opening::parse(&bytes);
        let sockets = opening.requests().iter().skip(1);
        let protocols: Vec<_> = sockets.map(|socket| socket.header(":protocol")).collect();
        assert_eq!(protocols, [Some(&b"websocket"[..]); 3], "{client}");
        let profile = own_profile(client, is_headless(&opening));
        assert_eq!(profile.opening_differences(&opening), [], "{client}");
    }
}

/// Chromium's streams depend on earlier ones that weigh no less, and on no others.
#[test]
fn a_dependency_on_a_lighter_stream_is_found() {
    let [(_, bytes)] = kept_openings("chromium-156-page").try_into().unwrap();
    let opening = Http2Opening::parse(&bytes);
    let profile = own_profile("chromium-156", true);
    let dependent = opening.requests().iter().find(|request| {
        let priority = request.priority().unwrap();
        priority.dependency != 0
    });
    let block = dependent.unwrap().block();
    let priority = dependent.unwrap().priority().unwrap();
    let place = bytes
        .windows(block.len())
        .position(|window| window == block);
    let place = place.unwrap() - 2;
    assert_eq!(u32::from(bytes[place]), priority.dependency);
    let mut changed = bytes;
    changed[place] = 99;
    let wanted = format!(
        "request on stream {}, priority",
        dependent.unwrap().stream()
    );
    let places = places(&profile, &Http2Opening::parse(&changed));
    assert_eq!(places, [wanted]);
}

#[test]
fn stock_h2_promises_nothing() {
    let (_, opening) = complete("chromium-156").remove(0);
    assert_eq!(Profile::rustls().opening_differences(&opening), []);
}

/// Many requests on a connection, with every kind of table size: each block is what the profile makes of it, given all before.
#[test]
fn later_requests_have_their_profiles_bytes() {
    use crate::profile::hpack::tests::later_requests::{CHROMIUM, FIREFOX};
    for (client, captured) in [("chromium-156", CHROMIUM), ("firefox-esr-153", FIREFOX)] {
        let profile = Profile::named(client).unwrap();
        let connections = captured.split("connection ").skip(1);
        for connection in connections {
            let mut frames = vec![frame(4, 0, 0, "")];
            let mut stream = 1;
            for line in connection.lines().skip(1) {
                match line.split_once(' ').unwrap() {
                    ("block", block) => {
                        frames.push(frame(1, 5, stream, block));
                        stream += 2;
                    }
                    _ => frames.push(frame(4, 1, 0, "")),
                }
            }
            let opening = Http2Opening::parse(&opening(&frames));
            assert_eq!(
                opening.requests().len(),
                stream as usize / 2,
                "{connection}"
            );
            let places = places(&profile, &opening);
            assert!(
                !places.iter().any(|place| place.contains("HPACK")),
                "{places:?}"
            );
        }
    }
}
