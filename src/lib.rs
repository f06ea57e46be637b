//! hotpool
#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod registry;
pub mod profile;
pub mod resolve;
#[cfg(feature = "server")]
pub mod server;

pub use error::{Error, ErrorKind};
