//! The two streams that a command writes to.

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes one line to standard output, at once.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(to_stdout)
}

/// Writes one line to standard error as it is.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes one line to standard error, and who says so. If that is closed too, there is nobody left to tell.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "hotpool: {text}");
}

pub(crate) fn to_stdout(error: io::Error) -> Failure {
    Failure::Output("standard output".into(), error)
}
