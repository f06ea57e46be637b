//! A server that runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::accept::accept;
use super::builder::ListenerBuilder;
use super::census::Census;
use super::connection::House;
use super::handler::Handler;
use super::orders::Orders;
use crate::registry::Registry;

/// A server that runs. Dropping it [closes](Self::close) it.
#[derive(Debug)]
#[must_use = "dropping the server closes it"]
pub struct Server {
    local_addr: SocketAddr,
    registry: Registry,
    orders: Orders,
    tasks: TaskTracker,
    census: Arc<Census>,
}

/// What became of the connections of a server that was shut down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that ended by themselves within the deadline.
    pub drained: usize,
    /// Connections that were cut.
    pub cut: usize,
    /// How long it took.
    pub took: Duration,
}

impl Server {
    pub(super) fn start<H: Handler>(
        settings: ListenerBuilder,
        socket: TcpListener,
        local_addr: SocketAddr,
        runtime: Handle,
        handler: H,
    ) -> Self {
        let (orders, tasks) = (Orders::new(), TaskTracker::new());
        let census = Arc::new(Census::default());
        let registry = settings.registry.clone();
        let house = House::new(
            settings,
            handler,
            local_addr,
            runtime.clone(),
            tasks.clone(),
            Arc::clone(&census),
        );
        tasks.spawn_on(accept(socket, Arc::new(house), orders.follower()), &runtime);
        Self {
            local_addr,
            registry,
            orders,
            tasks,
            census,
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where its connections are registered, perhaps among others.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How many connections it has, handshaking ones included.
    pub fn connections(&self) -> usize {
        self.census.present()
    }

    /// How many tasks it has: one that accepts, one for each connection, one for each HTTP/2 stream
    /// that is being answered. Zero after a [`shutdown`](Self::shutdown).
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Tells all connections present to end when the requests under way are answered (HTTP/2: with
    /// GOAWAY, HTTP/1.1: with `Connection: close`), and goes on accepting. Those that handshake
    /// are told after it.
    ///
    /// Returns at once, and sets no deadline.
    pub fn drain_connections(&self) {
        self.orders.drain_present();
    }

    /// Ends the server in order: stops accepting, drains the connections as
    /// [`drain_connections`](Self::drain_connections) does, waits until they are gone or `deadline`
    /// has passed, and cuts the rest. Connections that handshake are cut at once.
    ///
    /// When it returns the port is free, and no task and no registry entry of this server is left.
    /// Calling it again finds nothing to do.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connections go on draining, without a deadline.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        let started = Instant::now();
        let (left, cut) = (self.census.left(), self.census.cut());
        self.orders.drain();
        self.tasks.close();
        if timeout(deadline, self.tasks.wait()).await.is_err() {
            self.orders.close();
            self.tasks.wait().await;
        }
        let cut = self.census.cut().saturating_sub(cut);
        let left = self.census.left().saturating_sub(left);
        ShutdownReport {
            drained: left.saturating_sub(cut),
            cut,
            took: started.elapsed(),
        }
    }

    /// Ends the server at once: stops accepting and cuts all connections.
    ///
    /// Returns before that is done; [`shutdown`](Self::shutdown) waits for it.
    pub fn close(&self) {
        self.orders.close();
        self.tasks.close();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}
