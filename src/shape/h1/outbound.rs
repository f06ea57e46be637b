//! Requests on their way out.

use std::io::{self, IoSlice};

use super::framing::Framing;
use super::head::{Spelling, respell};

/// No server takes a head as long as this (the common limits are 8 to 64 KiB), so what is longer is no head.
const LONGEST_HEAD: usize = 1 << 20;

/// How many parts of a body go into one write; more wait for the next.
const MOST_PARTS: usize = 16;

/// Heads are collected until they are complete and staged; bodies pass.
#[derive(Debug)]
pub(super) struct Outbound {
    spelling: Spelling,
    /// The head that is being collected.
    head: Vec<u8>,
    body: Framing,
    /// What is to be written before anything else.
    staged: Vec<u8>,
    written: usize,
}

impl Outbound {
    pub(super) fn new(spelling: Spelling) -> Self {
        Self {
            spelling,
            head: Vec::new(),
            body: Framing::None,
            staged: Vec::new(),
            written: 0,
        }
    }

    /// Whether the next bytes belong to a body.
    pub(super) fn is_in_body(&self) -> bool {
        self.body != Framing::None
    }

    /// What is staged and not yet written.
    pub(super) fn staged(&self) -> &[u8] {
        self.staged.get(self.written..).unwrap_or_default()
    }

    /// This much of what is staged was written.
    pub(super) fn advance(&mut self, written: usize) {
        self.written += written;
        if self.written >= self.staged.len() {
            self.staged.clear();
            self.written = 0;
        }
    }

    /// Takes what of `slices` belongs to a head, and tells how many bytes that was.
    ///
    /// # Errors
    ///
    /// The head does not end.
    pub(super) fn take_head(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut taken = 0;
        for slice in slices {
            if self.body != Framing::None {
                break;
            }
            taken += self.collect(slice)?;
        }
        Ok(taken)
    }

    /// The bytes behind the first `skipped` ones of `slices` that belong to the body under way.
    pub(super) fn body<'a>(&self, slices: &'a [IoSlice<'_>], skipped: usize) -> Vec<IoSlice<'a>> {
        let mut framing = self.body;
        let mut parts = Vec::new();
        for slice in rest(slices, skipped).take(MOST_PARTS) {
            let taken = framing.take(slice);
            if taken > 0 {
                parts.push(IoSlice::new(slice.get(..taken).unwrap_or_default()));
            }
            if taken < slice.len() {
                break;
            }
        }
        parts
    }

    /// This much of the [`body`](Self::body) was written.
    pub(super) fn advance_body(&mut self, slices: &[IoSlice<'_>], skipped: usize, written: usize) {
        let mut left = written;
        for slice in rest(slices, skipped) {
            let part = slice.get(..left.min(slice.len())).unwrap_or_default();
            left -= self.body.take(part);
            if left == 0 {
                break;
            }
        }
    }

    /// Takes bytes up to the end of the head.
    fn collect(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.head.extend_from_slice(line);
            taken += line.len();
            if self.head.len() > LONGEST_HEAD {
                return Err(io::Error::other("a request's head of more than 1 MiB"));
            }
            if self.head.ends_with(b"\r\n\r\n") {
                self.body = respell(&self.head, &self.spelling, &mut self.staged);
                self.head.clear();
                if self.body == Framing::Length(0) {
                    self.body = Framing::None;
                }
                if self.body != Framing::None {
                    break;
                }
            }
        }
        Ok(taken)
    }
}

/// The slices behind the first `skipped` bytes.
fn rest<'a>(slices: &'a [IoSlice<'_>], skipped: usize) -> impl Iterator<Item = &'a [u8]> {
    let mut skipped = skipped;
    slices.iter().filter_map(move |slice| {
        let skips = skipped.min(slice.len());
        skipped -= skips;
        slice.get(skips..).filter(|rest| !rest.is_empty())
    })
}
