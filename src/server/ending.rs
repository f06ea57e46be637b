//! How connections end, and for which reason.

use std::error::Error as StdError;
use std::io;
use std::iter::successors;

use crate::registry::CloseReason;

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// The server ordered it.
    Cut,
    /// Something went wrong.
    Failed(CloseReason),
    /// In order, as far as this side can tell.
    Finished,
    /// It did not follow the request to end, or was idle; the first cause is recorded already.
    GraceOver,
    /// The server stopped, or somebody asked for it, before there was anything to finish.
    Stopped(CloseReason),
}

impl Ending {
    /// What `result`, hyper's, says.
    pub(super) fn of(result: Result<(), hyper::Error>) -> Self {
        match result {
            Ok(()) => Self::Finished,
            Err(error) => Self::Failed(reason_of(&error)),
        }
    }

    pub(super) fn is_error(self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// The cause to record, unless there is an earlier one.
    pub(super) fn reason(self) -> CloseReason {
        match self {
            Self::Cut => CloseReason::Shutdown,
            Self::Failed(reason) | Self::Stopped(reason) => reason,
            Self::Finished => CloseReason::LocalClose,
            Self::GraceOver => CloseReason::Requested,
        }
    }
}

/// The cause that a socket's error stands for.
pub(super) fn reason_of_io(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset => CloseReason::PeerReset,
        io::ErrorKind::UnexpectedEof => CloseReason::PeerClosed,
        io::ErrorKind::InvalidData => CloseReason::ProtocolError,
        _ => CloseReason::Error,
    }
}

fn reason_of(error: &hyper::Error) -> CloseReason {
    if error.is_parse() {
        return CloseReason::ProtocolError;
    }
    if error.is_incomplete_message() {
        return CloseReason::PeerClosed;
    }
    if let Some(error) = find::<h2::Error>(error) {
        return match error.get_io() {
            Some(error) => reason_of_io(error),
            None if error.is_remote() => CloseReason::GoAway,
            None => CloseReason::ProtocolError,
        };
    }
    find::<io::Error>(error).map_or(CloseReason::Error, reason_of_io)
}

/// The first `T` among the sources of `error`.
fn find<T: StdError + 'static>(error: &hyper::Error) -> Option<&T> {
    successors(error.source(), |&source| source.source())
        .find_map(|source| source.downcast_ref::<T>())
}
