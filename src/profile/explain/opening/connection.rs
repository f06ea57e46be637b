//! What an opening says of the whole connection.

use super::{Difference, list, number};
use crate::profile::document::Registry;
use crate::profile::http2::{Http2Template, SettingTemplate};
use crate::profile::opening::{PRIORITY, SETTINGS, WINDOW_UPDATE};
use crate::profile::{Http2Opening, Priority};

pub(super) fn connection(template: &Http2Template, opening: &Http2Opening) -> Vec<Difference> {
    let mut differences = settings(&template.settings, opening.settings());
    let mut compare = |place: &str, expected: String, found: String| {
        if expected != found {
            differences.push(Difference::new(place, expected, found));
        }
    };
    compare(
        "WINDOW_UPDATE",
        number(template.connection_window_update.map(u32::from)),
        number(opening.window_update()),
    );
    compare(
        "PRIORITY",
        list(template.priority_frames.iter().map(priority)),
        list(opening.priorities().iter().map(priority)),
    );
    let frames = frames(template);
    if differences.is_empty() && frames != opening.frames() {
        differences.push(Difference::new(
            "frames",
            list(frames.iter().map(|kind| name(*kind))),
            list(opening.frames().iter().map(|kind| name(*kind))),
        ));
    }
    differences
}

/// One difference for each value that differs, or for all if they are not the same settings.
fn settings(expected: &[SettingTemplate], found: &[(u16, u32)]) -> Vec<Difference> {
    let fits = |(expected, found): (&SettingTemplate, &(u16, u32))| match *expected {
        SettingTemplate::Fixed { id, .. } => id == found.0,
        SettingTemplate::Grease => is_drawn(found.0),
    };
    if expected.len() != found.len() || !expected.iter().zip(found).all(fits) {
        let expected = expected.iter().map(|expected| match *expected {
            SettingTemplate::Fixed { id, value } => setting(id, value),
            SettingTemplate::Grease => "GREASE".to_owned(),
        });
        let found = found.iter().map(|(id, value)| setting(*id, *value));
        return vec![Difference::new("SETTINGS", list(expected), list(found))];
    }
    let different = expected.iter().zip(found);
    different
        .filter_map(|(expected, (_, found))| match *expected {
            SettingTemplate::Fixed { id, value } if value != *found => Some(Difference::new(
                format!("SETTINGS, {}", Registry::Setting.text(id)),
                value.to_string(),
                found.to_string(),
            )),
            _ => None,
        })
        .collect()
}

/// An identifier of the form 0x?a?a.
const fn is_drawn(id: u16) -> bool {
    id & 0x0f0f == 0x0a0a
}

fn setting(id: u16, value: u32) -> String {
    format!("{} {value}", Registry::Setting.text(id))
}

fn priority(priority: &Priority) -> String {
    let Priority {
        stream,
        exclusive,
        dependency,
        weight,
    } = priority;
    let exclusive = if *exclusive { "exclusively " } else { "" };
    format!("{stream} {exclusive}on {dependency} with weight {weight}")
}

/// The frames that the client begins with, by their types.
fn frames(template: &Http2Template) -> Vec<u8> {
    let window_update = template.connection_window_update.map(|_| WINDOW_UPDATE);
    let priorities = template.priority_frames.iter().map(|_| PRIORITY);
    let after = window_update.into_iter().chain(priorities);
    std::iter::once(SETTINGS).chain(after).collect()
}

fn name(kind: u8) -> String {
    match kind {
        SETTINGS => "SETTINGS".to_owned(),
        WINDOW_UPDATE => "WINDOW_UPDATE".to_owned(),
        PRIORITY => "PRIORITY".to_owned(),
        other => format!("a frame of type {other:#04x}"),
    }
}
