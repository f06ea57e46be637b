//! Whole handshakes.

mod openssl;
mod peers;
mod support;
mod templates;
