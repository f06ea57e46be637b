//! hotpool
#![forbid(unsafe_code)]

pub mod config;
pub mod error;

pub use error::{Error, ErrorKind};
