//! What a proxy is asked to connect to.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::server::Proxy;
use crate::dial::access::permitted;
use crate::dial::destination::interleave;
use crate::dial::dialer::{Dialer, Route};
use crate::error::{Error, ErrorKind, Result};

/// Of a host that was resolved here, each costs a connection to the proxy; more would take longer than callers wait.
const MOST_ADDRESSES: usize = 4;

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Asked<'a> {
    /// With the trailing dot that keeps a name service from completing it, if it was written so.
    Name(Cow<'a, str>, u16),
    Address(SocketAddr),
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// The host by name, or its addresses in turn.
#[derive(Debug)]
pub(in crate::dial) struct Targets(Known);

#[derive(Debug)]
enum Known {
    Name,
    /// Never empty.
    Addresses(VecDeque<SocketAddr>),
}

impl Targets {
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// What keeps the host's addresses from being known, where they must be, and [`AddressDenied`](crate::ErrorKind::AddressDenied)
    /// where the access list denies all of them.
    pub(in crate::dial) async fn find(
        dialer: &Dialer,
        route: &Route,
        proxy: &Proxy,
    ) -> Result<Self> {
        let (host, port) = (route.origin.host(), route.origin.port());
        let addresses = match (route.addresses.named(), host.parse::<IpAddr>()) {
            (Some(named), _) => named.to_vec(),
            (None, Ok(address)) => vec![SocketAddr::new(address, port)],
            (None, Err(_)) if !proxy.resolves_here() => return Ok(Self(Known::Name)),
            (None, Err(_)) => {
                let name = route.origin.name();
                dialer.resolver.look_up(&name, port).await?.into_addresses()
            }
        };
        let permitted = permitted(&dialer.access(), addresses)?;
        let addresses = interleave(&permitted, None, MOST_ADDRESSES);
        match addresses.is_empty() {
            // The proxy must not be asked for the name instead.
            true => Err(Error::new(ErrorKind::HostNotFound)),
            false => Ok(Self(Known::Addresses(addresses.into()))),
        }
    }

    pub(super) fn current<'a>(&self, route: &'a Route) -> Asked<'a> {
        match self.address() {
            Some(address) => Asked::Address(address),
            None => Asked::Name(route.origin.name(), route.origin.port()),
        }
    }

    /// The address that the proxy is asked for, where that is known here.
    pub(in crate::dial) fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Known::Name => None,
            Known::Addresses(addresses) => addresses.front().copied(),
        }
    }

    /// Goes on to the next; false when there is none.
    pub(in crate::dial) fn advance(&mut self) -> bool {
        match &mut self.0 {
            Known::Name => false,
            Known::Addresses(addresses) => {
                if addresses.len() < 2 {
                    return false;
                }
                addresses.pop_front();
                true
            }
        }
    }
}
