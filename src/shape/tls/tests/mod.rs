//! Whole handshakes.

mod answers;
mod compressor;
mod delegated;
mod flight;
mod long;
mod meddler;
mod openssl;
mod peers;
mod scripted;
mod support;
mod templates;
