//! The blacklist as its reader sees it.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::error::ErrorKind;

/// One entry of the [blacklist](crate::Pool::blacklist), at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BlacklistEntry {
    /// What is listed; an address is a network of one.
    pub network: IpNet,
    /// Listed at this port only; `None` at all of them.
    pub port: Option<u16>,
    /// Listed for this host only; `None` for all of them.
    pub host: Option<Arc<str>>,
    /// Why.
    pub cause: BlacklistCause,
    /// Attempts that failed in a row; zero when somebody listed it.
    pub failures: u32,
    /// How often it was listed in a row.
    pub terms: u32,
    /// How much longer it is listed: `None` until somebody removes it, zero while it is on probation.
    pub remaining: Option<Duration>,
}

/// Why something is blacklisted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BlacklistCause {
    /// Somebody [added](crate::pool::BlacklistHandle::add) it.
    Manual,
    /// Attempts failed in a row, the last one with this error.
    Failed(ErrorKind),
}

impl BlacklistEntry {
    /// Whether its term is over, and one connection at a time may probe it.
    pub fn is_on_probation(&self) -> bool {
        self.remaining == Some(Duration::ZERO)
    }
}
