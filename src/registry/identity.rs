//! Who is on the other end.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::serialize::text;

/// Who the peer has proven to be. Empty until something is known. Serialized without the
/// certificate, which is kilobytes.
#[derive(Clone, Default, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Identity {
    /// The authenticated user.
    #[serde(serialize_with = "text")]
    pub user: Option<Arc<str>>,
    /// What the user is to be called. Not unique, and nothing is found by it.
    #[serde(serialize_with = "text")]
    pub display_name: Option<Arc<str>>,
    /// The peer's certificate in DER, or its SHA-256: whichever the owner keeps.
    #[serde(skip)]
    pub peer_certificate: Option<Arc<[u8]>>,
}

impl Identity {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the authenticated user.
    pub fn user(mut self, user: Arc<str>) -> Self {
        self.user = Some(user);
        self
    }

    /// Adds what the user is to be called.
    pub fn display_name(mut self, name: Arc<str>) -> Self {
        self.display_name = Some(name);
        self
    }

    /// Adds the peer's certificate, in DER or as its SHA-256.
    pub fn peer_certificate(mut self, certificate: Arc<[u8]>) -> Self {
        self.peer_certificate = Some(certificate);
        self
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Takes another user's place. A certificate was proven by the connection, whoever logs in on
    /// it: it stays unless there is another.
    pub(super) fn succeed(&mut self, new: Self) {
        let peer_certificate = new
            .peer_certificate
            .or_else(|| self.peer_certificate.take());
        *self = Self {
            peer_certificate,
            ..new
        };
    }
}

/// Gives the certificate's length only: a log line has no use for kilobytes of DER.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate_length = self.peer_certificate.as_ref().map(|bytes| bytes.len());
        f.debug_struct("Identity")
            .field("user", &self.user)
            .field("display_name", &self.display_name)
            .field("peer_certificate_length", &certificate_length)
            .finish()
    }
}
