//! What a caller holds.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::acquire::{Lease, Site};
use super::host::HostPool;
use super::info::ConnectionInfo;
use super::live::Live;
use crate::error::Result;

/// A connection, ready for a request; dropping it returns it to the pool.
///
/// An HTTP/2 connection is shared: this is the right to one of its streams. An HTTP/1.1 connection is lent to one caller at a time.
/// A response's body keeps that right until it has been read or dropped, also after the `Connection` itself is gone.
///
/// Several requests may be sent on one HTTP/2 `Connection` at the same time; together they count as one use. Where the server's limit
/// matters, get one for each.
///
/// What there is to know about it is in [`ConnectionInfo`], to which it dereferences.
pub struct Connection {
    lease: Lease,
    /// The same use, once exchanges share it with this handle.
    shared: OnceLock<Arc<Lease>>,
}

impl Connection {
    #[inline]
    pub(super) fn at(lease: Lease, site: Site) -> Self {
        lease.locate(site);
        Self::new(lease)
    }

    #[inline]
    pub(super) fn new(lease: Lease) -> Self {
        Self {
            lease,
            shared: OnceLock::new(),
        }
    }

    /// Notes where it was asked for.
    pub(super) fn locate(&self, site: Site) {
        self.lease.locate(site);
    }

    /// The use, for an exchange that may outlive this handle.
    pub(crate) fn share(&self) -> Arc<Lease> {
        Arc::clone(self.shared.get_or_init(|| Arc::new(self.lease.hand_over())))
    }

    /// The use itself.
    pub(super) fn into_lease(self) -> Lease {
        self.lease
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        self.lease.live()
    }

    /// The host that it is for.
    pub(super) fn host(&self) -> &Arc<HostPool> {
        self.lease.host()
    }

    /// Waits, on whatever runtime the caller is.
    pub(crate) async fn pause(&self, time: Duration) {
        self.lease.live().pause(time).await;
    }

    /// Whether requests with safe methods may be processed twice.
    pub(crate) fn replays_safe_methods(&self) -> bool {
        let shared = self.lease.host().shared();
        shared.is_some_and(|shared| shared.config().replay_safe_methods())
    }

    /// How often a request is sent again, unless its caller says otherwise.
    pub(crate) fn max_retries(&self) -> usize {
        let shared = self.lease.host().shared();
        shared.map_or(0, |shared| shared.config().max_retries())
    }

    /// Another connection to the same host, before `patience` has passed, or the pool's.
    ///
    /// Cancel-safe: nothing is held until it returns.
    pub(crate) async fn another(&self, patience: Option<Duration>) -> Result<Self> {
        self.lease.host().connection(patience).await
    }

    /// Whether the connection is another host's. If so, this host keeps to its own from now on.
    pub(crate) fn keep_apart(&self) -> bool {
        let is_guest = self.lease.is_guest();
        if is_guest {
            self.lease.host().keep_apart(self.lease.live());
        }
        is_guest
    }
}

impl Deref for Connection {
    type Target = ConnectionInfo;

    fn deref(&self) -> &ConnectionInfo {
        self.lease.info()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection")
            .field(self.lease.info())
            .finish()
    }
}
