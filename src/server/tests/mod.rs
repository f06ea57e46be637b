//! The server against real clients over loopback.

mod answers;
mod certificates;
mod endings;
mod fingerprints;
mod forwarded;
mod observing;
mod proxied;
mod stalls;
mod support;
mod tunnels;
