//! What a client looks like on the wire.
//!
//! A server can tell clients apart before they ask for anything: by the TLS ClientHello and by the first HTTP/2 frames. This
//! module says what a client's look like, and reads what a client sent:
//!
//! * [`Profile`] is a client: one that is compiled in ([`catalogue`]), a file of the user's, or [what a client was seen to
//!   send](Profile::from_captures). A [`Pool`](crate::Pool) whose connections have a profile sends its hello, byte for byte.
//! * [`ClientHello`] parses a hello and gives its JA3, JA4, JA4_r, JA4_o and JA4_ro; [`Profile::differences`] says whether a
//!   profile's client could have sent it.
//! * [`Http2Opening`] parses a client's first HTTP/2 frames and gives the Akamai fingerprint; [`Profile::opening_differences`]
//!   says whether a profile's client could have sent them.
//!
//! A profile can also say what the client's HTTP/2 connections and requests are. [`Profile::contradictions`] tells where its parts are not
//! of one client.
//!
//! Profiles are data, JSON files that `fingerprints/README.md` describes: nothing in the code knows any one client. What a profile
//! lists and a connection cannot live up to is in [`Profile::deliverable`].
//!
//! Nothing here reads QUIC, DTLS, or what a server answers. Equal fingerprints do not prove equal bytes: JA4, for one, leaves out
//! groups, key shares and every order.
//!
//! The parsers take bytes from anyone. They never panic, and use memory in proportion to their input.
//!
//! ```
//! use std::sync::Arc;
//!
//! use hotpool::profile::ClientHello;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
//! let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
//! let mut connection = rustls::ClientConnection::new(Arc::new(config), "example.com".try_into()?)?;
//! let mut sent = Vec::new();
//! connection.write_tls(&mut sent)?;
//!
//! let hello = ClientHello::from_records(&sent)?;
//! assert_eq!(hello.server_name(), Some("example.com"));
//! assert!(hello.ja4().starts_with("t13d"));
//! # Ok(())
//! # }
//! ```

mod accept_language;
mod coherence;
mod compile;
mod deliverable;
mod digest;
mod document;
mod explain;
mod extension;
mod grease;
mod hello;
mod hello_error;
mod hex;
pub(crate) mod hpack;
pub(crate) mod http2;
mod installation;
mod ja3;
mod ja4;
mod learn;
mod load;
#[cfg(test)]
mod load_tests;
mod model;
mod opening;
mod policy;
mod profile_error;
pub(crate) mod read;
mod record;
pub(crate) mod requests;
mod sample;
mod source;
pub(crate) mod template;
#[cfg(test)]
mod tests;
mod write;

pub use accept_language::AcceptLanguage;
pub use coherence::Contradiction;
pub use deliverable::{Deliverable, Missing};
pub(crate) use document::Registry;
pub use document::{Day, Provenance, ProvenanceKind};
pub use explain::Difference;
pub use extension::Extension;
pub use grease::is_grease;
pub use hello::ClientHello;
pub use hello_error::HelloError;
pub use http2::StreamPriority;
pub use learn::HelloCapture;
pub use load::{aliases, catalogue};
pub use model::Profile;
pub use opening::{Http1Head, Http2Header, Http2Opening, Http2Request, Priority};
pub use policy::{ProfilePolicy, ProfileSet};
pub use profile_error::ProfileError;
pub use sample::{SampleOptions, SampledHello};
pub use source::IntoProfile;
