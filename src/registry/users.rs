//! Who is online, and on which connections.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::duplicate::replace;
use super::shared::Shared;
use super::tables::Closed;
use super::{
    CloseReason, ConnectionId, Duplicate, Entry, Identity, OnDuplicate, Registration, Registry,
    Selector,
};

impl Registration {
    /// Authenticates the connection, as [`Registry::authenticate`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Registry::authenticate`].
    pub fn authenticate(
        &self,
        identity: Identity,
        policy: OnDuplicate,
    ) -> Result<Vec<Arc<Entry>>, AuthenticateError> {
        self.shared.authenticate(&self.entry, identity, policy)
    }
}

impl Registry {
    /// Says who a connection's peer has proven to be, and settles in the same step what becomes of
    /// that user's other connections. Gives those that were asked to close, oldest first.
    ///
    /// The user and its display name replace what was known; the certificate does so if there is a
    /// new one. Of two connections that are authenticated at the same time as the same user, with
    /// [`OnDuplicate::Replace`] one stays and with [`OnDuplicate::Refuse`] one is refused, always.
    /// Until they are gone, replaced connections are found by their user.
    ///
    /// Takes the lock for the time of a change, plus the number of the user's connections.
    ///
    /// # Errors
    ///
    /// [`Closed`](AuthenticateError::Closed) when the connection is not here, or no longer;
    /// [`Duplicate`](AuthenticateError::Duplicate) when the policy is to refuse. Then nothing has
    /// changed.
    pub fn authenticate(
        &self,
        id: ConnectionId,
        identity: Identity,
        policy: OnDuplicate,
    ) -> Result<Vec<Arc<Entry>>, AuthenticateError> {
        let entry = self.entry(id).ok_or(AuthenticateError::Closed)?;
        self.shared.authenticate(&entry, identity, policy)
    }

    /// The users that have a connection, sorted: O(users · log users).
    pub fn online_users(&self) -> Vec<Arc<str>> {
        let tables = self.shared.tables.read();
        let mut users: Vec<_> = tables.by_user.keys().cloned().collect();
        drop(tables);
        users.sort_unstable();
        users
    }

    /// How many users have a connection: O(1).
    pub fn count_online_users(&self) -> usize {
        self.shared.tables.read().by_user.keys().len()
    }

    /// Asks the owners of a user's connections to close them; how many had not been asked before.
    pub fn kick(&self, user: &str, reason: CloseReason) -> usize {
        self.close_where(&Selector::User(user.into()), reason)
    }
}

impl Shared {
    fn authenticate(
        &self,
        entry: &Arc<Entry>,
        identity: Identity,
        policy: OnDuplicate,
    ) -> Result<Vec<Arc<Entry>>, AuthenticateError> {
        let mut tables = self.tables.write();
        if !tables.entries.contains_key(&entry.id()) {
            return Err(AuthenticateError::Closed);
        }
        let replaced = policy.settle(entry.id(), || match &identity.user {
            Some(user) => tables.by_user.entries(user),
            None => Vec::new(),
        })?;
        self.change_in(&mut tables, entry, |facts| facts.identity.succeed(identity))?;
        drop(tables);
        replace(&replaced);
        Ok(replaced)
    }
}

/// Why a connection was not authenticated.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// The connection is closed, or was never in this registry.
    Closed,
    /// The user has a connection, and is to have one only.
    Duplicate {
        /// That connection: the oldest if there are several.
        holder: ConnectionId,
    },
}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed"),
            Self::Duplicate { holder } => Duplicate { holder: *holder }.fmt(f),
        }
    }
}

impl StdError for AuthenticateError {}

impl From<Duplicate> for AuthenticateError {
    fn from(Duplicate { holder }: Duplicate) -> Self {
        Self::Duplicate { holder }
    }
}

impl From<Closed> for AuthenticateError {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Direction, Draft, Event, Protocol};

    fn register(registry: &Registry) -> Registration {
        registry.register(Draft::new(Direction::Inbound, Protocol::WebSocket))
    }

    fn ada() -> Identity {
        Identity::new().user(Arc::from("ada"))
    }

    #[test]
    fn allowed_duplicates_stay() {
        let registry = Registry::new();
        let both = [(); 2].map(|()| register(&registry));
        for registration in &both {
            let replaced = registration.authenticate(ada(), OnDuplicate::Allow);
            assert!(replaced.unwrap().is_empty());
        }
        assert_eq!(registry.count_by_user("ada"), 2);
        assert_eq!(registry.count_online_users(), 1);
        assert_eq!(registry.online_users(), [Arc::from("ada")]);
        assert!(both.iter().all(|each| !each.is_close_requested()));
    }

    #[test]
    fn replaced_ones_are_told_so_and_the_last_stays() {
        let registry = Registry::new();
        let [first, second, other] = [(); 3].map(|()| register(&registry));
        // The one that was opened first comes last.
        registry
            .authenticate(second.id(), ada(), OnDuplicate::Replace)
            .unwrap();
        let bob = Identity::new().user(Arc::from("bob"));
        other.authenticate(bob, OnDuplicate::Replace).unwrap();
        let replaced = first.authenticate(ada(), OnDuplicate::Replace).unwrap();
        assert_eq!(replaced.len(), 1);
        assert_eq!(replaced[0].id(), second.id());
        assert_eq!(second.close_reason(), Some(CloseReason::Replaced));
        assert!(!first.is_close_requested() && !other.is_close_requested());

        // Again is nothing new, for itself or for the one on its way out.
        let replaced = first.authenticate(ada(), OnDuplicate::Replace).unwrap();
        assert!(replaced.is_empty());
        drop(second);
        assert_eq!(registry.stats().closed_for(CloseReason::Replaced), 1);
    }

    #[test]
    fn a_refusal_names_the_holder_and_changes_nothing() {
        let registry = Registry::new();
        let [first, second] = [(); 2].map(|()| register(&registry));
        first.authenticate(ada(), OnDuplicate::Refuse).unwrap();
        let holder = first.id();
        let refusal = second.authenticate(ada(), OnDuplicate::Refuse);
        assert_eq!(
            refusal.unwrap_err(),
            AuthenticateError::Duplicate { holder }
        );
        assert_eq!(second.user(), None);
        assert!(!first.is_close_requested());
        assert!(first.authenticate(ada(), OnDuplicate::Refuse).is_ok());

        // A holder on its way out holds no longer.
        first.request_close(CloseReason::Requested);
        assert!(second.authenticate(ada(), OnDuplicate::Refuse).is_ok());
    }

    #[test]
    fn a_closed_connection_is_nobody() {
        let registry = Registry::new();
        let registration = register(&registry);
        registration.close(CloseReason::PeerClosed);
        let outcome = registration.authenticate(ada(), OnDuplicate::Replace);
        assert_eq!(outcome.unwrap_err(), AuthenticateError::Closed);
        let outcome = registry.authenticate(registration.id(), ada(), OnDuplicate::Allow);
        assert_eq!(outcome.unwrap_err(), AuthenticateError::Closed);
        assert!(registry.online_users().is_empty());
    }

    #[test]
    fn another_user_on_the_same_connection_keeps_its_certificate() {
        let registry = Registry::new();
        let registration = register(&registry);
        let certificate: Arc<[u8]> = Arc::from([1_u8]);
        let mut events = registry.subscribe();
        registration.set_identity(Identity::new().peer_certificate(Arc::clone(&certificate)));
        let named = ada().display_name(Arc::from("Ada Lovelace"));
        registration
            .authenticate(named, OnDuplicate::Allow)
            .unwrap();
        let bob = Identity::new().user(Arc::from("bob"));
        registration
            .authenticate(bob.clone(), OnDuplicate::Allow)
            .unwrap();
        assert_eq!(registration.identity(), bob.peer_certificate(certificate));
        assert_eq!(registry.online_users(), [Arc::from("bob")]);

        let changed = |from: Option<&str>, to: Option<&str>| {
            let (from, to) = (from.map(Arc::from), to.map(Arc::from));
            let id = registration.id();
            Some(Event::UserChanged { id, from, to })
        };
        assert_eq!(events.try_recv(), changed(None, Some("ada")));
        assert_eq!(events.try_recv(), changed(Some("ada"), Some("bob")));
        assert_eq!(events.try_recv(), None);
    }

    #[test]
    fn kicking_asks_all_of_a_user_and_nobody_else() {
        let registry = Registry::new();
        let [first, second, other] = [(); 3].map(|()| register(&registry));
        first.authenticate(ada(), OnDuplicate::Allow).unwrap();
        second.authenticate(ada(), OnDuplicate::Allow).unwrap();
        assert_eq!(registry.kick("ada", CloseReason::Requested), 2);
        assert_eq!(registry.kick("ada", CloseReason::Requested), 0);
        assert!(first.is_close_requested() && second.is_close_requested());
        assert!(!other.is_close_requested());
        drop((first, second));
        assert_eq!(registry.count_online_users(), 0);
    }
}
