//! What a client's HTTP/2 connections look like: its opening, its streams, and how it writes header blocks.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::hpack::Policy;
use super::opening::Priority;

/// The HTTP/2 part of a profile, ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Http2Template {
    /// The entries of the first SETTINGS frame, in its order.
    pub(crate) settings: Vec<SettingTemplate>,
    /// By how much the opening enlarges the connection's window.
    pub(crate) connection_window_update: Option<NonZeroU32>,
    /// By how much each request enlarges its stream's window, directly behind its HEADERS.
    pub(crate) stream_window_update: Option<NonZeroU32>,
    /// PRIORITY frames that end the opening.
    pub(crate) priority_frames: Vec<Priority>,
    /// The stream of the first request: odd.
    pub(crate) first_stream: u32,
    /// Which stream a request's depends on.
    pub(crate) dependencies: StreamDependencies,
    /// The order of a request's pseudo-headers. Those that are not in it come last.
    pub(crate) pseudo_headers: Vec<PseudoHeader>,
    pub(crate) hpack: Arc<Policy>,
    /// Whether the client uses one connection for several hosts (RFC 9113 §9.1.1).
    pub(crate) coalesces: bool,
}

/// An entry of the first SETTINGS frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SettingTemplate {
    Fixed {
        id: u16,
        value: u32,
    },
    /// An identifier of the form 0x?a?a (RFC 8701 has none for HTTP/2, browsers use these) and a value, drawn for each connection.
    Grease,
}

/// A request's pseudo-headers (RFC 9113 §8.3.1, RFC 8441 §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PseudoHeader {
    Method,
    Authority,
    Scheme,
    Path,
    Protocol,
}

/// The priority fields of a HEADERS frame (RFC 7540 §6.2). RFC 9113 deprecates them; browsers still send them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct StreamPriority {
    /// Whether the stream becomes the only child of the one that it depends on.
    pub exclusive: bool,
    /// The stream it depends on; 0 is the root. 31 bits.
    pub dependency: u32,
    /// One less than its weight, as on the wire: 255 is the weight 256.
    pub weight_less_one: u8,
}

/// Which stream a stream depends on, where HEADERS have priority fields.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum StreamDependencies {
    /// The one that the kind of request says.
    #[default]
    Fixed,
    /// Of the client's streams that are open and weigh no less, those that weigh least; of these, the one opened last. Where there is
    /// none, the one that the kind of request says. So all open streams are a chain, heavier ones first.
    Chained,
}

/// What the opening promises, for h2 to keep; a setting that it leaves out has the protocol's initial value (RFC 9113 §6.5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Http2Limits {
    pub(crate) header_table_size: u32,
    pub(crate) enable_push: bool,
    pub(crate) max_concurrent_streams: Option<u32>,
    /// With what each request adds to it.
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    pub(crate) max_frame_size: u32,
    pub(crate) max_header_list_size: Option<u32>,
}

impl StreamPriority {
    /// As five bytes of the wire.
    pub(crate) const fn to_bytes(self) -> [u8; 5] {
        let bit = (self.exclusive as u32) << 31;
        let [a, b, c, d] = (self.dependency & 0x7fff_ffff | bit).to_be_bytes();
        [a, b, c, d, self.weight_less_one]
    }

    /// From five bytes of the wire.
    pub(crate) const fn from_bytes([a, b, c, d, weight_less_one]: [u8; 5]) -> Self {
        let word = u32::from_be_bytes([a, b, c, d]);
        Self {
            exclusive: word >> 31 == 1,
            dependency: word & 0x7fff_ffff,
            weight_less_one,
        }
    }
}

impl SettingTemplate {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 0x1;
    pub(crate) const ENABLE_PUSH: u16 = 0x2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 0x5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    pub(crate) const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;
    pub(crate) const NO_RFC7540_PRIORITIES: u16 = 0x9;
}

impl Http2Template {
    /// The value of a setting, if the opening has it. Of one that stands there twice the last counts.
    pub(crate) fn setting(&self, wanted: u16) -> Option<u32> {
        let mut settings = self.settings.iter().rev();
        settings.find_map(|setting| match *setting {
            SettingTemplate::Fixed { id, value } if id == wanted => Some(value),
            _ => None,
        })
    }

    pub(crate) fn limits(&self) -> Http2Limits {
        let increment = |update: Option<NonZeroU32>| update.map_or(0, NonZeroU32::get);
        let window = self
            .setting(SettingTemplate::INITIAL_WINDOW_SIZE)
            .unwrap_or(INITIAL_WINDOW);
        Http2Limits {
            header_table_size: self
                .setting(SettingTemplate::HEADER_TABLE_SIZE)
                .unwrap_or(INITIAL_TABLE),
            enable_push: self.setting(SettingTemplate::ENABLE_PUSH) != Some(0),
            max_concurrent_streams: self.setting(SettingTemplate::MAX_CONCURRENT_STREAMS),
            stream_window: window.saturating_add(increment(self.stream_window_update)),
            connection_window: INITIAL_WINDOW
                .saturating_add(increment(self.connection_window_update)),
            max_frame_size: self
                .setting(SettingTemplate::MAX_FRAME_SIZE)
                .unwrap_or(INITIAL_FRAME),
            max_header_list_size: self.setting(SettingTemplate::MAX_HEADER_LIST_SIZE),
        }
    }
}

// What a connection begins with (RFC 9113 §6.5.2, §6.9.2).
const INITIAL_TABLE: u32 = 4096;
const INITIAL_WINDOW: u32 = 65_535;
const INITIAL_FRAME: u32 = 16_384;

#[cfg(test)]
mod tests {
    use super::StreamPriority;

    #[test]
    fn a_priority_is_five_bytes() {
        let chromium = StreamPriority {
            exclusive: true,
            dependency: 0,
            weight_less_one: 255,
        };
        assert_eq!(chromium.to_bytes(), [0x80, 0, 0, 0, 255]);
        assert_eq!(StreamPriority::from_bytes([0x80, 0, 0, 0, 255]), chromium);
        let below = StreamPriority {
            exclusive: false,
            dependency: 13,
            weight_less_one: 41,
        };
        assert_eq!(StreamPriority::from_bytes(below.to_bytes()), below);
    }
}
