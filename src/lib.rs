//! hotpool
#![forbid(unsafe_code)]

pub mod client;
pub mod config;
pub mod dial;
pub mod error;
pub mod pool;
pub mod profile;
pub mod registry;
pub mod resolve;
mod shape;

pub use dial::{ClientIdentity, Protocols, TlsClient, Trust};
pub use error::{Error, ErrorKind};
pub use pool::{Connection, Host, Pool, Target};
