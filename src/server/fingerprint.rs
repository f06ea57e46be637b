//! What a client looks like on the wire, as it came in.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::recording::Recording;
use crate::profile::{ClientHello, Http2Opening};
use crate::registry::Entry;

/// How much of what clients look like on the wire is kept with their connections.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fingerprints {
    /// Nothing.
    Off,
    /// The fingerprints: some 640 bytes for each connection.
    #[default]
    Hashes,
    /// The ClientHello as well: of Chromium's, 2.7 KB more.
    Hello,
}

/// The fingerprints of the client of one connection. Clones share them.
///
/// It is found among the [attributes](Entry::attributes) of each connection that speaks TLS or HTTP/2, under
/// [`ATTRIBUTE`](Self::ATTRIBUTE), and among the [extensions](http::Extensions) of each request on it. How much there is, the
/// [listener](super::ListenerBuilder::fingerprints) says. It is what the peer sent: behind a proxy that ends TLS, it is the proxy's, and
/// anybody can send what somebody else does.
#[derive(Clone, Debug)]
pub struct ClientFingerprint(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tls: Option<Tls>,
    /// None inside when the opening could not be read.
    akamai: OnceLock<Option<Box<str>>>,
}

#[derive(Debug)]
struct Tls {
    ja3_hash: Box<str>,
    ja4: Box<str>,
    /// Boxed: where it is not kept, it takes no place.
    hello: Option<Box<ClientHello>>,
}

impl ClientFingerprint {
    /// The name of the attribute that holds it.
    pub const ATTRIBUTE: &'static str = "client-fingerprint";

    /// That of `connection`.
    pub fn of(connection: &Entry) -> Option<Self> {
        let found = connection.attributes().value::<Self>(Self::ATTRIBUTE);
        found.ok().map(|found| Self::clone(&found))
    }

    /// The MD5 of the [JA3](ClientHello::ja3) text, in hex; none without TLS.
    pub fn ja3_hash(&self) -> Option<&str> {
        self.0.tls.as_ref().map(|tls| &*tls.ja3_hash)
    }

    /// The [JA4](ClientHello::ja4); none without TLS.
    pub fn ja4(&self) -> Option<&str> {
        self.0.tls.as_ref().map(|tls| &*tls.ja4)
    }

    /// The [Akamai fingerprint](Http2Opening::akamai) of HTTP/2. None before the first request, with HTTP/1.1, and when the first request's
    /// header block does not end within 16 KiB.
    pub fn akamai(&self) -> Option<&str> {
        self.0.akamai.get()?.as_deref()
    }

    /// The ClientHello; the first one, if the server asked for another. Kept with [`Fingerprints::Hello`] only.
    pub fn hello(&self) -> Option<&ClientHello> {
        self.0.tls.as_ref()?.hello.as_deref()
    }

    pub(super) fn without_tls() -> Self {
        Self(Arc::default())
    }

    pub(super) fn of_hello(hello: &ClientHello, is_kept: bool) -> Self {
        let tls = Tls {
            ja3_hash: hello.ja3_hash().into(),
            ja4: hello.ja4().into(),
            hello: is_kept.then(|| Box::new(hello.clone())),
        };
        Self(Arc::new(Inner {
            tls: Some(tls),
            akamai: OnceLock::new(),
        }))
    }

    /// Notes what the first request's bytes say; of a later request, nothing.
    pub(super) fn note_opening(&self, recording: &Recording) {
        self.0.akamai.get_or_init(|| {
            let opening = Http2Opening::parse(&recording.take());
            opening.is_complete().then(|| opening.akamai().into())
        });
    }
}

/// For logs: `ja4=… ja3=… akamai=…`, whichever there are.
impl fmt::Display for ClientFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("ja4", self.ja4()),
            ("ja3", self.ja3_hash()),
            ("akamai", self.akamai()),
        ];
        let mut separator = "";
        for (name, value) in named {
            if let Some(value) = value {
                write!(f, "{separator}{name}={value}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}
