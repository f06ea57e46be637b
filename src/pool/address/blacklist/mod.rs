//! Addresses that are left alone for a while: those that failed, with growing terms, and those that somebody listed.
//!
//! A failure to connect speaks against the address, whoever dials it; one in TLS or in HTTP/2's opening speaks only against the
//! host at that address. Connections that end one after the other because nothing answers on them speak against it too, whatever
//! dials say. After some failures in a row the address is listed. When its term is over it is on *probation*: one
//! connection at a time probes it, whose success clears everything, and whose failure lists it for twice as long.
//!
//! A blacklist is a preference, not a prohibition: when it covers all addresses of a host, the least bad one is tried rather than
//! none, listed by hand or not. What must never be dialed belongs on the deny list of the
//! [`AccessList`](crate::resolve::AccessList), which has no such floor.

mod entry;
mod handle;
mod manual;
mod tracked;
mod verdict;

#[cfg(test)]
mod tests;

pub use entry::{BlacklistCause, BlacklistEntry};
pub use handle::BlacklistHandle;
pub(super) use tracked::{Blacklist, Failure, Subject, Terms};
#[cfg(test)]
use verdict::Badness;
pub(super) use verdict::Verdict;
