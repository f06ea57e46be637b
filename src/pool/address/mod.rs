//! What the pool knows of addresses: which are worth trying, in which order, how many connections go there, which are blacklisted.

mod blacklist;
mod book;
mod choice;
mod policy;
mod silence;
mod turns;
mod waiting;

#[cfg(test)]
mod tests;

pub use blacklist::{BlacklistCause, BlacklistEntry, BlacklistHandle};
pub(super) use book::Book;
pub(super) use policy::{DialPolicy, HostAddresses};
