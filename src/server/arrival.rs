//! A client that has said hello: who it looks like, and whether it is welcome.

use std::fmt;
use std::sync::Arc;

use super::builder::ListenerBuilder;
use super::fingerprint::{ClientFingerprint, Fingerprints};
use super::recording::Recording;
use crate::profile::ClientHello;
use crate::registry::{Entry, Registration};

/// What an [accept hook](super::ListenerBuilder::accept_hook) knows of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ClientHelloInfo<'a> {
    hello: &'a ClientHello,
    fingerprint: &'a ClientFingerprint,
    connection: &'a Entry,
}

/// What an [accept hook](super::ListenerBuilder::accept_hook) decides.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[must_use]
pub enum Verdict {
    /// The handshake goes on.
    Accept,
    /// The connection ends.
    Refuse,
}

impl<'a> ClientHelloInfo<'a> {
    /// What the client sent.
    pub fn hello(&self) -> &'a ClientHello {
        self.hello
    }

    /// Its JA3 and JA4. There is no HTTP/2 yet.
    pub fn fingerprint(&self) -> &'a ClientFingerprint {
        self.fingerprint
    }

    /// The connection, with the [address](Entry::client_addr) of the client.
    pub fn connection(&self) -> &'a Entry {
        self.connection
    }
}

/// Who decides.
#[derive(Clone)]
pub(super) struct AcceptHook(Arc<dyn Fn(&ClientHelloInfo<'_>) -> Verdict + Send + Sync>);

impl AcceptHook {
    pub(super) fn new(
        decide: impl Fn(&ClientHelloInfo<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(decide))
    }
}

impl fmt::Debug for AcceptHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptHook").finish_non_exhaustive()
    }
}

/// Whether anybody wants to know of hellos.
pub(super) fn is_looked_at(settings: &ListenerBuilder) -> bool {
    settings.fingerprints != Fingerprints::Off || settings.accept_hook.is_some()
}

/// Notes what the hello in `recording` says, and asks the hook. It accepts nobody whose hello cannot be shown to it.
pub(super) fn judge(
    recording: &Recording,
    settings: &ListenerBuilder,
    registration: &Registration,
) -> Verdict {
    let hook = settings.accept_hook.as_ref();
    let Ok(hello) = ClientHello::from_records(&recording.take()) else {
        return hook.map_or(Verdict::Accept, |_| Verdict::Refuse);
    };
    let is_kept = settings.fingerprints == Fingerprints::Hello;
    let fingerprint = ClientFingerprint::of_hello(&hello, is_kept);
    if settings.fingerprints != Fingerprints::Off {
        let attributes = registration.attributes();
        attributes.insert(ClientFingerprint::ATTRIBUTE, fingerprint.clone());
    }
    let info = ClientHelloInfo {
        hello: &hello,
        fingerprint: &fingerprint,
        connection: registration.entry(),
    };
    let verdict = hook.map_or(Verdict::Accept, |AcceptHook(decide)| decide(&info));
    if verdict == Verdict::Refuse {
        tracing::debug!(id = %registration.id(), %fingerprint, "refused by the accept hook");
    }
    verdict
}
