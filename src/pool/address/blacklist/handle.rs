//! The blacklist in its user's hand.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::entry::BlacklistEntry;
use crate::config::canonical_network;
use crate::error::Result;
use crate::pool::handle::Pool;
use crate::pool::shared::Shared;

/// A pool's blacklist: the addresses that it leaves alone for a while.
///
/// It fills itself: an address at which [`blacklist_after`](crate::config::Config::blacklist_after) dials in a row fail is listed
/// for [`blacklist_term`](crate::config::Config::blacklist_term), then probed by a single connection; while that fails, each term is
/// twice as long, up to [`max_blacklist_term`](crate::config::Config::max_blacklist_term). Failures to connect list the address for
/// all hosts, failures in TLS or HTTP/2's opening for the host that was dialed. As many connections that end one after the other, within
/// a minute of use, because nothing answers a PING on them list it for all hosts, because probes fail for their host.
///
/// It is a preference. When it covers all addresses of a host, the least bad one is tried rather than none: one that failed before
/// one that somebody added, and of several the one that was tried least. What must never be dialed belongs on an
/// [`AccessList`](crate::resolve::AccessList), which knows no exception.
///
/// Being listed keeps new connections from an address; those that are open stay.
#[derive(Clone, Debug)]
pub struct BlacklistHandle(Arc<Shared>);

impl Pool {
    /// The addresses that are left alone for a while; to look at and to change.
    pub fn blacklist(&self) -> BlacklistHandle {
        BlacklistHandle(Arc::clone(self.shared()))
    }
}

impl BlacklistHandle {
    /// Lists an address or network, at all ports and for all hosts: for `term`, or until it is [removed](Self::remove). One that is
    /// listed already has the new term.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::net::IpAddr;
    /// # use std::time::Duration;
    /// let pool = hotpool::Pool::builder().build()?;
    /// pool.blacklist().add("192.0.2.7".parse::<IpAddr>()?, Some(Duration::from_secs(60)))?;
    /// assert_eq!(pool.blacklist().list().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) when 4,096 are listed this way.
    pub fn add(&self, network: impl Into<IpNet>, term: Option<Duration>) -> Result<()> {
        self.0
            .book
            .blacklist_add(canonical_network(network.into()), term)
    }

    /// Takes an address or network off: what was added as such, and the addresses within it that failed. What failed is forgotten
    /// too, so that it is listed anew only after as many failures. False when there was nothing of it.
    pub fn remove(&self, network: impl Into<IpNet>) -> bool {
        self.0
            .book
            .blacklist_remove(canonical_network(network.into()))
    }

    /// What is listed or on probation now, by address.
    pub fn list(&self) -> Vec<BlacklistEntry> {
        self.0.book.blacklist_entries(&self.0.config())
    }
}
