//! From an address to a connection that is ready for requests: TCP, a [proxy](Proxy) where there is one, TLS with ALPN, and for HTTP/2
//! the exchange of SETTINGS.
//!
//! Nothing here knows the pool. A dial is one future: dropping it closes what it had opened.

mod access;
mod address_policy;
mod destination;
mod destinations;
mod dialer;
mod end_entity;
mod failover;
mod handshaker;
mod http1;
mod http2;
mod local_addresses;
mod net;
mod origin;
mod outcome;
mod ping;
mod proxy;
mod race;
#[cfg_attr(turmoil, path = "simulated_socket.rs")]
mod socket;
mod steps;
mod stream;
mod tcp;
mod tls;
mod tls_info;
mod trust;
mod unverified;

#[cfg(test)]
pub(crate) use address_policy::AnyAddress;
pub(crate) use address_policy::{AddressPermit, AddressPolicy};
pub(crate) use dialer::{Dialer, Kind, Route};
pub(crate) use http1::{Http1Sender, RequestBody};
pub(crate) use http2::Http2Sender;
pub use local_addresses::{LocalAddressChoice, LocalAddresses};
pub(crate) use origin::OriginRef;
pub use origin::{Origin, Scheme};
pub use outcome::DialTiming;
pub(crate) use outcome::{Dialed, Driver, Sender};
pub(crate) use ping::Pinger;
pub use proxy::{Proxies, Proxy};
pub(crate) use socket::{Arrived, SocketView};
pub(crate) use stream::TakenStream;
pub use tls::TlsClient;
pub use tls_info::{TlsAnswers, TlsFingerprint, TlsInfo};
pub use trust::{ClientIdentity, Trust};
