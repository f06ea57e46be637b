//! What a client sends first once TLS is there, read off its bytes: [`Http2Opening`] over HTTP/2, [`Http1Head`] over HTTP/1.1.

mod akamai;
mod frame;
mod http1;
mod http2;
mod priority;
mod request;
#[cfg(test)]
mod tests;

pub(super) use frame::{PRIORITY, SETTINGS, WINDOW_UPDATE};
pub use http1::Http1Head;
pub use http2::Http2Opening;
pub use priority::Priority;
pub use request::{Http2Header, Http2Request};
