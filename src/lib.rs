//! hotpool
#![forbid(unsafe_code)]

pub mod error;

pub use error::{Error, ErrorKind};
