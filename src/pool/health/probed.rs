//! What probing a host needs of it.

use std::sync::{Arc, Weak};

use crate::error::Result;
use crate::pool::acquire::Lease;
use crate::pool::connection::Connection;
use crate::pool::handle::Pool;
use crate::pool::host::HostPool;
use crate::pool::shared::Shared;
use crate::pool::target::{AsTarget, Target};
use crate::registry::CloseReason;

/// A host whose connections are probed, whatever becomes of what the pool knows of it: that is forgotten while nobody uses the host, and
/// another one's under another profile.
#[derive(Debug)]
pub(crate) struct ProbedHost {
    target: Target,
    shared: Weak<Shared>,
}

impl Pool {
    /// # Errors
    ///
    /// [`InvalidTarget`](crate::ErrorKind::InvalidTarget).
    pub(crate) fn probed_host(&self, target: &impl AsTarget) -> Result<ProbedHost> {
        Ok(ProbedHost {
            target: Target::of(target)?,
            shared: Arc::downgrade(self.shared()),
        })
    }

    /// Runs a task among the pool's; it ends with the pool.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let shared = self.shared();
        let ending = shared.ending.clone();
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
        let Some(host) = self.host() else {
            return Vec::new();
        };
        let connections = host.connections();
        let leases = connections.iter().filter_map(Lease::try_new);
        leases.map(Connection::new).collect()
    }

    /// Until this is dropped, the host is one that fails its probes.
    pub(crate) fn fails(&self) -> Option<FailsProbes> {
        let host = self.host()?;
        host.note_probes_failing(true);
        Some(FailsProbes(Arc::downgrade(&host)))
    }

    /// What the pool knows of it now, if anything.
    fn host(&self) -> Option<Arc<HostPool>> {
        let shared = self.shared.upgrade()?;
        let found = shared.with_key(&self.target, |key| shared.hosts.with(key, Arc::clone));
        found.ok().flatten()
    }
}

/// See [`ProbedHost::fails`].
#[derive(Debug)]
pub(crate) struct FailsProbes(Weak<HostPool>);

impl Drop for FailsProbes {
    fn drop(&mut self) {
        if let Some(host) = self.0.upgrade() {
            host.note_probes_failing(false);
        }
    }
}

impl Connection {
    /// It did not answer as it should: nobody new gets it.
    pub(crate) fn fail_probe(&self) {
        let live = self.live();
        live.suspect();
        live.drain(CloseReason::Unhealthy);
    }
}
