//! The server against real clients over loopback.

mod answers;
mod support;
