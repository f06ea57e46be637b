//! The addresses of one dial as they become known: permitted, in the order of preference. With a proxy, the proxy's.

use std::net::{IpAddr, SocketAddr};

use super::access::permitted;
use super::destination;
use super::dialer::{Dialer, Route};
use super::local_addresses::SystemChooses;
use super::origin::Scheme;
use crate::config::Protocols;
use crate::error::{Error, Result};
use crate::resolve::{Families, Lookup, Resolved};

/// Where a dial may go.
pub(super) struct Destinations<'a> {
    source: Option<Source<'a>>,
}

struct Source<'a> {
    dialer: &'a Dialer,
    route: &'a Route,
    addresses: Addresses<'a>,
    has_announced: bool,
}

enum Addresses<'a> {
    /// Once.
    Named(&'a [SocketAddr]),
    Asked {
        lookup: Lookup,
        last: Vec<SocketAddr>,
        denied: Option<Error>,
    },
}

impl<'a> Destinations<'a> {
    pub(super) fn begin(dialer: &'a Dialer, route: &'a Route) -> Result<Self> {
        let (resolver, origin) = (&dialer.resolver, &route.origin);
        let asked = |lookup| Addresses::Asked {
            lookup,
            last: Vec::new(),
            denied: None,
        };
        let addresses = match (&route.proxy, route.addresses.named()) {
            (Some(proxy), _) => {
                let lookup = resolver.begin(proxy.host(), proxy.port(), false);
                asked(lookup.map_err(of_the_proxy)?)
            }
            (None, Some(named)) => Addresses::Named(named),
            (None, None) => {
                let by_https = origin.scheme() == Scheme::Https;
                asked(resolver.begin(&origin.name(), origin.port(), by_https)?)
            }
        };
        Ok(Self {
            source: Some(Source {
                dialer,
                route,
                addresses,
                has_announced: false,
            }),
        })
    }

    /// None but those that are there already.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { source: None }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// All addresses that may be tried, the preferred first, when there are some to begin with, and again whenever there are others;
    /// `None` when no more will come. Cancel-safe.
    ///
    /// # Errors
    ///
    /// What leaves the dial without any address.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<SocketAddr>>> {
        let source = self.source.as_mut()?;
        let is_proxys = source.route.proxy.is_some();
        let next = match source.next().await {
            Some(Err(error)) if is_proxys => Some(Err(of_the_proxy(error))),
            next => next,
        };
        match next {
            Some(Ok(_)) => {
                if matches!(&self.source, Some(source) if source.is_exhausted()) {
                    self.source = None;
                }
            }
            Some(Err(_)) | None => self.source = None,
        }
        next
    }

    /// The dial needs no more: what is under way is left to the next.
    pub(super) fn park(&mut self) {
        if let Some(Source {
            addresses: Addresses::Asked { lookup, .. },
            ..
        }) = &mut self.source
        {
            lookup.park();
        }
    }
}

impl Source<'_> {
    fn is_exhausted(&self) -> bool {
        matches!(self.addresses, Addresses::Named(_))
    }

    async fn next(&mut self) -> Option<Result<Vec<SocketAddr>>> {
        loop {
            let (resolved, families) = match &mut self.addresses {
                Addresses::Named(named) => (
                    named.iter().copied().map(canonical).collect(),
                    Families::BOTH,
                ),
                Addresses::Asked {
                    lookup,
                    last,
                    denied,
                } => {
                    let resolved = match lookup.next().await {
                        Some(Ok(resolved)) => resolved,
                        Some(Err(error)) => return Some(Err(error)),
                        None => return denied.take().map(Err),
                    };
                    if !self.has_announced {
                        self.has_announced = announce(self.route, &resolved);
                    }
                    let families = resolved.families();
                    let addresses = resolved.into_addresses();
                    if *last == addresses {
                        continue;
                    }
                    last.clone_from(&addresses);
                    (addresses, families)
                }
            };
            let mut permitted = match permitted(&self.dialer.access(), resolved) {
                Ok(permitted) => permitted,
                Err(error) => match &mut self.addresses {
                    Addresses::Named(_) => return Some(Err(error)),
                    // Those of the other family may be others'.
                    Addresses::Asked { denied, .. } => {
                        *denied = Some(error);
                        continue;
                    }
                },
            };
            if let Addresses::Asked { denied, .. } = &mut self.addresses {
                *denied = None;
            }
            // Where there is no choice there is nothing to find out.
            if permitted.len() > 1 {
                let local = &self.dialer.local;
                destination::sort_many(&mut permitted, |to| match local.source(to) {
                    Ok(chosen) => chosen,
                    Err(SystemChooses) => destination::system_source(to),
                });
            }
            return Some(self.route.addresses.order(permitted, families));
        }
    }
}

/// Else it would seem to be the host's name that is not found, or the host's addresses that are denied.
fn of_the_proxy(error: Error) -> Error {
    let about = Error::new(error.kind()).with_detail(format!("the proxy's address: {error}"));
    let about = match error.address() {
        Some(address) => about.with_address(address),
        None => about,
    };
    about.with_source(error)
}

/// An IPv4 address written as an IPv6 one as what it is to the kernel, to limits and to lists; others keep their scope.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// Tells what the host's HTTPS records say that it speaks, where they say it and the server is to choose.
fn announce(route: &Route, resolved: &Resolved) -> bool {
    match resolved.announces_http2() {
        Some(speaks_http2) if route.protocols == Protocols::Any => {
            route.addresses.announced(speaks_http2);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_those_of_ipv4_and_scopes_stay() {
        for (given, wanted) in [
            ("[::ffff:192.0.2.7]:443", "192.0.2.7:443"),
            ("192.0.2.7:443", "192.0.2.7:443"),
            ("[fe80::1%3]:443", "[fe80::1%3]:443"),
        ] {
            let address = canonical(given.parse().unwrap());
            assert_eq!(address, wanted.parse().unwrap());
        }
    }
}
