//! What clients are.

use std::num::NonZeroU32;

use crate::profile::Profile;
use crate::profile::http2::{Http2Template, SettingTemplate};

pub(in crate::shape::h2) fn chromium() -> Http2Template {
    named("chromium-156")
}

pub(in crate::shape::h2) fn firefox() -> Http2Template {
    named("firefox-esr-153")
}

/// It announces a stream window and nothing else: push is allowed.
pub(in crate::shape::h2) fn okhttp() -> Http2Template {
    Http2Template {
        settings: settings(&[(4, 16_777_216)]),
        connection_window_update: NonZeroU32::new(16_711_681),
        ..chromium()
    }
}

pub(in crate::shape::h2) fn settings(settings: &[(u16, u32)]) -> Vec<SettingTemplate> {
    let fixed = |&(id, value): &(u16, u32)| SettingTemplate::Fixed { id, value };
    settings.iter().map(fixed).collect()
}

fn named(name: &str) -> Http2Template {
    let profile = Profile::named(name).unwrap();
    Http2Template::clone(profile.http2_template().unwrap())
}
