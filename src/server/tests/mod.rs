//! The server against real clients over loopback.

mod answers;
mod certificates;
mod endings;
mod observing;
mod proxied;
mod stalls;
mod support;
mod tunnels;
