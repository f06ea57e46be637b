//! One line that says how far it is: rewritten on a terminal, written once for each part elsewhere.

use std::io::{IsTerminal, Stderr, Write};

/// Twenty steps of a line are enough to see that it moves.
const STEPS: usize = 20;

/// Wide enough for the longest line.
const WIDTH: usize = 60;

/// Tells how far it is. Whoever closed standard error does not want to know.
pub(super) struct Progress {
    out: Stderr,
    terminal: bool,
    part: String,
    done: usize,
    total: usize,
}

impl Progress {
    pub(super) fn new(out: Stderr) -> Self {
        Self {
            terminal: out.is_terminal(),
            out,
            part: String::new(),
            done: 0,
            total: 0,
        }
    }

    /// A line of its own.
    pub(super) fn say(&mut self, text: &str) {
        self.end();
        let _ = writeln!(self.out, "{text}");
    }

    /// Begins a part of so many steps.
    pub(super) fn begin(&mut self, part: &str, total: usize) {
        part.clone_into(&mut self.part);
        (self.done, self.total) = (0, total);
    }

    /// One step further.
    pub(super) fn step(&mut self) {
        self.done += 1;
        let (part, done, total) = (&self.part, self.done, self.total);
        if self.terminal && (done % (total / STEPS).max(1) == 0 || done == total) {
            let _ = write!(self.out, "\r{part:<28} {done:>6} of {total}");
            let _ = self.out.flush();
        } else if done == total {
            let _ = writeln!(self.out, "{part:<28} {done:>6} of {total}");
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn end(&mut self) {
        if self.terminal {
            let _ = write!(self.out, "\r{:WIDTH$}\r", "");
            let _ = self.out.flush();
        }
    }
}
