//! A connection as both sides see it: the client's pool and the servers keep theirs here.
//!
//! "Which connections are open to this address?", "how many are draining?" and "close everything"
//! must have one answer whoever opened the connection. So a connection is described by orthogonal
//! axes ([`Direction`], [`Protocol`], [`State`], [`Activity`], [`Health`], [`Identity`], labels) and
//! stands in one [`Registry`], which [finds](Registry::select) it by any of them and what is put
//! together from them, counts most in O(1), and tells [subscribers](Registry::subscribe) what
//! happens.
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
//!
//! # For those who come from another connection manager
//!
//! | there | here |
//! |---|---|
//! | add, remove, get a connection | [`Registry::register`]; [`Registration::close`] or its drop; [`Registry::entry`] |
//! | get by type, state, user, socket | [`by_protocol`](Registry::by_protocol), [`by_state`](Registry::by_state), [`by_user`](Registry::by_user), [`by_address`](Registry::by_address); anything else: [`select`](Registry::select) |
//! | count, count of a type or state | [`count`](Registry::count), `count_by_…`, [`count_where`](Registry::count_where) |
//! | all connections, in pages | [`entries`](Registry::entries), [`page`](Registry::page), [`snapshot`](Registry::snapshot) |
//! | group of an IP address | [`AddressGroup`], [`by_address_group`](Registry::by_address_group) |
//! | close idle ones, of a type, all | [`close_idle`](Registry::close_idle), [`close_where`](Registry::close_where), [`close_all`](Registry::close_all) |
//! | force a close | [`CloseReason`] says why; how hard is the owner's business, who has the socket |
//! | disconnected, connecting, connected, disconnecting, error | [`State::Closed`], [`Connecting`](State::Connecting) and [`Handshaking`](State::Handshaking), [`Open`](State::Open), [`Draining`](State::Draining), closed with [`CloseReason::is_error`] |
//! | active, idle, in a pool each | [`Activity`], derived: an entry cannot be in the wrong pool |
//! | authenticate a user | [`Registry::authenticate`]; one connection per user or many: [`OnDuplicate`]; one per address: [`register_among`](Registry::register_among) |
//! | online users, kick or disconnect one | [`online_users`](Registry::online_users), [`kick`](Registry::kick) |
//! | last activity, touch, expired | [`Entry::idle_for`]: what was received, not what was sent; to touch, [`record_received(0)`](Stats::record_received) |
//! | duration, created at | [`Entry::age`], [`Entry::opened_at`] |
//! | update a connection's statistics | [`Entry::stats`], or [`Metered`] around its socket; without either, none are kept |
//! | context, metadata, claims | [`Attributes`]; what is to be found by: [labels](Registry::add_label) |
//! | global statistics, pool status | [`Registry::stats`]: total is [`opened`](RegistryStats::opened), active is [`present`](RegistryStats::present), by protocol [`of_protocol`](RegistryStats::of_protocol); one count of messages is the sum of both |
//! | added, removed, state, timeout, error callbacks | [`Event`]: removed with [`is_timeout`](CloseReason::is_timeout) or [`is_error`](CloseReason::is_error); a callback is a task of the subscriber's |
//! | closed history | [`recently_closed`](Registry::recently_closed) |
//! | maximum, timeout, cleanup interval | settings of the pool and of listeners, who close what is theirs |

mod address_group;
mod attributes;
mod axes;
mod builder;
mod closing;
mod draft;
mod duplicate;
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
pub use duplicate::{Duplicate, OnDuplicate};
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
pub use users::AuthenticateError;
