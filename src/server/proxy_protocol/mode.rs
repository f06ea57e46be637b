//! Who has to begin with a PROXY header.

/// Who has to begin with a PROXY header, of version 1 or 2. Never does a listener guess whether there is one: who connects decides.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// Nobody. A header is not understood, and what is spoken on the listener refuses it.
    #[default]
    Off,
    /// Everybody, and only [trusted proxies](crate::server::ListenerBuilder::trusted_proxies) may connect. For listeners that nobody else
    /// should reach.
    Required,
    /// Trusted proxies. Everybody else is a client of its own, from whom a header is not understood.
    FromTrusted,
}
