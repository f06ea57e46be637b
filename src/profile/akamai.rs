//! The opening of an HTTP/2 client and its Akamai fingerprint (Shuster, Black Hat Europe 2017).

use super::frame::{
    ACK, Frame, HEADERS, PRIORITY, SETTINGS, STREAM_MASK, WINDOW_UPDATE, header_block,
};
use super::pseudo_headers::pseudo_headers;
use super::read::Reader;

/// What an HTTP/2 client sends up to and including its first request's header block.
///
/// ```
/// use hotpool::profile::Http2Opening;
///
/// let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
/// sent.extend(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00"); // SETTINGS
/// sent.extend(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x4f\x00\x01"); // WINDOW_UPDATE
/// assert!(!Http2Opening::parse(&sent).is_complete());
/// sent.extend(b"\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x87\x41\x01a\x84"); // HEADERS
///
/// let opening = Http2Opening::parse(&sent);
/// assert!(opening.is_complete());
/// assert_eq!(opening.akamai(), "2:0|5177345|0|m,s,a,p");
/// assert_eq!(opening.length(), sent.len());
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Http2Opening {
    settings: Vec<(u16, u32)>,
    window_update: Option<u32>,
    priorities: Vec<Priority>,
    pseudo_headers: Vec<char>,
    complete: bool,
    length: usize,
}

/// A PRIORITY frame (RFC 7540 section 6.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Priority {
    /// The stream that is given a priority.
    pub stream: u32,
    /// Whether it becomes the only child of the stream it depends on.
    pub exclusive: bool,
    /// The stream it depends on; 0 is the root.
    pub dependency: u32,
    /// Its weight, 1 to 256: one more than the byte on the wire.
    pub weight: u16,
}

impl Http2Opening {
    /// Reads decrypted bytes from the connection preface on, as far as they go. They may end anywhere and go on after the
    /// first request; without a preface, or from the first frame on that breaks RFC 9113, nothing is read.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut opening = Self::default();
        let mut reader = Reader::new(bytes.strip_prefix(PREFACE).unwrap_or_default());
        while !opening.complete {
            let next = Frame::read(&mut reader).and_then(|frame| opening.add(frame, &mut reader));
            if next.is_none() {
                return opening;
            }
        }
        opening.length = bytes.len().saturating_sub(reader.rest().len());
        opening
    }

    /// Whether the first request's header block was there to its end. Until then more bytes can change the rest.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many bytes it takes, from the preface to the end of the first request's header block. Zero until
    /// [`is_complete`](Self::is_complete).
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The settings as identifier and value, in the order of the wire, unknown ones included.
    pub fn settings(&self) -> &[(u16, u32)] {
        &self.settings
    }

    /// By how many bytes the first WINDOW_UPDATE of stream 0 enlarges the connection's window.
    pub const fn window_update(&self) -> Option<u32> {
        self.window_update
    }

    /// The PRIORITY frames. The priority inside a HEADERS frame is not among them.
    pub fn priorities(&self) -> &[Priority] {
        &self.priorities
    }

    /// The order of the first request's pseudo-headers by their initials: `m`, `a`, `s`, `p`. Empty until
    /// [`is_complete`](Self::is_complete).
    pub fn pseudo_headers(&self) -> &[char] {
        &self.pseudo_headers
    }

    /// The fingerprint, such as `1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p`: settings, connection window update (`00`
    /// if there is none), PRIORITY frames as `stream:exclusive:dependency:weight` (`0` if there is none), pseudo-headers.
    pub fn akamai(&self) -> String {
        let settings = join(&self.settings, ";", |(id, value)| format!("{id}:{value}"));
        let window = self.window_update.map(|increment| increment.to_string());
        let window = window.as_deref().unwrap_or("00");
        let priorities = match self.priorities.as_slice() {
            [] => "0".to_owned(),
            frames => join(frames, ",", Priority::akamai),
        };
        let pseudo_headers = join(&self.pseudo_headers, ",", char::to_string);
        format!("{settings}|{window}|{priorities}|{pseudo_headers}")
    }

    /// `None` ends the reading: the frame is an error, or a header block that is not wholly there.
    fn add(&mut self, frame: Frame<'_>, reader: &mut Reader<'_>) -> Option<()> {
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => {
                let setting = |payload: &mut Reader<'_>| Some((payload.u16()?, payload.u32()?));
                self.settings.extend(frame.payload.all(setting)?);
            }
            WINDOW_UPDATE if frame.stream == 0 => {
                let mut payload = frame.payload;
                let increment = payload.u32()? & STREAM_MASK;
                self.window_update.get_or_insert(increment);
            }
            PRIORITY => self.priorities.push(Priority::read(frame)?),
            HEADERS => {
                self.pseudo_headers = pseudo_headers(&header_block(frame, reader)?);
                self.complete = true;
            }
            _ => {}
        }
        Some(())
    }
}

impl Priority {
    fn read(frame: Frame<'_>) -> Option<Self> {
        let mut payload = frame.payload;
        let dependency = payload.u32()?;
        let weight = u16::from(payload.u8()?) + 1;
        payload.is_empty().then_some(Self {
            stream: frame.stream,
            exclusive: dependency & !STREAM_MASK != 0,
            dependency: dependency & STREAM_MASK,
            weight,
        })
    }

    fn akamai(&self) -> String {
        let Self {
            stream,
            exclusive,
            dependency,
            weight,
        } = self;
        format!("{stream}:{}:{dependency}:{weight}", u8::from(*exclusive))
    }
}

fn join<T>(items: &[T], separator: &str, text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(separator)
}

/// The client connection preface (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::frame::{CONTINUATION, END_HEADERS, HAS_PRIORITY, PADDED};
    use crate::profile::tests::{frame, opening};

    #[test]
    fn chromium() {
        let sent = opening(&[
            frame(
                SETTINGS,
                0,
                0,
                "000100010000000200000000000400600000000600040000",
            ),
            frame(WINDOW_UPDATE, 0, 0, "00ef0001"),
            frame(SETTINGS, ACK, 0, ""),
            frame(
                HEADERS,
                0x25,
                1,
                "80000000ff82418cf1e3c2e5f23a6ba0aba4a84f8784",
            ),
        ]);
        let expected = "1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p";
        assert_eq!(Http2Opening::parse(&sent).akamai(), expected);
        let followed = [&sent[..], &frame(SETTINGS, ACK, 0, "")].concat();
        assert_eq!(Http2Opening::parse(&followed).length(), sent.len());
    }

    #[test]
    fn nothing_but_a_request() {
        let sent = opening(&[
            frame(SETTINGS, 0, 0, ""),
            frame(HEADERS, 5, 1, "8482410161c087"),
        ]);
        assert_eq!(Http2Opening::parse(&sent).akamai(), "|00|0|p,m,a,s");
    }

    #[test]
    fn priority_frames_are_listed() {
        let sent = opening(&[
            frame(PRIORITY, 0, 3, "00000000c8"),
            frame(PRIORITY, 0, 5, "8000000300"),
            frame(HEADERS, 5, 15, "82"),
        ]);
        assert_eq!(
            Http2Opening::parse(&sent).akamai(),
            "|00|3:0:0:201,5:1:3:1|m"
        );
    }

    #[test]
    fn padding_priority_and_continuations_are_taken_off() {
        let sent = opening(&[
            frame(HEADERS, PADDED | HAS_PRIORITY, 1, "02000000000f8287ffff"),
            frame(CONTINUATION, 0, 1, "4101"),
            frame(CONTINUATION, END_HEADERS, 1, "6184"),
        ]);
        assert_eq!(
            Http2Opening::parse(&sent).pseudo_headers(),
            ['m', 's', 'a', 'p']
        );
    }

    #[test]
    fn an_error_ends_the_reading() {
        for error in [
            frame(SETTINGS, 0, 0, "0001000000"),
            frame(PRIORITY, 0, 3, "0000000000ff"),
            frame(WINDOW_UPDATE, 0, 0, "0000"),
            frame(HEADERS, PADDED, 1, "0382"),
            [
                frame(HEADERS, 0, 1, "82"),
                frame(CONTINUATION, END_HEADERS, 3, "84"),
            ]
            .concat(),
        ] {
            let sent = opening(&[error, frame(HEADERS, END_HEADERS, 1, "82")]);
            assert_eq!(Http2Opening::parse(&sent), Http2Opening::default());
        }
        assert_eq!(
            Http2Opening::parse(b"GET / HTTP/1.1\r\n"),
            Http2Opening::default()
        );
    }
}
