//! One line that says how far it is: rewritten on a terminal, written once for each part elsewhere.

use std::io::{self, IsTerminal, Write};

/// Twenty steps of a line are enough to see that it moves.
const STEPS: usize = 20;

pub(super) struct Progress<'a, W> {
    out: &'a mut W,
    terminal: bool,
    part: String,
    done: usize,
    total: usize,
}

impl<'a, W: Write> Progress<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self {
            out,
            terminal: io::stderr().is_terminal(),
            part: String::new(),
            done: 0,
            total: 0,
        }
    }

    /// A line of its own.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.out, "{text}")
    }

    /// Begins a part of so many steps.
    pub(super) fn begin(&mut self, part: &str, total: usize) {
        part.clone_into(&mut self.part);
        (self.done, self.total) = (0, total);
    }

    /// One step further.
    pub(super) fn step(&mut self) -> io::Result<()> {
        self.done += 1;
        let (done, total) = (self.done, self.total.max(1));
        if self.terminal && (done % (total / STEPS).max(1) == 0 || done == total) {
            write!(self.out, "\r{:<28} {done:>6} of {total}", self.part)?;
            self.out.flush()?;
        } else if done == total {
            writeln!(self.out, "{:<28} {done:>6} of {total}", self.part)?;
        }
        Ok(())
    }

    /// Leaves the terminal as it was.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.clear()
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "\r{:60}\r", "")?;
            self.out.flush()?;
        }
        Ok(())
    }
}
