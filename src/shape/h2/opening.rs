//! What a connection begins with.

use rand::{Rng, RngExt};

use super::head::{Head, PREFACE, PRIORITY, SETTINGS, WINDOW_UPDATE};
use crate::profile::StreamPriority;
use crate::profile::http2::{Http2Template, SettingTemplate};

const SETTING_LENGTH: u32 = 6;

/// The whole opening of `template`: preface, SETTINGS, the connection's WINDOW_UPDATE, PRIORITY frames.
pub(super) fn opening(template: &Http2Template, rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    let settings = template.settings.len() as u32 * SETTING_LENGTH;
    bytes.extend(Head::new(settings, SETTINGS, 0, 0).to_bytes());
    for setting in &template.settings {
        let (id, value) = match *setting {
            SettingTemplate::Fixed { id, value } => (id, value),
            SettingTemplate::Grease => grease(rng),
        };
        bytes.extend(id.to_be_bytes());
        bytes.extend(value.to_be_bytes());
    }
    if let Some(increment) = template.connection_window_update {
        bytes.extend(Head::new(4, WINDOW_UPDATE, 0, 0).to_bytes());
        bytes.extend(increment.get().to_be_bytes());
    }
    for frame in &template.priority_frames {
        let priority = StreamPriority {
            exclusive: frame.exclusive,
            dependency: frame.dependency,
            weight_less_one: frame.weight.saturating_sub(1).min(255) as u8,
        };
        bytes.extend(Head::new(5, PRIORITY, 0, frame.stream).to_bytes());
        bytes.extend(priority.to_bytes());
    }
    bytes
}

/// `0x?a?a`, each digit on its own, and any value.
fn grease(rng: &mut impl Rng) -> (u16, u32) {
    let (a, b): (u16, u16) = (rng.random_range(0..16), rng.random_range(0..16));
    (0x0a0a + 0x1000 * a + 0x10 * b, rng.random())
}

#[cfg(test)]
mod tests {
    use super::super::tests::templates::{chromium, firefox};
    use super::*;
    use crate::profile::{Http2Opening, Priority};
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::collections::HashSet;

    const GET: &[u8] = b"\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82";

    fn read(bytes: Vec<u8>) -> Http2Opening {
        Http2Opening::parse(&[&bytes, GET].concat())
    }

    #[test]
    fn the_browsers() {
        let mut rng = StdRng::seed_from_u64(1);
        let chromium = read(opening(&chromium(), &mut rng)).akamai();
        assert_eq!(chromium, "1:65536;2:0;4:6291456;6:262144|15663105|0|m");
        let firefox = read(opening(&firefox(), &mut rng)).akamai();
        assert_eq!(firefox, "1:65536;2:0;4:131072;5:16384|12517377|0|m");
    }

    #[test]
    fn priority_frames_end_it() {
        let mut template = firefox();
        let frames = Http2Opening::parse(
            &[
                PREFACE,
                b"\x00\x00\x05\x02\x00\x00\x00\x00\x03\x80\x00\x00\x01\xc8",
                GET,
            ]
            .concat(),
        );
        let frames: &[Priority] = frames.priorities();
        template.priority_frames = frames.to_vec();
        let opening = opening(&template, &mut StdRng::seed_from_u64(1));
        assert_eq!(read(opening).priorities(), frames);
    }

    #[test]
    fn grease_is_drawn_for_each_connection() {
        let mut template = chromium();
        template.settings.push(SettingTemplate::Grease);
        let mut rng = StdRng::seed_from_u64(7);
        let mut drawn = HashSet::new();
        let (mut high, mut low) = (HashSet::new(), HashSet::new());
        for _ in 0..1000 {
            let opening = read(opening(&template, &mut rng));
            let (id, value) = opening.settings()[4];
            assert_eq!(id & 0x0f0f, 0x0a0a);
            high.insert(id >> 12);
            low.insert(id >> 4 & 0xf);
            drawn.insert((id, value));
        }
        assert_eq!((high.len(), low.len()), (16, 16));
        assert!(drawn.len() > 990);
        let again = |seed| opening(&template, &mut StdRng::seed_from_u64(seed));
        assert_eq!(again(3), again(3));
        assert_ne!(again(3), again(4));
    }
}
