//! The owner's hold on a connection's record.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::facts::Facts;
use super::shared::Shared;
use super::{CloseReason, Entry, Health, Identity, Protocol, State};

/// The owner's hold on a connection: who has it says what the connection is, and when it ends.
///
/// Dropping it closes the record, for the cause that was noted or as
/// [abandoned](CloseReason::Abandoned). It dereferences to the [`Entry`]; to let several tasks of
/// one connection share it, put it in an [`Arc`].
///
/// Every setter takes the registry's lock for well under a microsecond: they are for what happens a
/// few times in a connection's life. After the close they do nothing.
#[must_use = "dropping the registration closes the connection's record"]
pub struct Registration {
    pub(super) shared: Arc<Shared>,
    pub(super) entry: Arc<Entry>,
}

impl Registration {
    pub(super) fn new(shared: Arc<Shared>, entry: Arc<Entry>) -> Self {
        Self { shared, entry }
    }

    /// The connection, as everybody else sees it.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Moves the connection on to `state`; whether it moved. A step back is ignored.
    ///
    /// [`State::Closed`] is the same as [`close`](Self::close) with [`CloseReason::LocalClose`].
    pub fn set_state(&self, state: State) -> bool {
        if state == State::Closed {
            return self.shared.close(&self.entry, CloseReason::LocalClose);
        }
        self.change(|facts| facts.state = facts.state.max(state))
    }

    /// Says what is spoken, for instance once ALPN was agreed or after an upgrade.
    pub fn set_protocol(&self, protocol: Protocol) {
        self.change(|facts| facts.protocol = protocol);
    }

    /// Says which host it is for.
    pub fn set_host(&self, host: Arc<str>) {
        self.change(|facts| facts.host = Some(host));
    }

    /// Says what the peer's address is.
    pub fn set_remote_addr(&self, address: SocketAddr) {
        self.change(|facts| facts.remote_addr = Some(address));
    }

    /// Says what the client's address is, where a proxy that is believed says that it is not the peer's.
    pub fn set_client_addr(&self, address: SocketAddr) {
        self.change(|facts| facts.client_addr = Some(address));
    }

    /// Says what our address is.
    pub fn set_local_addr(&self, address: SocketAddr) {
        self.change(|facts| facts.local_addr = Some(address));
    }

    /// Says how well the connection is.
    pub fn set_health(&self, health: Health) {
        self.change(|facts| facts.health = health);
    }

    /// Says who the peer is, in place of what was said before, whoever else is the same user. To
    /// have a say about that, [`authenticate`](Self::authenticate).
    pub fn set_identity(&self, identity: Identity) {
        self.change(|facts| facts.identity = identity);
    }

    /// Records why the connection is about to end, without ending it. Only the first cause counts.
    pub fn note_close(&self, reason: CloseReason) {
        self.entry.note_close(reason);
    }

    /// Ends the record: out of every index, its stats into the totals, one event, and whoever waits
    /// for [`close_requested`](Entry::close_requested) is woken. The cause is `reason` unless one
    /// was recorded before. Closing again does nothing.
    ///
    /// The socket is the owner's business: close it first.
    pub fn close(&self, reason: CloseReason) {
        self.shared.close(&self.entry, reason);
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) -> bool {
        self.shared.change(&self.entry, change).unwrap_or(false)
    }
}

impl Deref for Registration {
    type Target = Arc<Entry>;

    fn deref(&self) -> &Self::Target {
        &self.entry
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.close(CloseReason::Abandoned);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.entry).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::{Direction, Draft, Event, Registry};

    fn register(registry: &Registry) -> Registration {
        registry.register(Draft::new(Direction::Inbound, Protocol::Tcp))
    }

    #[test]
    fn life_goes_one_way() {
        let registry = Registry::new();
        let registration = register(&registry);
        assert!(registration.set_state(State::Handshaking));
        assert!(!registration.set_state(State::Connecting));
        assert!(!registration.set_state(State::Handshaking));
        assert!(registration.set_state(State::Draining));
        assert!(!registration.set_state(State::Open));
        assert_eq!(registration.state(), State::Draining);
        assert!(registration.set_state(State::Closed));
        assert!(!registration.set_state(State::Closed));
        assert_eq!(registration.close_reason(), Some(CloseReason::LocalClose));
        assert_eq!(registry.count(), 0);
    }

    #[test]
    fn the_first_cause_stands() {
        let registry = Registry::new();
        let noted = register(&registry);
        noted.note_close(CloseReason::GoAway);
        noted.request_close(CloseReason::Shutdown);
        noted.close(CloseReason::LocalClose);
        noted.close(CloseReason::PeerClosed);
        assert_eq!(noted.close_reason(), Some(CloseReason::GoAway));

        let entry = Arc::clone(register(&registry).entry());
        assert_eq!(entry.close_reason(), Some(CloseReason::Abandoned));
        assert!(entry.is_close_requested());

        let requested = register(&registry);
        let entry = Arc::clone(&requested);
        entry.request_close(CloseReason::Requested);
        drop(requested);
        assert_eq!(entry.close_reason(), Some(CloseReason::Requested));

        let stats = registry.stats();
        assert_eq!((stats.opened, stats.closed), (3, 3));
        assert_eq!(stats.closed_for(CloseReason::GoAway), 1);
        assert_eq!(stats.closed_for(CloseReason::Shutdown), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_entry_stays_as_it_was() {
        let registry = Registry::new();
        let registration = register(&registry);
        registration.set_host(Arc::from("example.com"));
        registration.set_identity(Identity::new().user(Arc::from("ada")));
        tokio::time::advance(Duration::from_secs(5)).await;
        registration.close(CloseReason::PeerReset);
        let closed = registration.snapshot();
        tokio::time::advance(Duration::from_secs(5)).await;

        let mut events = registry.subscribe();
        registration.set_host(Arc::from("example.org"));
        registration.set_remote_addr(([127, 0, 0, 1], 443).into());
        registration.set_protocol(Protocol::Http2);
        registration.set_health(Health::Unhealthy);
        registration.set_identity(Identity::new());
        assert!(!registration.set_state(State::Open));

        assert_eq!(registration.snapshot(), closed);
        assert_eq!(
            (closed.state, closed.age),
            (State::Closed, Duration::from_secs(5))
        );
        assert_eq!(closed.identity.user.as_deref(), Some("ada"));
        assert_eq!(registry.count_by_host("example.org"), 0);
        assert_eq!(events.try_recv(), None);
    }

    #[test]
    fn the_client_is_the_peer_unless_somebody_knows_better() {
        let registry = Registry::new();
        let [peer, client] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|ip| (ip, 1).into());
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp).remote_addr(peer);
        let registration = registry.register(draft);
        assert_eq!(registration.client_addr(), Some(peer));
        registration.set_client_addr(client);
        assert_eq!(registration.snapshot().client_addr, Some(client));
        assert_eq!(registration.remote_addr(), Some(peer));
    }

    #[test]
    fn health_may_change_either_way() {
        let registry = Registry::new();
        let registration = register(&registry);
        let id = registration.id();
        let mut events = registry.subscribe();
        registration.set_health(Health::Suspect);
        registration.set_health(Health::Suspect);
        registration.set_health(Health::Healthy);
        let changed = |from, to| Some(Event::HealthChanged { id, from, to });
        assert_eq!(events.try_recv(), changed(Health::Healthy, Health::Suspect));
        assert_eq!(events.try_recv(), changed(Health::Suspect, Health::Healthy));
        assert_eq!(events.try_recv(), None);
    }

    /// Its drop looks into the registry whose connection it is tied to.
    struct Nosy(Registry);

    impl Drop for Nosy {
        fn drop(&mut self) {
            assert_eq!(self.0.count(), 0);
        }
    }

    #[test]
    fn an_attribute_may_use_the_registry_when_dropped() {
        let registry = Registry::new();
        let registration = register(&registry);
        registration
            .attributes()
            .insert("nosy", Nosy(registry.clone()));
        drop(registration);
        assert_eq!(registry.stats().closed, 1);
    }
}
