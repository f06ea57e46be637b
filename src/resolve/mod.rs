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
mod answer;
mod cache;
mod dns;
mod flight;
mod host;
mod networks;
mod overrides;
mod resolver;

pub use access::AccessList;
pub use answer::{Answer, Resolve};
pub use dns::DnsResolver;
pub use networks::NamedRange;
pub use overrides::Overrides;
pub use resolver::{Resolver, ResolverBuilder};
