//! The layers around stock rustls and stock h2 through which everything passes that a connection says.
//!
//! Here they only watch: what was said first is kept for the fingerprint, and what the server says of itself (its SETTINGS, that it
//! is going away) is known the moment its frame arrives, which h2 has no event for. Making a profile's opening out of stock
//! libraries' is the work of the same layers.

pub(crate) mod h1;
pub(crate) mod h2;
mod tap;
pub(crate) mod tls;
