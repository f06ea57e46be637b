//! The openings of the profiles that are compiled in.

use serde_json::Value;

use super::captures::file;
use super::corpus::corpus;
use super::{frame, opening};
use crate::profile::hpack::{Encoder, Field};
use crate::profile::http2::{Http2Template, PseudoHeader, SettingTemplate};
use crate::profile::{Http2Opening, Profile, catalogue};

/// As they were published, or captured by us.
const AKAMAI: [(&str, &str); 13] = [
    ("chrome-151", CHROMIUM),
    ("chrome-152", CHROMIUM),
    ("chrome-153", CHROMIUM),
    ("chrome-156", CHROMIUM),
    ("chromium-156", CHROMIUM),
    ("curl-7.88", "3:100;4:33554432;2:0|33488897|0|m,p,s,a"),
    ("edge-153", CHROMIUM),
    ("firefox-155", FIREFOX),
    ("firefox-156", FIREFOX),
    ("firefox-esr-153", FIREFOX),
    ("okhttp-5.5", "4:16777216|16711681|0|m,p,a,s"),
    ("rustls", ""),
    ("safari-26", "2:0;3:100;4:2097152;9:1|10420225|0|m,s,a,p"),
];
const CHROMIUM: &str = "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p";
const FIREFOX: &str = "1:65536;2:0;4:131072;5:16384|12517377|0|m,p,a,s";

/// What the template's client sends up to its first request, a GET of `/`.
fn sent(template: &Http2Template) -> Vec<u8> {
    let settings: String = template
        .settings
        .iter()
        .map(|setting| match setting {
            SettingTemplate::Fixed { id, value } => format!("{id:04x}{value:08x}"),
            SettingTemplate::Grease => panic!("no profile here has one"),
        })
        .collect();
    let mut frames = vec![frame(4, 0, 0, &settings)];
    if let Some(increment) = template.connection_window_update {
        frames.push(frame(8, 0, 0, &format!("{increment:08x}")));
    }
    for priority in &template.priority_frames {
        let word = u32::from(priority.exclusive) << 31 | priority.dependency;
        let payload = format!("{word:08x}{:02x}", priority.weight - 1);
        frames.push(frame(2, 0, priority.stream, &payload));
    }
    let fields = template
        .pseudo_headers
        .iter()
        .filter_map(|pseudo| match pseudo {
            PseudoHeader::Method => Some(Field::new(b":method", b"GET")),
            PseudoHeader::Authority => Some(Field::new(b":authority", b"www.example.test")),
            PseudoHeader::Scheme => Some(Field::new(b":scheme", b"https")),
            PseudoHeader::Path => Some(Field::new(b":path", b"/")),
            PseudoHeader::Protocol => None,
        });
    let mut block = Vec::new();
    Encoder::new(template.hpack.clone()).encode(fields, &mut block);
    let block: String = block.iter().map(|byte| format!("{byte:02x}")).collect();
    frames.push(frame(1, 0x5, template.first_stream, &block));
    opening(&frames)
}

#[test]
fn each_profile_has_its_akamai_fingerprint() {
    let profiles = catalogue().unwrap();
    assert_eq!(profiles.len(), AKAMAI.len());
    for (name, akamai) in AKAMAI {
        let profile = Profile::named(name).unwrap();
        let found = profile
            .http2_template()
            .map(|template| Http2Opening::parse(&sent(template)).akamai());
        assert_eq!(found.unwrap_or_default(), akamai, "{name}");
    }
}

/// Frame for frame, of every opening of the corpus: what stands before the first HEADERS, its stream, and what directly follows it.
#[test]
fn captured_openings_are_the_profiles() {
    if corpus().is_none() {
        return;
    }
    for (name, captures, expected) in [
        ("chromium-156", "chromium-156.jsonl", 173),
        ("firefox-esr-153", "firefox-esr-153.jsonl", 183),
        ("curl-7.88", "curl-7.88.jsonl", 6),
        ("safari-26", "safari-26-emulated.jsonl", 7),
    ] {
        let profile = Profile::named(name).unwrap();
        let template = profile.http2_template().unwrap();
        let update = template
            .stream_window_update
            .map(|increment| format!("{increment:08x}"));
        let own = Http2Opening::parse(&sent(template));
        let mut seen = 0;
        for line in file(captures).lines() {
            let capture: Value = serde_json::from_str(line).unwrap();
            let Some(frames) = capture["http2"]["frames"].as_array() else {
                continue;
            };
            // An acknowledgement comes when the server's SETTINGS do.
            let is_own = |frame: &&Value| {
                frame["type"] != "GOAWAY"
                    && (frame["type"] != "SETTINGS" || frame["flags"] != "0x01")
            };
            let frames: Vec<&Value> = frames.iter().filter(is_own).collect();
            let types: Vec<&str> = frames
                .iter()
                .map(|frame| frame["type"].as_str().unwrap())
                .collect();
            if !types.contains(&"HEADERS") {
                assert_eq!(types, ["SETTINGS", "WINDOW_UPDATE"], "{name}");
                continue;
            }
            let expected_types: &[&str] = match update {
                Some(_) => &["SETTINGS", "WINDOW_UPDATE", "HEADERS", "WINDOW_UPDATE"],
                None => &["SETTINGS", "WINDOW_UPDATE", "HEADERS"],
            };
            assert_eq!(types, expected_types, "{name} {}", capture["name"]);
            assert_eq!(frames[2]["stream"], template.first_stream, "{name}");
            if let Some(update) = &update {
                assert_eq!(frames[3]["hex"], **update, "{name}");
                assert_eq!(frames[3]["stream"], template.first_stream, "{name}");
            }
            assert_eq!(capture["http2"]["akamai"], own.akamai(), "{name}");
            seen += 1;
        }
        println!("{captures}: {seen} openings");
        assert_eq!(seen, expected, "{name}");
    }
}
