//! Deflating, message by message (RFC 7692 §7.2.1).

use std::io;

use flate2::{Compress, Compression, FlushCompress};

use super::inflater::TAIL;
use super::parameters::{Context, SMALLEST_COMPRESSOR_BITS};

/// zlib's default: what is above takes longer for next to nothing.
const LEVEL: u32 = 6;

/// How much room is made for more of the output at once; a flush wants more than six bytes.
const ROOM: usize = 256;

/// What an empty message becomes (§7.2.3.6): an empty block, without [`TAIL`].
const NOTHING: u8 = 0x00;

/// Has its window and tables from the first message on, between messages only if they refer to each other: 251 KB with the smallest
/// window (9 bits), 380 KB with the largest (15), whatever is sent.
#[derive(Debug)]
pub(super) struct Deflater {
    context: Context,
    stream: Option<Compress>,
    /// Something was deflated since the last flush. Without that a flush writes nothing.
    is_fed: bool,
}

impl Deflater {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            stream: None,
            is_fed: false,
        }
    }

    /// Whether the agreed window is one that it can keep to.
    pub(super) fn is_able(&self) -> bool {
        self.context.window_bits >= SMALLEST_COMPRESSOR_BITS
    }

    /// Appends what is known so far of the deflated `input` to `out`.
    pub(super) fn deflate(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        while !input.is_empty() {
            self.is_fed = true;
            let used = self.step(input, out, FlushCompress::None)?;
            input = input.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Appends the rest of the frame; of the message's last one without [`TAIL`].
    pub(super) fn end_frame(&mut self, is_last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        if self.is_fed {
            self.is_fed = false;
            self.step(&[], out, FlushCompress::Sync)?;
            while out.len() == out.capacity() {
                self.step(&[], out, FlushCompress::Sync)?;
            }
            if is_last && out.ends_with(&TAIL) {
                out.truncate(out.len() - TAIL.len());
            }
        } else if is_last {
            out.push(NOTHING);
        }
        if is_last && !self.context.is_taken_over {
            self.forget();
        }
        Ok(())
    }

    /// Nothing that was sent so far is referred to any more.
    pub(super) fn forget(&mut self) {
        self.stream = None;
    }

    fn step(&mut self, input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) -> io::Result<usize> {
        let bits = self.context.window_bits.max(SMALLEST_COMPRESSOR_BITS);
        let stream = self.stream.get_or_insert_with(|| {
            Compress::new_with_window_bits(Compression::new(LEVEL), false, bits)
        });
        out.reserve(ROOM);
        let before = stream.total_in();
        stream
            .compress_vec(input, out, flush)
            .map_err(io::Error::other)?;
        Ok((stream.total_in() - before) as usize)
    }
}
