//! Whatever is changed in what a browser sent is found, unless it is its user's.

use std::sync::Arc;

use super::super::header_list::is_users;
use super::{complete, is_headless, own_profile, places};
use crate::profile::hpack::{Encoder, Field};
use crate::profile::requests::RequestTemplate;
use crate::profile::tests::{frame, opening};
use crate::profile::{Http2Opening, Profile, hex};

type Header = (Vec<u8>, Vec<u8>);

/// The parts of an opening with one request.
#[derive(Clone)]
struct Parts {
    settings: Vec<(u16, u32)>,
    /// Type, stream and payload of the frames behind SETTINGS.
    frames: Vec<(u8, u32, Vec<u8>)>,
    stream: u32,
    priority: Option<[u8; 5]>,
    headers: Vec<Header>,
    window_update: Option<u32>,
}

impl Parts {
    fn of(opening: &Http2Opening) -> Self {
        let request = &opening.requests()[0];
        let increment = opening.window_update().unwrap().to_be_bytes().to_vec();
        Self {
            settings: opening.settings().to_vec(),
            frames: vec![(8, 0, increment)],
            stream: request.stream(),
            priority: request.priority().map(|priority| priority.to_bytes()),
            headers: request
                .headers()
                .map(|header| (header.name.to_vec(), header.value.to_vec()))
                .collect(),
            window_update: request.window_update(),
        }
    }

    /// With the header block that the profile's client would have written.
    fn opening(&self, profile: &Profile) -> Http2Opening {
        let mut block = Vec::new();
        encoder(profile).encode(fields(&self.headers), &mut block);
        self.with_block(&block)
    }

    fn with_block(&self, block: &[u8]) -> Http2Opening {
        let settings = self.settings.iter();
        let settings: Vec<u8> = settings
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        let mut frames = vec![frame(4, 0, 0, &hex::encode(&settings))];
        for (kind, stream, payload) in &self.frames {
            frames.push(frame(*kind, 0, *stream, &hex::encode(payload)));
        }
        let priority = self.priority.map(Vec::from).unwrap_or_default();
        let flags = if priority.is_empty() { 5 } else { 0x25 };
        let payload = [&priority, block].concat();
        frames.push(frame(1, flags, self.stream, &hex::encode(&payload)));
        if let Some(increment) = self.window_update {
            frames.push(frame(8, 0, self.stream, &format!("{increment:08x}")));
        }
        let parsed = Http2Opening::parse(&opening(&frames));
        assert_eq!(parsed.requests().len(), 1);
        parsed
    }

    fn position(&self, name: &str) -> Option<usize> {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.position(|found| found == name.as_bytes())
    }

    fn own(&self) -> impl Iterator<Item = usize> {
        let name = |place: &usize| String::from_utf8_lossy(&self.headers[*place].0);
        (0..self.headers.len())
            .filter(move |place| !name(place).starts_with(':') && !is_users(&name(place)))
    }
}

fn encoder(profile: &Profile) -> Encoder {
    Encoder::new(Arc::clone(&profile.http2_template().unwrap().hpack))
}

fn fields(headers: &[Header]) -> impl Iterator<Item = Field<'_>> {
    headers.iter().map(|(name, value)| Field::new(name, value))
}

/// Each capture, and the profile that it fits.
fn captures() -> impl Iterator<Item = (Profile, Parts)> {
    ["chromium-156", "firefox-esr-153"]
        .into_iter()
        .flat_map(|client| {
            complete(client)
                .into_iter()
                .filter_map(move |(_, opening)| {
                    let profile = own_profile(client, is_headless(&opening));
                    let fits = profile.opening_differences(&opening).is_empty();
                    fits.then(|| (profile, Parts::of(&opening)))
                })
        })
}

/// One capture of each kind of request.
fn kinds() -> Vec<(Profile, Parts)> {
    let mut seen = Vec::new();
    let is_new = |(_, parts): &(Profile, Parts)| {
        let headers = parts.headers.iter();
        let kind: Vec<Header> = headers
            .filter(|(name, _)| {
                [&b"sec-fetch-dest"[..], b"priority", b":method"].contains(&&**name)
            })
            .cloned()
            .collect();
        let is_new = !seen.contains(&(kind.clone(), parts.priority));
        seen.push((kind, parts.priority));
        is_new
    };
    let kinds: Vec<_> = captures().filter(is_new).collect();
    assert!(kinds.len() >= 15, "{}", kinds.len());
    kinds
}

fn assert_found(profile: &Profile, changed: &Parts, wanted: &str) {
    let places = places(profile, &changed.opening(profile));
    let found = |place: &String| place == wanted || place.ends_with(&format!(", {wanted}"));
    assert!(places.iter().any(found), "{wanted}: {places:?}");
}

#[test]
fn what_is_the_connections() {
    for (profile, parts) in kinds() {
        assert_eq!(places(&profile, &parts.opening(&profile)), [""; 0]);
        let change = |wanted: &str, change: &dyn Fn(&mut Parts)| {
            let mut changed = parts.clone();
            change(&mut changed);
            assert_found(&profile, &changed, wanted);
        };
        for place in 0..parts.settings.len() {
            let name = crate::profile::Registry::Setting.text(parts.settings[place].0);
            change(&format!("SETTINGS, {name}"), &|parts| {
                parts.settings[place].1 += 1;
            });
            change("SETTINGS", &|parts| parts.settings[place].0 = 0x1a2a);
            change("SETTINGS", &|parts| {
                parts.settings.remove(place);
            });
            change("SETTINGS", &|parts| {
                let setting = parts.settings[place];
                parts.settings.insert(0, setting);
            });
        }
        for place in 1..parts.settings.len() {
            change("SETTINGS", &|parts| parts.settings.swap(place - 1, place));
        }
        change("WINDOW_UPDATE", &|parts| parts.frames[0].2[3] ^= 2);
        change("WINDOW_UPDATE", &|parts| parts.frames.clear());
        let priority = (2, 3, vec![0, 0, 0, 0, 200]);
        change("PRIORITY", &|parts| parts.frames.push(priority.clone()));
        change("frames", &|parts| parts.frames.push((0x10, 0, vec![0])));
        change("frames", &|parts| {
            let again = parts.frames[0].clone();
            parts.frames.push(again);
        });
    }
}

#[test]
fn what_is_the_requests() {
    for (profile, parts) in kinds() {
        let change = |wanted: &str, change: &dyn Fn(&mut Parts)| {
            let mut changed = parts.clone();
            change(&mut changed);
            assert_found(&profile, &changed, wanted);
        };
        change("number", &|parts| parts.stream += 2);
        change("WINDOW_UPDATE", &|parts| parts.window_update = Some(7));
        if parts.window_update.is_some() {
            change("WINDOW_UPDATE", &|parts| parts.window_update = None);
        }
        for place in [0, 4] {
            change("priority", &|parts| {
                parts.priority.as_mut().unwrap()[place] ^= 0x80;
            });
        }
        change("priority", &|parts| parts.priority = None);
        for place in 1..4 {
            change("pseudo-headers", &|parts| {
                parts.headers.swap(place - 1, place);
            });
        }
        for place in 4..parts.headers.len() {
            change("headers", &|parts| parts.headers.swap(place - 1, place));
        }
    }
}

#[test]
fn what_is_a_headers() {
    for (profile, parts) in kinds() {
        for place in parts.own() {
            let name = String::from_utf8_lossy(&parts.headers[place].0).into_owned();
            let template = profile.request_templates().unwrap();
            let is_open = |kind: &RequestTemplate| {
                let mut slots = kind.http2.slots.iter();
                slots.any(|slot| slot.name.as_str() == name && slot.default.is_none())
            };
            // In one kind at least it is for the user to set.
            if template.kinds.iter().any(is_open) {
                continue;
            }
            let mut changed = parts.clone();
            changed.headers[place].1.push(b'x');
            let found = places(&profile, &changed.opening(&profile));
            // What tells kinds apart may make another one nearer.
            assert!(
                found.iter().any(|place| place.contains(", header ")),
                "{name}: {found:?}"
            );
            changed.headers.remove(place);
            let is_default = template.kinds.iter().all(|kind| {
                let mut slots = kind.http2.slots.iter();
                slots.any(|slot| slot.name.as_str() == name && slot.default.is_some())
            });
            if is_default {
                assert_found(&profile, &changed, &format!("header {name}"));
            }
        }
    }
}

#[test]
fn the_users_headers_are_the_users() {
    for (profile, parts) in kinds() {
        for name in [
            "referer",
            "origin",
            "content-type",
            "sec-fetch-site",
            "sec-fetch-user",
        ] {
            let Some(place) = parts.position(name) else {
                continue;
            };
            let mut changed = parts.clone();
            changed.headers[place].1 = b"of the user".to_vec();
            assert_eq!(
                places(&profile, &changed.opening(&profile)),
                [""; 0],
                "{name}"
            );
            changed.headers.remove(place);
            assert_eq!(
                places(&profile, &changed.opening(&profile)),
                [""; 0],
                "{name}"
            );
        }
        // Each at one place, and nowhere else.
        for name in ["x-unknown", "cookie"] {
            let fits = (4..=parts.headers.len()).filter(|place| {
                let mut changed = parts.clone();
                changed
                    .headers
                    .insert(*place, (name.into(), b"a=b".to_vec()));
                places(&profile, &changed.opening(&profile)).is_empty()
            });
            assert_eq!(fits.count(), 1, "{name}");
        }
        let mut changed = parts.clone();
        let cookies = (b"cookie".to_vec(), b"a=b; c=d".to_vec());
        changed.headers.push(cookies);
        assert_found(&profile, &changed, "header cookie");
    }
}

/// As never indexed and spelled out: what no browser does with any of these.
#[test]
fn what_is_hpacks() {
    for (profile, parts) in kinds() {
        for (place, (name, value)) in parts.headers.iter().enumerate() {
            let mut encoder = encoder(&profile);
            let mut block = Vec::new();
            encoder.encode(fields(&parts.headers[..place]), &mut block);
            block.push(0x10);
            for text in [name, value] {
                let length = text.len().min(126);
                block.push(length as u8);
                block.extend_from_slice(&text[..length]);
            }
            encoder.encode(fields(&parts.headers[place + 1..]), &mut block);
            let places = places(&profile, &parts.with_block(&block));
            let wanted = format!(", HPACK of {}", String::from_utf8_lossy(name));
            assert!(
                places.iter().any(|place| place.ends_with(&wanted)),
                "{places:?}"
            );
        }
        let mut block = vec![0x3f, 0x21];
        encoder(&profile).encode(fields(&parts.headers), &mut block);
        let updated = parts.with_block(&block);
        // A table of 64 bytes, which a server can ask for: Firefox stops adding to it, Chromium does not.
        let adds = &**profile.name() != "firefox-esr-153";
        assert_eq!(places(&profile, &updated).is_empty(), adds);
    }
}
