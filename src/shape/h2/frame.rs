//! Finds frames in a byte stream, however it is cut, without keeping their payloads (RFC 9113 §4.1).

use super::head::{ACK, GOAWAY, HEAD_LENGTH, Head, SETTINGS};

/// One entry of a SETTINGS frame: six bytes (RFC 9113 §6.5.1).
const SETTING_LENGTH: usize = 6;

/// The last stream id and the error code that open a GOAWAY frame (RFC 9113 §6.8).
const GOAWAY_LENGTH: usize = 8;

/// What the scanner reports.
pub(super) trait FrameSink {
    /// The head of any frame.
    fn frame(&mut self, _: Head) {}
    /// One entry of a SETTINGS frame.
    fn setting(&mut self, id: u16, value: u32);
    /// A SETTINGS frame that is not an acknowledgement has passed whole.
    fn settings_end(&mut self);
    /// A GOAWAY frame.
    fn go_away(&mut self, last_stream_id: u32, code: u32);
}

/// Where in the stream of frames we are. 24 bytes, no allocation.
#[derive(Debug)]
pub(super) struct FrameScanner {
    /// The frame header, or the fixed-size item of the payload, that is being collected.
    item: [u8; HEAD_LENGTH],
    filled: u8,
    payload: Payload,
    /// Bytes of the present frame's payload still to come.
    remaining: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Payload {
    None,
    Settings,
    GoAway,
    Skipped,
}

impl FrameScanner {
    pub(super) fn new() -> Self {
        Self {
            item: [0; HEAD_LENGTH],
            filled: 0,
            payload: Payload::None,
            remaining: 0,
        }
    }

    /// Takes the next bytes of the stream. Costs one step per frame, not per byte, for what it does not report.
    pub(super) fn scan(&mut self, mut bytes: &[u8], sink: &mut impl FrameSink) {
        while !bytes.is_empty() {
            bytes = match self.payload {
                Payload::None => self.header(bytes, sink),
                Payload::Skipped => self.skip(bytes),
                Payload::Settings => self.settings(bytes, sink),
                Payload::GoAway => self.go_away(bytes, sink),
            };
        }
    }

    fn header<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FrameSink) -> &'a [u8] {
        let Some((item, rest)) = self.collect(bytes, HEAD_LENGTH) else {
            return &[];
        };
        let head = Head::from_bytes(item);
        sink.frame(head);
        self.remaining = head.length;
        let on_connection = head.stream == 0;
        self.payload = match head.kind {
            SETTINGS if !head.has(ACK) && on_connection => Payload::Settings,
            GOAWAY if on_connection => Payload::GoAway,
            _ => Payload::Skipped,
        };
        if self.remaining == 0 {
            self.end(sink);
        }
        rest
    }

    fn settings<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FrameSink) -> &'a [u8] {
        let (payload, rest) = self.split(bytes);
        let mut payload = payload;
        while let Some((item, more)) = self.collect(payload, SETTING_LENGTH) {
            let [a, b, c, d, e, f, ..] = item;
            sink.setting(u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
            payload = more;
        }
        if self.remaining == 0 {
            self.end(sink);
        }
        rest
    }

    fn go_away<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FrameSink) -> &'a [u8] {
        let (payload, rest) = self.split(bytes);
        if let Some((item, _)) = self.collect(payload, GOAWAY_LENGTH) {
            let [a, b, c, d, e, f, g, h, _] = item;
            sink.go_away(
                u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff,
                u32::from_be_bytes([e, f, g, h]),
            );
            self.payload = Payload::Skipped;
        }
        if self.remaining == 0 {
            self.end(sink);
        }
        rest
    }

    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (_, rest) = self.split(bytes);
        if self.remaining == 0 {
            self.payload = Payload::None;
        }
        rest
    }

    fn end(&mut self, sink: &mut impl FrameSink) {
        if self.payload == Payload::Settings {
            sink.settings_end();
        }
        self.payload = Payload::None;
        self.filled = 0;
    }

    /// What of `bytes` belongs to the present payload, and what follows it.
    fn split<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let length = bytes.len().min(self.remaining as usize);
        self.remaining -= length as u32;
        bytes.split_at(length)
    }

    /// Adds to the item until it has `wanted` bytes; then hands it out with what is left.
    fn collect<'a>(
        &mut self,
        bytes: &'a [u8],
        wanted: usize,
    ) -> Option<([u8; HEAD_LENGTH], &'a [u8])> {
        let filled = usize::from(self.filled);
        let (taken, rest) = bytes.split_at(bytes.len().min(wanted - filled));
        if let Some(room) = self.item.get_mut(filled..filled + taken.len()) {
            room.copy_from_slice(taken);
        }
        if filled + taken.len() < wanted {
            self.filled += taken.len() as u8;
            return None;
        }
        self.filled = 0;
        Some((self.item, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        settings: Vec<(u16, u32)>,
        ends: usize,
        go_aways: Vec<(u32, u32)>,
    }

    impl FrameSink for Seen {
        fn setting(&mut self, id: u16, value: u32) {
            self.settings.push((id, value));
        }
        fn settings_end(&mut self) {
            self.ends += 1;
        }
        fn go_away(&mut self, last_stream_id: u32, code: u32) {
            self.go_aways.push((last_stream_id, code));
        }
    }

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    fn dialogue() -> Vec<u8> {
        [
            frame(4, 0, 0, &[0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0]),
            frame(4, 1, 0, &[]),
            frame(0, 0, 1, &[9; 300]),
            frame(4, 0, 0, &[]),
            frame(7, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 11, b'b', b'y', b'e']),
            frame(6, 0, 0, &[1; 8]),
            frame(4, 0, 0, &[0, 3, 0, 0, 0, 1]),
        ]
        .concat()
    }

    fn expected() -> Seen {
        Seen {
            settings: vec![(3, 100), (4, 65536), (3, 1)],
            ends: 3,
            go_aways: vec![(5, 11)],
        }
    }

    #[test]
    fn every_cut_in_two_gives_the_same() {
        let bytes = dialogue();
        for cut in 0..=bytes.len() {
            let (mut scanner, mut seen) = (FrameScanner::new(), Seen::default());
            scanner.scan(&bytes[..cut], &mut seen);
            scanner.scan(&bytes[cut..], &mut seen);
            assert_eq!(seen, expected(), "cut at {cut}");
        }
    }

    #[test]
    fn byte_by_byte_gives_the_same() {
        let (mut scanner, mut seen) = (FrameScanner::new(), Seen::default());
        for byte in dialogue() {
            scanner.scan(&[byte], &mut seen);
        }
        assert_eq!(seen, expected());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..32)) {
            let (mut scanner, mut seen) = (FrameScanner::new(), Seen::default());
            for chunk in chunks {
                scanner.scan(&chunk, &mut seen);
            }
        }
    }
}
