//! What may change about a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::labels::Labels;
use super::{AddressGroup, Draft, Health, Identity, Protocol, State};

/// The part of an [`Entry`](super::Entry) that its owner sets, and by which it is indexed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Facts {
    pub(super) protocol: Protocol,
    pub(super) host: Option<Arc<str>>,
    pub(super) remote_addr: Option<SocketAddr>,
    /// Where it is not the peer's.
    pub(super) client_addr: Option<SocketAddr>,
    pub(super) local_addr: Option<SocketAddr>,
    pub(super) state: State,
    pub(super) health: Health,
    pub(super) identity: Identity,
    pub(super) labels: Labels,
    pub(super) closed_at: Option<Instant>,
}

impl Facts {
    pub(super) fn new(draft: Draft) -> Self {
        Self {
            protocol: draft.protocol,
            host: draft.host,
            remote_addr: draft.remote_addr,
            client_addr: None,
            local_addr: draft.local_addr,
            state: State::Connecting,
            health: Health::Healthy,
            identity: Identity::default(),
            labels: Labels::default(),
            closed_at: None,
        }
    }

    pub(super) fn address_group(&self) -> Option<AddressGroup> {
        self.remote_addr.map(AddressGroup::from)
    }

    /// When it ended, or `now` if it has not.
    pub(super) fn end(&self, now: Instant) -> Instant {
        self.closed_at.unwrap_or(now)
    }
}
