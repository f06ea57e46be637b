//! BoringSSL as a server on loopback, one [`Scenario`] per server, to test hotpool's handshakes against.
//!
//! `unsafe` is here because much of what a browser's hello offers (ALPS, ECH keys, SCT lists, early data, delegated
//! credentials, trust anchors) has no safe binding.
//!
//! What BoringSSL has no server side for: a cookie in HelloRetryRequest (NSS sends one), record_size_limit (GnuTLS and
//! NSS have it), finite-field groups.

mod answer;
mod compression;
mod context;
mod credential;
mod ech;
pub mod native;
mod recorder;
mod report;
mod scenario;
mod server;

pub use compression::Compression;
pub use credential::{Authority, Identity};
pub use report::{Agreed, Report};
pub use scenario::{Alps, Scenario, Version};
pub use server::Server;
