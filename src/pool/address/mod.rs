//! What the pool knows of addresses: which are worth trying, in which order, how many connections go there, which are blacklisted.

mod blacklist;
mod book;
mod choice;
mod membership;
mod policy;
mod renewing;
mod silence;
mod turns;
mod waiting;

#[cfg(test)]
mod tests;

pub use blacklist::{BlacklistCause, BlacklistEntry, BlacklistHandle};
pub(super) use book::Book;
pub(in crate::pool) use membership::Membership;
pub(super) use policy::{DialPolicy, HostAddresses};
