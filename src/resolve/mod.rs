//! Host names to addresses.
//!
//! A [`Resolver`] answers from, in this order: static [`Overrides`], addresses written as text, `localhost`, a cache,
//! and a [`Resolve`], which is the system's name service ([`DnsResolver`]) unless the caller brings another one. The
//! cache keeps an answer for its own time to live, also the answer that a host does not exist, uses it a while longer
//! where the name service fails, and lets any number of simultaneous callers share one lookup. Beside the addresses,
//! HTTPS records are asked for ([`Services`]). The two [families](Family) of addresses are asked for apart, and whoever connects begins
//! with what comes first (RFC 8305 §3).
//!
//! What it does not do: it sets no deadline (the dialer has one for the whole of connecting), it does not order
//! addresses for Happy Eyeballs, and it does not enforce an [`AccessList`]: that is the dialer's part, so that
//! overrides are judged too.
//!
//! ```
//! use hotpool::resolve::{Overrides, Resolver};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), hotpool::Error> {
//! let overrides = Overrides::parse(["example.com:443:127.0.0.1"])?;
//! let resolver = Resolver::builder().overrides(overrides).build();
//! let addresses = resolver.resolve("example.com", 443).await?;
//! assert_eq!(addresses, ["127.0.0.1:443".parse().unwrap()]);
//! # Ok(())
//! # }
//! ```

mod access;
mod addresses;
mod answer;
mod cache;
mod dns;
mod family;
mod flight;
mod gathering;
mod host;
mod lookup;
mod networks;
mod overrides;
mod remembered;
mod resolved;
mod resolver;
mod service;

pub use access::AccessList;
pub use answer::{Answer, Resolve};
pub use dns::DnsResolver;
pub(crate) use family::Families;
pub use family::Family;
pub(crate) use lookup::Lookup;
pub use networks::NamedRange;
pub use overrides::Overrides;
pub use resolved::Resolved;
pub use resolver::{Resolver, ResolverBuilder};
pub use service::{Service, Services};
