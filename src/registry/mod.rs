//! A connection as both sides see it: the client's pool and the servers keep theirs here.
//!
//! "Which connections are open to this address?", "how many are draining?" and "close everything"
//! must have one answer whoever opened the connection. So a connection is described by orthogonal
//! axes ([`Direction`], [`Protocol`], [`State`], [`Activity`], [`Health`], [`Identity`]) and stands
//! in one [`Registry`], which finds it by each of them, counts in O(1), and tells
//! [subscribers](Registry::subscribe) what happens.
//!
//! * The owner of a connection holds its [`Registration`]; dropping it closes the record, so a
//!   connection cannot be leaked into the tables.
//! * Everybody else holds an [`Entry`], which can be read, counted on, and
//!   [asked to close](Entry::request_close), also after the connection is gone.
//! * The tables change when a connection opens, closes or changes its state, never per request:
//!   what happens per request is an atomic of the entry.
//!
//! The registry knows no sockets and closes none: it asks the owner to. It sets no limits either.
//!
//! ```
//! use std::sync::Arc;
//!
//! use hotpool::registry::{CloseReason, Direction, Draft, Protocol, Registry, State};
//!
//! let registry = Registry::new();
//! let host: Arc<str> = Arc::from("example.com");
//! let draft = Draft::new(Direction::Outbound, Protocol::Http2).host(host);
//! let registration = registry.register(draft);
//! registration.set_state(State::Open);
//!
//! let found = registry.by_host("example.com");
//! assert_eq!(found.len(), 1);
//! found[0].request_close(CloseReason::Requested);
//!
//! // The owner sees the request, closes its socket and lets go.
//! assert!(registration.is_close_requested());
//! drop(registration);
//! assert_eq!(registry.count(), 0);
//! assert_eq!(found[0].close_reason(), Some(CloseReason::Requested));
//! ```

mod address_group;
mod attributes;
mod axes;
mod builder;
mod closing;
mod draft;
mod entry;
mod event;
mod facts;
mod handle;
mod id;
mod identity;
mod index;
mod labels;
mod metered;
mod named;
mod reason;
mod recent;
mod registration;
mod select;
mod selector;
mod serialize;
mod shared;
mod snapshot;
mod stats;
mod sync;
mod tables;
#[cfg(test)]
mod tests;
mod totals;
mod users;

pub use address_group::AddressGroup;
pub use attributes::{AttributeError, Attributes};
pub use axes::{Activity, Direction, Health, Protocol, State};
pub use builder::RegistryBuilder;
pub use draft::Draft;
pub use entry::{ActivityGuard, Entry};
pub use event::{Event, Events};
pub use handle::Registry;
pub use id::ConnectionId;
pub use identity::Identity;
pub use labels::{LabelError, MAX_LABEL_LENGTH, MAX_LABELS};
pub use metered::Metered;
pub use reason::CloseReason;
pub use recent::{ClosedConnection, DEFAULT_RECENTLY_CLOSED};
pub use registration::Registration;
pub use selector::Selector;
pub use snapshot::Snapshot;
pub use stats::{Stats, StatsSnapshot};
pub use totals::{ProtocolStats, RegistryStats};
pub use users::{AuthenticateError, OnDuplicate};
