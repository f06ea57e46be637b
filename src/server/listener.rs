//! A socket that listens and does not serve yet.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::builder::ListenerBuilder;
use super::handle::Server;
use super::handler::Handler;
use crate::registry::Registry;

/// A bound socket. Clients that connect wait in the system's backlog until it serves.
#[derive(Debug)]
#[must_use = "a listener accepts nobody until it serves"]
pub struct Listener {
    settings: ListenerBuilder,
    socket: TcpListener,
    local_addr: SocketAddr,
    runtime: Handle,
}

impl Listener {
    /// Sets up a listener.
    pub fn builder() -> ListenerBuilder {
        ListenerBuilder::default()
    }

    pub(super) fn new(
        settings: ListenerBuilder,
        socket: TcpListener,
        local_addr: SocketAddr,
        runtime: Handle,
    ) -> Self {
        Self {
            settings,
            socket,
            local_addr,
            runtime,
        }
    }

    /// Where it listens, with the port that the system chose if none was given.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where the connections will be registered.
    pub fn registry(&self) -> &Registry {
        &self.settings.registry
    }

    /// Accepts connections from now on and lets `handler` answer their requests, until the server
    /// is shut down, closed or dropped.
    pub fn serve<H: Handler>(self, handler: H) -> Server {
        Server::start(
            self.settings,
            self.socket,
            self.local_addr,
            self.runtime,
            handler,
        )
    }
}
