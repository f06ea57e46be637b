//! Whole handshakes.

mod answers;
mod compressor;
mod meddler;
mod openssl;
mod peers;
mod support;
mod templates;
