//! The transcript hash: of what went over the wire, whatever rustls was given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};

use super::flight::client_message;
use super::handshake::Handshake;
use super::scope;
use super::wire::{kind, pieces};

/// A hash that reads handshake messages as they were on the wire.
pub(super) struct TranscriptHash(pub(super) &'static dyn Hash);

impl Hash for TranscriptHash {
    fn start(&self) -> Box<dyn Context> {
        let context = self.0.start();
        match scope::current() {
            Some(handshake) => Box::new(Transcript {
                context,
                handshake,
                settings: Settings::Early,
                is_keyed: AtomicBool::new(false),
            }),
            None => context,
        }
    }

    fn hash(&self, data: &[u8]) -> Output {
        self.0.hash(data)
    }

    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0.algorithm()
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

struct Transcript {
    context: Box<dyn Context>,
    handshake: Arc<Handshake>,
    settings: Settings,
    /// Whether the application secrets' hash has been taken, which is the first one after the server's Finished. The client's
    /// EncryptedExtensions come after that.
    is_keyed: AtomicBool,
}

/// Where the client's EncryptedExtensions stand in the transcript.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Settings {
    /// The server has not finished.
    Early,
    /// Before the client's next message that is not EndOfEarlyData.
    Due,
    /// There, or there are none.
    Done,
}

impl Transcript {
    fn due(&self) -> Option<Vec<u8>> {
        match self.settings {
            Settings::Due => client_message(&self.handshake),
            _ => None,
        }
    }
}

impl Context for Transcript {
    fn fork_finish(&self) -> Output {
        match self.due() {
            Some(message) if self.is_keyed.swap(true, Ordering::Relaxed) => {
                let mut fork = self.context.fork();
                fork.update(&message);
                fork.finish()
            }
            _ => self.context.fork_finish(),
        }
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self {
            context: self.context.fork(),
            handshake: Arc::clone(&self.handshake),
            settings: self.settings,
            is_keyed: AtomicBool::new(self.is_keyed.load(Ordering::Relaxed)),
        })
    }

    fn finish(self: Box<Self>) -> Output {
        self.context.finish()
    }

    fn update(&mut self, data: &[u8]) {
        for piece in pieces(data) {
            if piece.kind != Some(kind::END_OF_EARLY_DATA)
                && let Some(message) = self.due()
            {
                self.context.update(&message);
                self.settings = Settings::Done;
            }
            let wire = match piece.missing {
                0 => self.handshake.on_the_wire(piece.bytes),
                missing if piece.kind == Some(kind::CLIENT_HELLO) => {
                    self.handshake.shaped(piece.bytes, missing)
                }
                _ => None,
            };
            self.context.update(wire.as_deref().unwrap_or(piece.bytes));
            if piece.kind == Some(kind::FINISHED) && self.settings == Settings::Early {
                self.settings = Settings::Due;
            }
        }
    }
}
