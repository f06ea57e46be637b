//! Whole handshakes.

mod peers;
mod support;
mod templates;
