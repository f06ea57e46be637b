//! What HTTPS records tell of an origin's servers (RFC 9460).

use std::net::IpAddr;
use std::time::Duration;

/// One way to reach an origin, from an HTTPS record in ServiceMode.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Service {
    /// Lower is preferred; never 0.
    pub priority: u16,
    /// The host that offers it, where that is another than the one asked for.
    pub target: Option<Box<str>>,
    /// Its port, where that is another than the origin's.
    pub port: Option<u16>,
    /// The protocols that it speaks, by their ALPN names, `http/1.1` included where it is implied (RFC 9460 §7.1.1).
    pub protocols: Vec<Box<str>>,
    /// Addresses that it is likely to have, for use until those of its name are known (RFC 9460 §7.3).
    pub address_hints: Vec<IpAddr>,
    /// Whether it can decrypt Encrypted Client Hellos. They are not sent.
    pub has_ech: bool,
}

impl Service {
    /// Whether it speaks a protocol that runs over TCP, as far as is said: others are for other clients (RFC 9460 §7.1.2).
    pub(super) fn is_over_tcp(&self) -> bool {
        self.protocols.is_empty() || self.speaks(HTTP2) || self.speaks(HTTP1)
    }

    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| **known == *protocol)
    }
}

/// What the HTTPS records of an origin say and how long that may be used.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Services {
    services: Vec<Service>,
    alias: Option<Box<str>>,
    valid_for: Duration,
}

impl Services {
    /// These services, valid for this long from now on. Those preferred come first, whatever order they are given in.
    pub fn new(services: impl IntoIterator<Item = Service>, valid_for: Duration) -> Self {
        let mut services: Vec<_> = services.into_iter().collect();
        services.sort_by_key(|service| service.priority);
        services.truncate(MAX_SERVICES);
        Self {
            services,
            alias: None,
            valid_for,
        }
    }

    /// The knowledge that there are no HTTPS records, valid for this long from now on.
    pub fn none(valid_for: Duration) -> Self {
        Self::new([], valid_for)
    }

    /// Says that the host is another's alias, at whose name the services were found.
    #[must_use]
    pub fn with_alias(mut self, target: impl Into<Box<str>>) -> Self {
        self.alias = Some(target.into());
        self
    }

    /// The services, the preferred first.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The host for which the one asked for is an alias, where its record is one in AliasMode.
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// How long the answer may be used from the moment it was given.
    pub fn valid_for(&self) -> Duration {
        self.valid_for
    }

    /// The protocols of those services that are at the host and port asked for, or at that of which it is an alias; `None` where no
    /// record is about them.
    pub(super) fn protocols_at_origin(&self) -> Option<Vec<Box<str>>> {
        let mut protocols: Option<Vec<Box<str>>> = None;
        let here = |service: &&Service| service.target.is_none() && service.port.is_none();
        for service in self.services.iter().filter(here) {
            let known = protocols.get_or_insert_default();
            for protocol in &service.protocols {
                if !known.contains(protocol) {
                    known.push(protocol.clone());
                }
            }
        }
        protocols
    }

    /// Those that this client could use, the preferred first.
    pub(super) fn over_tcp(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| service.is_over_tcp())
    }

    /// A name that has the addresses where the one asked for has none, and the port there, where that is another than the origin's:
    /// those of the preferred service that is not at the name asked for.
    pub(super) fn elsewhere(&self) -> Option<(&str, Option<u16>)> {
        let alias = self.alias();
        let mut places = self.over_tcp().filter_map(|service| {
            let name = service.target.as_deref().or(alias)?;
            Some((name, service.port))
        });
        places.next().or_else(|| Some((alias?, None)))
    }
}

/// ALPN names.
pub(super) const HTTP2: &str = "h2";
pub(super) const HTTP1: &str = "http/1.1";

/// More than an origin publishes, and more than a dial can use.
const MAX_SERVICES: usize = 16;
