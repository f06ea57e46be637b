//! What stands between resolution and the race: which addresses may be tried, in which order, and how they fared.

use std::any::Any;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::resolve::Families;

/// What is known of addresses beyond their names; asked during a dial.
pub(crate) trait AddressPolicy: Debug + Send + Sync {
    /// Addresses that the caller named: the host is not resolved.
    fn named(&self) -> Option<&[SocketAddr]> {
        None
    }

    /// Those that may be tried, the preferred first. An error where none may.
    ///
    /// What was resolved comes in the order of RFC 6724, without what the access list denies. Of what is returned the families are
    /// taken in turn, beginning with the first address's, and no more than sixteen are tried. Called again when the name service has
    /// named more during the dial; `families` are those of which it is known what the host has.
    fn order(&self, resolved: Vec<SocketAddr>, families: Families) -> Result<Vec<SocketAddr>>;

    /// An attempt is to begin. An error when a limit forbids it for now: the race goes on with the next address. What is returned is
    /// kept as long as the attempt and, if that wins, the connection.
    fn begin(&self, address: SocketAddr) -> Result<AddressPermit>;

    /// The host's HTTPS records say whether its server speaks HTTP/2. Called at most once a dial, before or during its attempts, and
    /// only where the protocol is left to the server.
    fn announced(&self, _speaks_http2: bool) {}

    /// How an attempt ended: at TCP, TLS or HTTP/2's opening; if well, how long all of that took. Not called for attempts that lost a
    /// race or were given up, nor for failures that are this machine's.
    fn ended(&self, address: SocketAddr, outcome: std::result::Result<Duration, &Error>);
}

/// Given back on drop.
pub(crate) type AddressPermit = Box<dyn Any + Send + Sync>;

/// All addresses, in the resolver's order, without a limit.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnyAddress;

#[cfg(test)]
impl AddressPolicy for AnyAddress {
    fn order(&self, resolved: Vec<SocketAddr>, _: Families) -> Result<Vec<SocketAddr>> {
        Ok(resolved)
    }

    fn begin(&self, _: SocketAddr) -> Result<AddressPermit> {
        Ok(Box::new(()))
    }

    fn ended(&self, _: SocketAddr, _: std::result::Result<Duration, &Error>) {}
}
