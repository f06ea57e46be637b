//! How a caller gets a use of a connection, and how it is given back.
//!
//! The host tries the connections it has first: one is [picked](pick_policy), and a use of it is taken in its [`slot`] and held as a
//! [`lease`]. Whoever finds none free waits in the host's [`queue`], and the [`turnstile`] sees to it that what is given back goes to
//! the one who has waited longest. [`coalescing`] finds a connection of another host's that would do as well. Called by the handles
//! through the host, for every request, so what is done here without waiting takes no lock.

mod coalescing;
#[cfg(all(test, shuttle))]
mod interleavings;
mod lease;
mod leases;
mod pick;
mod pick_policy;
mod queue;
mod slot;
mod turnstile;

pub(crate) use lease::Lease;
pub(super) use leases::Leases;
pub(crate) use leases::Site;
pub(super) use pick::Candidate;
pub(super) use pick_policy::{Choosing, Preference};
pub(super) use queue::{Grant, Queue};
pub(super) use slot::{Slot, Usage};
pub(super) use turnstile::{Line, Turnstile};
