//! Sessions in memory: rustls's own cache keeps eight tickets a server, fewer than a pool dials at once, and forgets the server that it
//! met first, however often it is used.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use parking_lot::Mutex;
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;

/// TLS 1.3 tickets of one server, each of which is used once: those of all the connections that a host has by default, ten, and of a
/// few handshakes more.
const MOST_A_SERVER: usize = 16;

/// Where there is no room for more, a server with this many makes do with them: as many as servers send with one handshake.
const FEW: usize = 2;

/// Sessions to resume, of the servers that were last used.
pub(crate) struct SessionCache {
    /// How many tickets, and sessions of TLS 1.2, it keeps.
    room: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    servers: HashMap<ServerName<'static>, Server>,
    /// Of all servers.
    kept: usize,
    /// How often any was used: what orders them.
    uses: u64,
}

#[derive(Default)]
struct Server {
    hint: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    /// The oldest first.
    tickets: VecDeque<Tls13ClientSessionValue>,
    last_use: u64,
}

impl Server {
    /// An empty one is to be bounded too.
    fn kept(&self) -> usize {
        1 + self.tickets.len() + usize::from(self.tls12.is_some())
    }
}

impl SessionCache {
    /// For so many tickets. Those of one server are kept at least.
    pub(crate) fn new(room: usize) -> Self {
        Self {
            room,
            sessions: Mutex::default(),
        }
    }

    /// Changes what is kept of one server, then makes room.
    fn change(&self, name: ServerName<'static>, change: impl FnOnce(&mut Server)) {
        let sessions = &mut *self.sessions.lock();
        sessions.uses += 1;
        let known = sessions.servers.len();
        let server = sessions.servers.entry(name).or_default();
        server.last_use = sessions.uses;
        let before = server.kept();
        change(server);
        sessions.kept += server.kept();
        sessions.kept -= if sessions.servers.len() > known {
            0
        } else {
            before
        };
        while sessions.kept > self.room && sessions.servers.len() > 1 {
            sessions.forget_least_recent();
        }
    }

    /// Reads or takes of what is kept of one server, if anything is.
    fn with<T>(
        &self,
        name: &ServerName<'_>,
        take: impl FnOnce(&mut Server) -> Option<T>,
    ) -> Option<T> {
        let sessions = &mut *self.sessions.lock();
        // The map's keys live longer than any name that is asked for.
        let server = sessions.servers.get_mut(&name.to_owned())?;
        sessions.uses += 1;
        server.last_use = sessions.uses;
        let before = server.kept();
        let taken = take(server);
        sessions.kept = sessions.kept + server.kept() - before;
        taken
    }

    fn is_full(&self) -> bool {
        self.sessions.lock().kept >= self.room
    }
}

impl Sessions {
    fn forget_least_recent(&mut self) {
        let oldest = self
            .servers
            .iter()
            .min_by_key(|(_, server)| server.last_use);
        let Some(name) = oldest.map(|(name, _)| name.clone()) else {
            return;
        };
        if let Some(server) = self.servers.remove(&name) {
            self.kept -= server.kept();
        }
    }
}

impl ClientSessionStore for SessionCache {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.change(name, |server| server.hint = Some(group));
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.with(name, |server| server.hint)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.change(name, |server| server.tls12 = Some(session));
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.with(name, |server| server.tls12.clone())
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.with(name, |server| server.tls12.take());
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let most = if self.is_full() { FEW } else { MOST_A_SERVER };
        self.change(name, |server| {
            // One for one: those that are there were kept while there was room.
            if server.tickets.len() >= most {
                server.tickets.pop_front();
            }
            server.tickets.push_back(ticket);
        });
    }

    /// The newest: it lives longest, and so the older ones are there if it is lost.
    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.with(name, |server| server.tickets.pop_back())
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("room", &self.room)
            .field("kept", &self.sessions.lock().kept)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(number: u8) -> ServerName<'static> {
        ServerName::try_from(format!("host-{number}.test")).unwrap()
    }

    fn hint(cache: &SessionCache, number: u8) -> Option<NamedGroup> {
        cache.kx_hint(&name(number))
    }

    #[test]
    fn the_least_recently_used_is_forgotten() {
        let cache = SessionCache::new(3);
        for number in 0..3 {
            cache.set_kx_hint(name(number), NamedGroup::X25519);
        }
        assert!(hint(&cache, 0).is_some());
        cache.set_kx_hint(name(3), NamedGroup::X25519);
        assert!(hint(&cache, 1).is_none());
        assert!(
            hint(&cache, 0).is_some() && hint(&cache, 2).is_some() && hint(&cache, 3).is_some()
        );
    }

    proptest! {
        #[test]
        fn what_is_counted_is_what_is_there(room in 0..8_usize, steps in prop::collection::vec((0..3_u8, 0..12_u8), 0..100)) {
            let cache = SessionCache::new(room);
            for (what, number) in steps {
                match what {
                    0 => cache.set_kx_hint(name(number), NamedGroup::X25519),
                    1 => drop(hint(&cache, number)),
                    _ => cache.remove_tls12_session(&name(number)),
                }
                let sessions = cache.sessions.lock();
                let there: usize = sessions.servers.values().map(Server::kept).sum();
                prop_assert_eq!(sessions.kept, there);
                prop_assert!(there <= room.max(1));
            }
        }
    }
}
