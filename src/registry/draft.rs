//! What is known of a connection when it is registered.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Direction, Protocol};

/// What is known of a connection before it has an id. What is left out can be
/// [set](super::Registration) later.
#[derive(Clone, Debug)]
#[must_use = "a draft is nothing until it is registered"]
pub struct Draft {
    pub(super) direction: Direction,
    pub(super) protocol: Protocol,
    pub(super) host: Option<Arc<str>>,
    pub(super) remote_addr: Option<SocketAddr>,
    pub(super) local_addr: Option<SocketAddr>,
}

impl Draft {
    /// A connection opened in `direction`, on which `protocol` is spoken as far as is known.
    pub fn new(direction: Direction, protocol: Protocol) -> Self {
        Self {
            direction,
            protocol,
            host: None,
            remote_addr: None,
            local_addr: None,
        }
    }

    /// The host it is for: outbound the one dialled, inbound the one asked for. Kept and looked up
    /// as given, so write it in lower case and without the port. Default: none.
    pub fn host(mut self, host: Arc<str>) -> Self {
        self.host = Some(host);
        self
    }

    /// The peer's address. Default: none.
    pub fn remote_addr(mut self, address: SocketAddr) -> Self {
        self.remote_addr = Some(address);
        self
    }

    /// Our address. Default: none.
    pub fn local_addr(mut self, address: SocketAddr) -> Self {
        self.local_addr = Some(address);
        self
    }
}
