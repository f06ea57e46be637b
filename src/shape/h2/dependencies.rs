//! Which stream a new one depends on, where a client's open streams are a chain (RFC 7540 §5.3.1).

use super::head::{DATA, END_STREAM, HEADERS, Head, RST_STREAM};
use crate::profile::StreamPriority;

/// This side's streams that are open, in the order in which they were opened. Ids are the wire's.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    open: Vec<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    stream: u32,
    weight_less_one: u8,
    /// This side has said all.
    sent: bool,
    /// The server has.
    received: bool,
}

impl Dependencies {
    /// The priority of a stream that opens now: it depends on the lightest of those that weigh no less, and of these on the last.
    pub(super) fn opens(&mut self, stream: u32, priority: [u8; 5], sent: bool) -> [u8; 5] {
        let mut priority = StreamPriority::from_bytes(priority);
        let weight_less_one = priority.weight_less_one;
        let heavier = self.open.iter().rev();
        let parent = heavier
            .filter(|open| open.weight_less_one >= weight_less_one)
            .min_by_key(|open| open.weight_less_one);
        match parent {
            Some(parent) => priority.dependency = parent.stream,
            // No stream may depend on itself (RFC 7540 §5.3.1).
            None if priority.dependency == stream => priority.dependency = 0,
            None => {}
        }
        self.open.push(Open {
            stream,
            weight_less_one,
            sent,
            received: false,
        });
        priority.to_bytes()
    }

    /// A frame that this side sends on an open stream.
    pub(super) fn sends(&mut self, head: &Head) {
        self.ends(head, |open| open.sent = true);
    }

    /// A frame from the server.
    pub(super) fn receives(&mut self, head: &Head) {
        self.ends(head, |open| open.received = true);
    }

    fn ends(&mut self, head: &Head, half: impl FnOnce(&mut Open)) {
        let ends = match head.kind {
            RST_STREAM => true,
            DATA | HEADERS => head.has(END_STREAM),
            _ => false,
        };
        if !ends {
            return;
        }
        // Streams mostly end in the order in which they were opened.
        let Some(place) = self.open.iter().position(|open| open.stream == head.stream) else {
            return;
        };
        let Some(open) = self.open.get_mut(place) else {
            return;
        };
        half(open);
        if head.kind == RST_STREAM || (open.sent && open.received) {
            self.open.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(open: &mut Dependencies, stream: u32, weight: u16) -> u32 {
        let priority = StreamPriority {
            exclusive: true,
            dependency: 0,
            weight_less_one: (weight - 1) as u8,
        };
        let bytes = open.opens(stream, priority.to_bytes(), true);
        StreamPriority::from_bytes(bytes).dependency
    }

    fn answered(stream: u32) -> Head {
        Head::new(0, DATA, END_STREAM, stream)
    }

    /// As Chromium 156 was seen to do with a document, a style sheet, a script and images.
    #[test]
    fn open_streams_are_a_chain_heavier_ones_first() {
        let mut open = Dependencies::default();
        assert_eq!(opens(&mut open, 1, 256), 0);
        open.receives(&answered(1));
        assert_eq!(opens(&mut open, 3, 256), 0);
        assert_eq!(opens(&mut open, 5, 220), 3);
        assert_eq!(opens(&mut open, 7, 220), 5);
        assert_eq!(opens(&mut open, 9, 256), 3);
        assert_eq!(opens(&mut open, 11, 183), 7);
        open.receives(&Head::new(4, RST_STREAM, 0, 7));
        assert_eq!(opens(&mut open, 13, 220), 5);
    }

    #[test]
    fn no_stream_depends_on_itself() {
        let mut open = Dependencies::default();
        assert_eq!(open.opens(3, [0, 0, 0, 3, 7], true), [0, 0, 0, 0, 7]);
    }

    #[test]
    fn a_stream_is_open_until_both_sides_have_ended_it() {
        let mut open = Dependencies::default();
        let priority = [0x80, 0, 0, 0, 219];
        open.opens(1, priority, false);
        open.receives(&answered(1));
        assert_eq!(opens(&mut open, 3, 220), 1);
        open.receives(&answered(3));
        open.sends(&answered(1));
        assert_eq!(opens(&mut open, 5, 220), 0);
        open.sends(&Head::new(4, RST_STREAM, 0, 5));
        assert!(open.open.is_empty());
    }
}
