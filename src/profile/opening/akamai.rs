//! The Akamai fingerprint of HTTP/2 (Shuster, Black Hat Europe 2017).

use super::{Http2Opening, Priority};
use crate::profile::http2::{Http2Template, PseudoHeader, SettingTemplate};

impl Http2Opening {
    /// The fingerprint, such as `1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p`: settings, connection window update (`00`
    /// if there is none), PRIORITY frames as `stream:exclusive:dependency:weight` (`0` if there is none), pseudo-headers.
    pub fn akamai(&self) -> String {
        let setting = |(id, value): &(u16, u32)| format!("{id}:{value}");
        text(
            self.settings().iter().map(setting),
            self.window_update(),
            self.priorities(),
            self.pseudo_headers(),
        )
    }
}

impl Http2Template {
    /// The fingerprint of the connections that it shapes. A setting that is drawn is `GREASE`.
    pub(crate) fn akamai(&self) -> String {
        let setting = |setting: &SettingTemplate| match setting {
            SettingTemplate::Fixed { id, value } => format!("{id}:{value}"),
            SettingTemplate::Grease => "GREASE".to_owned(),
        };
        let initial = |pseudo_header: &PseudoHeader| match pseudo_header {
            PseudoHeader::Method => Some('m'),
            PseudoHeader::Authority => Some('a'),
            PseudoHeader::Scheme => Some('s'),
            PseudoHeader::Path => Some('p'),
            // Ordinary requests have none.
            PseudoHeader::Protocol => None,
        };
        text(
            self.settings.iter().map(setting),
            self.connection_window_update.map(u32::from),
            &self.priority_frames,
            self.pseudo_headers.iter().filter_map(initial),
        )
    }
}

fn text(
    settings: impl Iterator<Item = String>,
    window_update: Option<u32>,
    priorities: &[Priority],
    pseudo_headers: impl Iterator<Item = char>,
) -> String {
    let settings = settings.collect::<Vec<_>>().join(";");
    let window = window_update.map_or_else(|| "00".to_owned(), |increment| increment.to_string());
    let priorities = match priorities {
        [] => "0".to_owned(),
        frames => frames.iter().map(frame).collect::<Vec<_>>().join(","),
    };
    let initials: Vec<String> = pseudo_headers.map(String::from).collect();
    format!("{settings}|{window}|{priorities}|{}", initials.join(","))
}

fn frame(priority: &Priority) -> String {
    let Priority {
        stream,
        exclusive,
        dependency,
        weight,
    } = priority;
    format!("{stream}:{}:{dependency}:{weight}", u8::from(*exclusive))
}
