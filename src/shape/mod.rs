//! The layers around stock rustls and stock h2 through which everything passes that a connection says.
//!
//! Without a profile they only watch: what was said first is kept for the fingerprint, and what the server says of itself (its
//! SETTINGS, that it is going away) is known the moment its frame arrives, which h2 has no event for. With one they make that client's
//! opening, hello and header blocks out of the stock libraries'.

pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod tls;
