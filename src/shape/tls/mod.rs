//! Between TLS and the socket: keeps the ClientHello that was really sent, and makes it a profile's.
//!
//! rustls stays as it is. It believes that it talks for itself; what it says and hears is exchanged below it ([`stream`]), and
//! what it computes over that is computed over what went over the wire ([`hash`]). All that one handshake shares is in its
//! [`handshake::Handshake`], which rustls's cryptography finds through [`scope`] while that connection is polled.

mod aead;
mod answers;
mod bundle;
mod certificate;
mod connect;
mod decompress;
mod decompressed;
mod delegated;
mod der;
mod fault;
mod flight;
mod groups;
mod handshake;
mod hash;
mod hello;
mod inbound;
mod outbound;
mod p521;
mod record_limit;
mod scope;
mod session_cache;
mod sessions;
mod signing;
mod stream;
mod suites;
#[cfg(test)]
mod tests;
mod verify;
mod wire;

#[cfg(test)]
pub(crate) use connect::Connected;
pub(crate) use connect::{Failure, Outcome, ShapedTls};
pub(crate) use fault::Fault;
pub(crate) use handshake::Resume;
pub(crate) use record_limit::RecordLimited;
pub(crate) use session_cache::SessionCache;
pub(crate) use stream::{HelloStream, SentHello};
