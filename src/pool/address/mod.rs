//! What the pool knows of addresses: which are worth trying, in which order, how many connections go there, which are blacklisted.

mod blacklist;
mod choice;

pub use blacklist::{BlacklistCause, BlacklistEntry};
