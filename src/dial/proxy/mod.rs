//! Proxies: which one a connection leads through, and how a tunnel through it is opened.
//!
//! Always a tunnel, for `http` too: the proxy is asked by CONNECT (RFC 9110 §9.3.6) or SOCKS5 (RFC 1928) to connect to the host, and
//! from then on passes bytes. So the profile's hello goes to the host, inside, and the proxy sees nothing of it but its bytes.

mod answer;
mod connect;
mod credentials;
mod environment;
mod hosts;
mod proxies;
mod server;
mod socks5;
mod targets;
mod tunnel;
mod url;

pub use proxies::Proxies;
pub use server::Proxy;
pub(super) use targets::Targets;
pub(super) use tunnel::Carrier;
