//! The stream that rustls reads from and writes to.

use std::sync::{Arc, OnceLock};

use crate::profile::ClientHello;
use crate::shape::tap::{Tap, Watch};

/// A ClientHello with two hybrid key shares and a long ticket stays under 6 KiB; what is longer is no hello of ours.
const HELLO_LIMIT: usize = 16 * 1024;

/// Keeps the hello that passes.
pub(crate) type HelloStream<IO> = Tap<IO, HelloWatch>;

/// The first ClientHello of a connection, once it has left.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentHello(Arc<OnceLock<ClientHello>>);

impl SentHello {
    pub(crate) fn hello(&self) -> Option<&ClientHello> {
        self.0.get()
    }
}

impl<IO> HelloStream<IO> {
    pub(crate) fn watching(io: IO, sent: SentHello) -> Self {
        Self::new(
            io,
            HelloWatch {
                written: Some(Vec::new()),
                sent,
            },
        )
    }
}

#[derive(Debug)]
pub(crate) struct HelloWatch {
    /// What was written so far; gone once the hello is in it.
    written: Option<Vec<u8>>,
    sent: SentHello,
}

impl Watch for HelloWatch {
    fn read(&mut self, _: &[u8]) {}

    fn written(&mut self, bytes: &[u8]) {
        let Some(written) = &mut self.written else {
            return;
        };
        written.extend_from_slice(bytes);
        if let Ok(hello) = ClientHello::from_records(written) {
            self.sent.0.get_or_init(|| hello);
            self.written = None;
        } else if written.len() > HELLO_LIMIT {
            self.written = None;
        }
    }

    fn watches_writes(&self) -> bool {
        self.written.is_some()
    }
}
