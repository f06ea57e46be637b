//! hotpool
#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod registry;
pub mod profile;
pub mod resolve;

pub use error::{Error, ErrorKind};
