//! How a command ends.

use std::error::Error;
use std::io;
use std::process::ExitCode;

/// What the exit status says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Status {
    Done,
    SomeFailed,
    Usage,
}

impl Status {
    pub(crate) fn of(everything_done: bool) -> Self {
        if everything_done {
            Self::Done
        } else {
            Self::SomeFailed
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::SomeFailed => 1,
            Status::Usage => 2,
        })
    }
}

/// Why a command could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A certificate of our own could not be made.
    Certificate(Box<dyn Error>),
    /// The demo's own servers could not be started.
    Demo(Box<dyn Error>),
    /// What was written to cannot be written to any more.
    Output(String, io::Error),
    /// The system gave no threads or no event queue.
    Runtime(io::Error),
    /// The command line, or a file that it names, cannot be used.
    Usage(String),
}

impl Failure {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Certificate(_) | Self::Demo(_) | Self::Output(..) | Self::Runtime(_) => {
                Status::SomeFailed
            }
            Self::Usage(_) => Status::Usage,
        }
    }

    /// What to tell the user, if anything: whoever closed the pipe knows.
    pub(crate) fn message(&self) -> Option<String> {
        match self {
            Self::Certificate(error) => Some(format!("cannot make a certificate: {error}")),
            Self::Demo(error) => Some(format!("the demo's world cannot be set up: {error}")),
            Self::Output(_, error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(place, error) => Some(format!("cannot write to {place}: {error}")),
            Self::Runtime(error) => Some(format!("cannot start: {error}")),
            Self::Usage(message) => Some(message.clone()),
        }
    }
}

impl From<hotpool::Error> for Failure {
    fn from(error: hotpool::Error) -> Self {
        Self::Usage(with_sources(&error))
    }
}

impl From<hotpool::profile::ProfileError> for Failure {
    fn from(error: hotpool::profile::ProfileError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// An error and what caused it, in one line. A cause that only repeats what is there already is left out.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotpool::ErrorKind;

    #[test]
    fn sources_are_told_once_and_in_one_line() {
        let cause = io::Error::other("first\n  second");
        let outer = hotpool::Error::new(ErrorKind::TlsFailed).with_source(cause);
        assert_eq!(
            with_sources(&outer),
            "the TLS handshake failed: first second"
        );
        let again = hotpool::Error::new(ErrorKind::TlsFailed).with_source(outer);
        assert_eq!(
            with_sources(&again),
            "the TLS handshake failed: first second"
        );
    }

    #[test]
    fn a_closed_pipe_needs_no_message() {
        let closed = Failure::Output("pipe".into(), io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.message(), None);
        assert_eq!(closed.status(), Status::SomeFailed);
    }
}
