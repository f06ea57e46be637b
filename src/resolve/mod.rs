//! Host names to addresses.
//!
//! A [`Resolver`] answers from, in this order: static [`Overrides`], addresses written as text, `localhost`, a cache,
//! and a [`Resolve`], which is the system's name service ([`DnsResolver`]) unless the caller brings another one. The
//! cache keeps an answer for its own time to live, also the answer that a host does not exist, and lets any number of
//! simultaneous callers share one lookup.
//!
//! What it does not do: it sets no deadline (the dialer has one for the whole of connecting), and it does not order
//! addresses for Happy Eyeballs.
//!

mod answer;
mod cache;
mod dns;
mod flight;
mod host;
mod overrides;

pub use answer::{Answer, Resolve};
pub use dns::DnsResolver;
pub use overrides::Overrides;
