//! hotpool
#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod registry;

pub use error::{Error, ErrorKind};
