//! Whole handshakes.

mod answers;
mod compressor;
mod long;
mod meddler;
mod openssl;
mod peers;
mod support;
mod templates;
