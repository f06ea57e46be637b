//! What probing a host needs of it.

use std::sync::{Arc, Weak};

use super::connection::Connection;
use super::handle::Pool;
use super::host::HostPool;
use super::lease::Lease;
use super::target::AsTarget;
use crate::error::Result;
use crate::registry::CloseReason;

/// A host whose connections are probed, as long as it lives.
#[derive(Clone, Debug)]
pub(crate) struct ProbedHost {
    host: Weak<HostPool>,
}

impl Pool {
    pub(crate) fn probed_host(&self, target: impl AsTarget) -> Result<Probed> {
        self.host_pool(&target).map(Probed)
    }
}

/// The same before the probing begins.
#[derive(Debug)]
pub(crate) struct Probed(Arc<HostPool>);

impl Probed {
    /// Runs a task among the pool's; it ends with the pool.
    pub(crate) fn spawn<F>(self, task: impl FnOnce(ProbedHost) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(shared) = self.0.shared() else {
            return;
        };
        let ending = shared.ending.clone();
        let task = task(ProbedHost {
            host: Arc::downgrade(&self.0),
        });
        let until_the_end = async move {
            tokio::select! {
                biased;
                () = ending.cancelled() => {}
                () = task => {}
            }
        };
        shared.tasks.spawn_on(until_the_end, &shared.runtime);
    }
}

impl ProbedHost {
    /// A use of each connection that has one to spare.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        let Some(host) = self.host.upgrade() else {
            return Vec::new();
        };
        let connections = host.connections();
        let leases = connections.iter().filter_map(Lease::try_new);
        leases.map(Connection::new).collect()
    }
}

impl Connection {
    /// It did not answer as it should: nobody new gets it.
    pub(crate) fn fail_probe(&self) {
        let live = self.live();
        live.suspect();
        live.answered_badly();
        live.drain(CloseReason::Unhealthy);
    }
}
