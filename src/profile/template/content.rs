//! One extension of a template.

use super::ech::EchTemplate;
use super::value::Value;

/// An extension in its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ExtensionTemplate {
    pub(crate) id: Value,
    pub(crate) content: Content,
    /// Whether it stays in its place where the others are permuted.
    pub(crate) pinned: bool,
    pub(crate) presence: Presence,
}

/// When an extension is sent, beyond what its content needs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Presence {
    #[default]
    Always,
    /// Not beside a pre-shared key.
    NotResuming,
}

/// The body of an extension.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// The protocols of the profile that the connection wants, if any.
    Alpn(Vec<Box<[u8]>>),
    /// Those of the protocols for which there are settings, if ALPN offers any of them.
    ApplicationSettings(Vec<Box<[u8]>>),
    /// The same in every hello.
    Bytes(Box<[u8]>),
    /// If the server sent one.
    Cookie,
    /// If offered.
    EarlyData,
    Ech(EchTemplate),
    /// The groups for which keys are sent.
    KeyShare(Vec<Value>),
    /// A list with a length of one byte.
    List8(Vec<Value>),
    /// A list with a length of two bytes.
    List16(Vec<Value>),
    /// Zeros up to `length` for a hello of at least `from` bytes and less than `length`, handshake header included (RFC 7685).
    Padding {
        from: usize,
        length: usize,
    },
    /// If there is one.
    PreSharedKey,
    /// If the host is a name.
    ServerName,
    /// The ticket, or nothing.
    SessionTicket,
    /// Identifiers of trust anchors, in an order that is the installation's own if `shuffled`.
    TrustAnchors {
        ids: Vec<Box<[u8]>>,
        shuffled: bool,
    },
}
