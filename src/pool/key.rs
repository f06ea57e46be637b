//! What makes two connections interchangeable.
//!
//! A pool that forgets one of these parts hands a request to a connection that was made under other rules; that is a known class
//! of vulnerabilities (curl's CVE-2016-5420, CVE-2026-4873, CVE-2026-8932). All parts are compared in full, never by hash alone.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use super::profiles::{Look, LookRef};
use crate::config::Protocols;
use crate::dial::{Kind, Origin, OriginRef, Proxy, Scheme, TlsClient};
use crate::registry::Protocol;

/// Everything about a connection that its caller chose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct HostKey {
    /// Scheme, server name and port.
    pub(super) origin: Origin,
    /// What its connections are made ready for.
    pub(super) kind: Kind,
    /// The ALPN set.
    pub(super) protocols: Protocols,
    /// Verification policy and client identity.
    pub(super) tls: TlsClient,
    pub(super) look: Look,
    pub(super) partition: Option<Arc<str>>,
    /// What it leads through.
    pub(super) proxy: Option<Proxy>,
    /// The only addresses it may lead to, if its caller named them.
    pub(super) addresses: Option<Arc<[SocketAddr]>>,
}

/// A connection's key: what its caller chose, and the address it came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    pub(super) host: Arc<HostKey>,
    pub(super) address: SocketAddr,
}

/// A [`HostKey`] that borrows, so that looking one up costs no allocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostKeyRef<'a> {
    pub(super) origin: OriginRef<'a>,
    pub(super) kind: Kind,
    pub(super) protocols: Protocols,
    pub(super) tls: &'a TlsClient,
    pub(super) look: LookRef<'a>,
    pub(super) partition: Option<&'a str>,
    pub(super) proxy: Option<&'a Proxy>,
    pub(super) addresses: Option<&'a Arc<[SocketAddr]>>,
}

impl HostKey {
    pub(super) fn borrowed(&self) -> HostKeyRef<'_> {
        HostKeyRef {
            origin: self.origin.as_ref(),
            kind: self.kind,
            protocols: self.protocols,
            tls: &self.tls,
            look: self.look.borrowed(),
            partition: self.partition.as_deref(),
            proxy: self.proxy.as_ref(),
            addresses: self.addresses.as_ref(),
        }
    }

    /// Whose name and port are resolved for its connections: the proxy's, or the host's own.
    pub(super) fn connected_to(&self) -> (Cow<'_, str>, u16) {
        match &self.proxy {
            Some(proxy) => (proxy.host().into(), proxy.port()),
            None => (self.origin.name(), self.origin.port()),
        }
    }

    /// What its connections are made with: their sessions are those of its partition, or of its proxy.
    pub(super) fn dialed_with(&self) -> TlsClient {
        match (&self.partition, &self.proxy) {
            (None, Some(proxy)) => proxy.sessions_of(&self.tls),
            _ => self.tls.clone(),
        }
    }

    /// The protocol that its connections speak, where that needs no agreement.
    pub(super) fn only_protocol(&self) -> Option<Protocol> {
        match (self.protocols, self.origin.scheme()) {
            _ if self.kind == Kind::Stream => Some(self.origin.scheme().transport()),
            (Protocols::Http1, _) | (Protocols::Any, Scheme::Http) => Some(Protocol::Http1),
            (Protocols::Http2, _) => Some(Protocol::Http2),
            (Protocols::Any, Scheme::Https) => None,
        }
    }
}

impl HostKeyRef<'_> {
    /// The same, made ready for something else.
    pub(super) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn to_owned(self) -> HostKey {
        HostKey {
            origin: self.origin.to_owned(),
            kind: self.kind,
            protocols: self.protocols,
            // A session ticket is recognised by the server that gave it: partitions must not present each other's.
            tls: match self.partition {
                Some(_) => self.tls.isolated(),
                None => self.tls.clone(),
            },
            look: self.look.to_owned(),
            partition: self.partition.map(Arc::from),
            proxy: match self.partition {
                Some(_) => self.proxy.map(Proxy::isolated),
                None => self.proxy.cloned(),
            },
            addresses: self.addresses.cloned(),
        }
    }
}

impl PartialEq<HostKey> for HostKeyRef<'_> {
    fn eq(&self, other: &HostKey) -> bool {
        self.origin == other.origin
            && self.kind == other.kind
            && self.protocols == other.protocols
            && self.look == other.look
            && self.partition == other.partition.as_deref()
            && self.proxy == other.proxy.as_ref()
            && self.addresses == other.addresses.as_ref()
            && self.tls == &other.tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::Trust;
    use crate::profile::{Profile, ProfilePolicy, ProfileSet};

    #[test]
    fn every_part_separates() {
        let tls = TlsClient::new(Trust::webpki(), None).unwrap();
        let other_tls = TlsClient::new(Trust::dangerous_accept_any_certificate(), None).unwrap();
        let profile = Profile::rustls();
        let base = HostKeyRef {
            origin: OriginRef::parse("example.com").unwrap(),
            kind: Kind::Requests,
            protocols: Protocols::Any,
            tls: &tls,
            look: LookRef::One(&profile),
            partition: None,
            proxy: None,
            addresses: None,
        };
        let proxies = ["http://p:1", "http://user@p:1"].map(|url| Proxy::parse(url).unwrap());
        let set = |names: [&str; 2]| ProfileSet::new(names).unwrap();
        let drawn = ["chrome", "firefox"];
        let drawn = [
            ProfilePolicy::Random(set(drawn)),
            ProfilePolicy::Weighted(set(drawn)),
            ProfilePolicy::Random(set(["chrome", "safari"])),
        ];
        let pool: Arc<[SocketAddr]> = [SocketAddr::from(([127, 0, 0, 1], 443))].into();
        let key = base.to_owned();
        assert!(base == key);
        let others = [
            HostKeyRef {
                origin: OriginRef::parse("example.org").unwrap(),
                ..base
            },
            HostKeyRef {
                origin: OriginRef::parse("example.com:444").unwrap(),
                ..base
            },
            HostKeyRef {
                origin: OriginRef::parse("http://example.com:443").unwrap(),
                ..base
            },
            HostKeyRef {
                kind: Kind::Stream,
                ..base
            },
            HostKeyRef {
                protocols: Protocols::Http1,
                ..base
            },
            HostKeyRef {
                tls: &other_tls,
                ..base
            },
            HostKeyRef {
                partition: Some("tenant"),
                ..base
            },
            HostKeyRef {
                addresses: Some(&pool),
                ..base
            },
            HostKeyRef {
                proxy: Some(&proxies[0]),
                ..base
            },
        ];
        for other in others {
            assert!(other != key, "{other:?}");
        }
        for (place, policy) in drawn.iter().enumerate() {
            let look = LookRef::Drawn(policy);
            let key_of_it = HostKeyRef { look, ..base }.to_owned();
            assert!(base != key_of_it);
            for (other, policy) in drawn.iter().enumerate() {
                let look = LookRef::Drawn(policy);
                let same = HostKeyRef { look, ..base } == key_of_it;
                assert_eq!(same, place == other);
            }
        }
        for (place, proxy) in proxies.iter().enumerate() {
            let proxied = HostKeyRef {
                proxy: Some(proxy),
                ..base
            };
            for (other, of_other) in proxies.iter().enumerate() {
                let key = HostKeyRef {
                    proxy: Some(of_other),
                    ..base
                };
                assert_eq!(proxied == key.to_owned(), place == other);
            }
        }
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        let host = Arc::new(key);
        let here = Key {
            host: Arc::clone(&host),
            address,
        };
        let there = Key {
            host,
            address: SocketAddr::from(([127, 0, 0, 2], 443)),
        };
        assert_ne!(here, there);
    }
}
