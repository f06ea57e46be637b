//! What a name service is asked and what it answers.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::family::Family;
use super::service::Services;
use crate::error::Error;

/// A name service: asked for a host's addresses, it asks somebody else.
///
/// It is asked once for any number of simultaneous callers, and not again while its answer is valid; so it needs no
/// cache. It never sees addresses written as text, nor `localhost`.
pub trait Resolve: Debug + Send + Sync + 'static {
    /// Looks up the IPv4 and IPv6 addresses of `host`, which is an ASCII name in lower case. Where it ends with a dot, that was asked
    /// for: it is absolute, and not to be completed from a search list.
    ///
    /// A host that does not exist or has no address is an [`Answer`] too, [an empty one](Answer::none), so that it can
    /// say how long that holds.
    ///
    /// # Errors
    ///
    /// [`ResolveFailed`](crate::ErrorKind::ResolveFailed) or [`ResolveTimeout`](crate::ErrorKind::ResolveTimeout) when
    /// it could not be found out. An error is remembered for one second, and where there is a former answer to use
    /// instead, for up to half a minute.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when no caller waits for it any more, and must bear that.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer, Error>>;

    /// Whether [`resolve_family`](Self::resolve_family) is asked for each family by itself, at the same time, instead of
    /// [`resolve`](Self::resolve) for both: then connecting begins with the family whose answer comes first (RFC 8305 §3), and each
    /// answer is kept for its own time to live. Asked once.
    ///
    /// Unless it is written otherwise, it is not.
    fn tells_families_apart(&self) -> bool {
        false
    }

    /// Looks up the addresses of one family of `host`; that it has none is an empty [`Answer`], whatever it has of the other.
    ///
    /// Unless it is written otherwise, it is what [`resolve`](Self::resolve) answers, without the other family.
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve).
    ///
    /// # Cancel safety
    ///
    /// As of [`resolve`](Self::resolve).
    fn resolve_family<'a>(
        &'a self,
        host: &'a str,
        family: Family,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        let both = self.resolve(host);
        both.map(move |both| both.map(|both| both.of(family)))
            .boxed()
    }

    /// Looks up the HTTPS records (RFC 9460) of `host` for https at `port`, following aliases.
    ///
    /// Unless it is written otherwise, there are none.
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve). An error is harmless, and remembered for a minute.
    ///
    /// # Cancel safety
    ///
    /// As of [`resolve`](Self::resolve).
    fn services<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Services, Error>> {
        let _ = (host, port);
        ready(Ok(Services::none(Duration::MAX))).boxed()
    }
}

/// The addresses of a host and how long they may be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    addresses: Vec<IpAddr>,
    valid_for: Duration,
}

impl Answer {
    /// These addresses, valid for this long from now on.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, valid_for: Duration) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            valid_for,
        }
    }

    /// The knowledge that the host has no address, valid for this long from now on.
    pub fn none(valid_for: Duration) -> Self {
        Self::new([], valid_for)
    }

    /// The addresses of both families; empty when the host has none.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// How long the answer may be used from the moment it was given: the time to live of DNS.
    pub fn valid_for(&self) -> Duration {
        self.valid_for
    }

    /// What it says of one family.
    pub(super) fn of(&self, family: Family) -> Self {
        let addresses = self.addresses.iter().copied();
        Self::new(
            addresses.filter(|address| Family::of(*address) == family),
            self.valid_for,
        )
    }

    /// Whether the host has no address.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }
}
