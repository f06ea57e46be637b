//! What a resolver answers.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::family::Families;
use super::service::{HTTP1, HTTP2, Services};

/// Addresses to connect to, and what else is known.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) valid_until: Option<Instant>,
    pub(super) is_stale: bool,
    pub(super) services: Option<Arc<Services>>,
    pub(super) families: Families,
}

impl Resolved {
    pub(super) fn fixed(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            valid_until: None,
            is_stale: false,
            services: None,
            families: Families::BOTH,
        }
    }

    /// At least one; the order says nothing about preference.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses, taken out.
    pub fn into_addresses(self) -> Vec<SocketAddr> {
        self.addresses
    }

    /// Until when they may be used without asking again; `None` where that does not end: overrides, addresses written as text and
    /// `localhost`.
    pub fn valid_until(&self) -> Option<Instant> {
        self.valid_until
    }

    /// The families of which the name service has said what the host has.
    pub(crate) fn families(&self) -> Families {
        self.families
    }

    /// Whether they have run out, those of both families, and are used because the name service fails or is slow (RFC 8767).
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// What the origin's HTTPS records say; `None` where they were not asked for or not answered in time.
    pub fn services(&self) -> Option<&Services> {
        self.services.as_deref()
    }

    /// Whether the origin's HTTPS records say that its server speaks a protocol, by its ALPN name; `None` where they say nothing. It
    /// is a hint: what counts is what the server agrees to.
    pub fn speaks(&self, protocol: &str) -> Option<bool> {
        let protocols = self.services()?.protocols_at_origin()?;
        Some(protocols.iter().any(|known| **known == *protocol))
    }

    /// Whether the origin's HTTPS records announce HTTP/2 (true) or HTTP/1.1 alone (false) for connections over TCP.
    pub(crate) fn announces_http2(&self) -> Option<bool> {
        let speaks = |protocol| self.speaks(protocol) == Some(true);
        match (speaks(HTTP2), speaks(HTTP1)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}
