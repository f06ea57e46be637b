//! The server against real clients over loopback.

mod answers;
mod certificates;
mod endings;
mod observing;
mod stalls;
mod support;
mod tunnels;
