//! hotpool
#![forbid(unsafe_code)]

pub mod error;
pub mod resolve;

pub use error::{Error, ErrorKind};
