//! Inflating, message by message (RFC 7692 §7.2.2).

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use super::parameters::Context;

/// What the sender has left off each message.
pub(super) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Has its window, and with it 48 KB, from the first compressed message on; between messages only if they refer to each other. The
/// window is of 32 KiB, whatever was agreed upon: zlib-rs knows no smaller one for inflating, and a sender's smaller one is within it.
#[derive(Debug)]
pub(super) struct Inflater {
    context: Context,
    stream: Option<Decompress>,
    /// The data's last block was marked as final (§7.2.3.4). What follows is another stream, with nothing to refer to.
    is_ended: bool,
}

impl Inflater {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            stream: None,
            is_ended: false,
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Inflates into the room that `out` has and says how much of `input` it used. It stops where the room is used up, where the input
    /// is, and behind a final block. As long as no room is left there may be more to come, without input too.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] if the input is nothing deflated, or refers to what was not there.
    pub(super) fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        if self.is_ended {
            if input.is_empty() {
                return Ok(0);
            }
            self.is_ended = false;
            if let Some(stream) = &mut self.stream {
                stream.reset(false);
            }
        }
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let mut used = 0;
        while out.len() < out.capacity() {
            let (before, length) = (stream.total_in(), out.len());
            let rest = input.get(used..).unwrap_or_default();
            let status = stream
                .decompress_vec(rest, out, FlushDecompress::Sync)
                .map_err(|error| corrupt(error.message().unwrap_or("it is damaged")))?;
            let more = (stream.total_in() - before) as usize;
            used += more;
            if status == Status::StreamEnd {
                self.is_ended = true;
                break;
            }
            if used == input.len() && out.len() < out.capacity() {
                break;
            }
            if more == 0 && out.len() == length {
                return Err(corrupt("it does not go on"));
            }
        }
        Ok(used)
    }

    /// The message's last byte has been inflated.
    pub(super) fn end_message(&mut self) {
        if self.is_ended || !self.context.is_taken_over {
            self.stream = None;
            self.is_ended = false;
        }
    }
}

fn corrupt(why: &str) -> io::Error {
    let text = format!("permessage-deflate: the message is not deflated data: {why}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
