//! A ClientHello with holes: what a profile fixes, and where a connection's own values go.
//!
//! [`HelloTemplate`] is the checked form of a profile's `client_hello`. [`HelloTemplate::draw`] draws what the client draws at
//! random, once per connection; [`HelloTemplate::render`] puts template, draw and the connection's own values together. A hello
//! after a HelloRetryRequest is rendered from the same draw, so that it repeats whatever its client would repeat.

mod content;
mod draw;
mod ech;
mod identity;
mod inner;
mod inputs;
mod offer;
mod order;
mod render;
mod value;

pub(crate) use content::{Content, ExtensionTemplate, Presence};
pub(crate) use draw::HelloDraw;
pub(crate) use ech::{EchDraw, EchKey, EchPayload, EchTemplate};
pub(crate) use inputs::{HelloInputs, KeyShares, PreSharedKey};
pub(crate) use offer::{HybridKey, listed_key_length};
pub(crate) use order::in_places;
pub(crate) use render::{HelloTooLong, SessionId, inner_payload_length};
pub(crate) use value::{Slot, Value};

/// What a client's hellos have in common.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HelloTemplate {
    /// In the header of the record that carries a first hello.
    pub(crate) record_version: u16,
    /// In the header of the record that carries a hello after a HelloRetryRequest.
    pub(crate) retry_record_version: u16,
    pub(crate) legacy_version: u16,
    pub(crate) session_id: SessionId,
    pub(crate) cipher_suites: Vec<Value>,
    pub(crate) compression_methods: Vec<u8>,
    /// In their order, or in the one that those of a permuting client are listed in.
    pub(crate) extensions: Vec<ExtensionTemplate>,
    /// What GREASE values are drawn for.
    pub(crate) slots: Vec<Slot>,
    pub(crate) hybrid_key: HybridKey,
    /// How long the keys are of groups in which nobody here has any.
    pub(crate) key_lengths: Vec<(u16, usize)>,
}
