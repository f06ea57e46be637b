//! hotpool
#![forbid(unsafe_code)]

pub mod error;
pub mod profile;

pub use error::{Error, ErrorKind};
