//! What a client and a server agreed upon.

use tokio_tungstenite::tungstenite::protocol::Role;

/// 32 KiB: what is agreed upon where nobody says anything.
pub(crate) const LARGEST_WINDOW_BITS: u8 = 15;

/// What the RFC allows, 256 bytes.
pub(super) const SMALLEST_WINDOW_BITS: u8 = 8;

/// What zlib, in any implementation, can compress within. Its raw deflate knows no window of 256 bytes.
pub(super) const SMALLEST_COMPRESSOR_BITS: u8 = 9;

/// The parameters of permessage-deflate in force (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeflateParameters {
    /// The server compresses each message without what it sent before.
    pub(crate) server_no_context_takeover: bool,
    /// The client does.
    pub(crate) client_no_context_takeover: bool,
    /// The server's messages refer back by at most two to this power of bytes, 8 to 15.
    pub(crate) server_max_window_bits: u8,
    /// The client's do. With 8 a client can only send uncompressed messages, which the RFC always allows.
    pub(crate) client_max_window_bits: u8,
}

impl Default for DeflateParameters {
    /// Contexts are taken over and windows are as large as can be.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: LARGEST_WINDOW_BITS,
            client_max_window_bits: LARGEST_WINDOW_BITS,
        }
    }
}

impl DeflateParameters {
    /// Of the messages that a side sends.
    pub(super) fn sent_by(self, role: Role) -> Context {
        match role {
            Role::Server => Context {
                is_taken_over: !self.server_no_context_takeover,
                window_bits: self.server_max_window_bits,
            },
            Role::Client => Context {
                is_taken_over: !self.client_no_context_takeover,
                window_bits: self.client_max_window_bits,
            },
        }
    }
}

/// What messages that go one way may refer back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// To those before, too.
    pub(super) is_taken_over: bool,
    pub(super) window_bits: u8,
}
