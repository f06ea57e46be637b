//! The sessions that a profile's connections resume.

use std::sync::Arc;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;

use super::handshake::Resume;
use super::scope;
use super::session_cache::SessionCache;
use crate::profile::template::{Content, HelloTemplate, SessionId};

/// Sessions in memory, of which those are offered that the profile's hello can carry.
#[derive(Debug)]
pub(super) struct Sessions {
    cache: SessionCache,
    template: Arc<HelloTemplate>,
}

impl Sessions {
    pub(super) fn new(template: Arc<HelloTemplate>, size: usize) -> Self {
        Self {
            cache: SessionCache::new(size),
            template,
        }
    }

    fn sends_pre_shared_keys(&self) -> bool {
        self.template
            .extensions
            .iter()
            .any(|extension| extension.content == Content::PreSharedKey)
    }
}

fn may_resume() -> bool {
    scope::current().is_none_or(|handshake| handshake.resume == Resume::IfPossible)
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    /// Every hello carries all key shares of its profile, whatever the server chose before.
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, server: ServerName<'static>, session: Tls12ClientSessionValue) {
        // A server that has gone back to TLS 1.2 resumes no session of TLS 1.3.
        while self.cache.take_tls13_ticket(&server).is_some() {}
        self.cache.set_tls12_session(server, session);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        // By the session id that the server echoes rustls learns that it resumes. Without a ticket it is also what is resumed.
        let can_tell = self.template.session_id == SessionId::Random;
        (can_tell && may_resume())
            .then(|| self.cache.tls12_session(server))
            .flatten()
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.cache.remove_tls12_session(server);
    }

    fn insert_tls13_ticket(&self, server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.cache.insert_tls13_ticket(server, ticket);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        (self.sends_pre_shared_keys() && may_resume())
            .then(|| self.cache.take_tls13_ticket(server))
            .flatten()
    }
}
