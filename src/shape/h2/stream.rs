//! The stream that h2 reads from and writes to.

use std::io;
use std::sync::Arc;

use super::frame::FrameScanner;
use super::peer::Http2Peer;
use crate::error::Error;
use crate::profile::Http2Opening;
use crate::shape::tap::{Tap, Watch};

/// The opening is kept until its first request is complete, but no longer than this: a request's headers seldom reach 8 KiB, and
/// servers refuse them at 16.
const OPENING_LIMIT: usize = 16 * 1024;

/// Lets [`Http2Peer`] know what the server says, and keeps what this side says first.
pub(crate) type Http2Stream<IO> = Tap<IO, Http2Watch>;

impl<IO> Http2Stream<IO> {
    pub(crate) fn watching(io: IO, peer: Arc<Http2Peer>) -> Self {
        Self::new(
            io,
            Http2Watch {
                inbound: FrameScanner::new(),
                opening: Some(Vec::new()),
                peer,
            },
        )
    }
}

#[derive(Debug)]
pub(crate) struct Http2Watch {
    inbound: FrameScanner,
    /// What was written so far; gone once the first request's headers are in it.
    opening: Option<Vec<u8>>,
    peer: Arc<Http2Peer>,
}

impl Watch for Http2Watch {
    fn read(&mut self, bytes: &[u8]) {
        self.inbound.scan(bytes, &mut &*self.peer);
    }

    fn written(&mut self, bytes: &[u8]) {
        let Some(opening) = &mut self.opening else {
            return;
        };
        opening.extend_from_slice(bytes);
        let parsed = Http2Opening::parse(opening);
        if parsed.is_complete() || opening.len() > OPENING_LIMIT {
            self.peer.set_opening(parsed);
            self.opening = None;
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if let Some(fault) = Error::from_tls(error) {
            self.peer.set_tls_fault(fault);
        }
    }

    fn watches_writes(&self) -> bool {
        self.opening.is_some()
    }
}
