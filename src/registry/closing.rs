//! Asking many connections to close.

use std::time::Duration;

use super::{CloseReason, Registry, Selector};

impl Registry {
    /// Asks the owner of every connection that `selector` means to close it, as
    /// [`request_close`](super::Entry::request_close) does; how many had not been asked before.
    ///
    /// Returns at once. Costs what [`select`](Self::select) does, and then a wake-up each, without
    /// the lock. One that is registered meanwhile may be missed, and one that two calls ask at the
    /// same time is counted by both.
    pub fn close_where(&self, selector: &Selector, reason: CloseReason) -> usize {
        // Not under the lock: waking an owner may run foreign code.
        let mut entries = self.select(selector);
        entries.retain(|entry| !entry.is_close_requested());
        entries.iter().for_each(|entry| entry.request_close(reason));
        entries.len()
    }

    /// Asks for the close of every connection on which nothing was received for longer than
    /// `older_than`, for [`CloseReason::IdleTimeout`]; how many had not been asked before.
    ///
    /// Exchanges under way do not protect: the peer may be gone. To spare them, or one side's
    /// connections, [`close_where`](Self::close_where) with [`Selector::IdleFor`] and more.
    pub fn close_idle(&self, older_than: Duration) -> usize {
        self.close_where(&Selector::IdleFor(older_than), CloseReason::IdleTimeout)
    }

    /// Asks for the close of every connection present; how many had not been asked before. Stop
    /// opening first.
    pub fn close_all(&self, reason: CloseReason) -> usize {
        self.close_where(&Selector::Any, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Activity, Direction, Draft, Protocol};

    fn draft() -> Draft {
        Draft::new(Direction::Inbound, Protocol::Http1)
    }

    #[test]
    fn close_all_asks_everyone_once() {
        let registry = Registry::new();
        let registrations = [(); 3].map(|()| registry.register(draft()));
        registrations[0].request_close(CloseReason::Evicted);
        assert_eq!(registry.close_all(CloseReason::Shutdown), 2);
        assert_eq!(registry.close_all(CloseReason::Requested), 0);
        assert!(
            registrations
                .iter()
                .all(|registration| registration.is_close_requested())
        );
        assert_eq!(registry.count(), 3);

        drop(registrations);
        let stats = registry.stats();
        assert_eq!(stats.closed_for(CloseReason::Evicted), 1);
        assert_eq!(stats.closed_for(CloseReason::Shutdown), 2);
    }

    /// C15b: what we send keeps nobody alive.
    #[tokio::test(start_paused = true)]
    async fn idle_is_who_sends_nothing_however_much_it_is_sent() {
        const LIMIT: Duration = Duration::from_secs(300);
        let registry = Registry::new();
        let [silent, heard, fetching] = [(); 3].map(|()| registry.register(draft()));
        tokio::time::advance(LIMIT).await;
        assert_eq!(registry.close_idle(LIMIT), 0);

        let exchange = fetching.begin();
        heard.stats().record_received(1);
        silent.stats().record_sent(1_000);
        tokio::time::advance(Duration::from_nanos(1)).await;
        assert_eq!(silent.idle_for(), LIMIT + Duration::from_nanos(1));
        let spared = Selector::IdleFor(LIMIT).and(Selector::Activity(Activity::Idle));
        assert_eq!(registry.close_where(&spared, CloseReason::Requested), 1);
        assert_eq!(silent.close_reason(), Some(CloseReason::Requested));
        assert_eq!(registry.close_idle(LIMIT), 1);
        assert_eq!(fetching.close_reason(), Some(CloseReason::IdleTimeout));
        assert!(!heard.is_close_requested());
        drop(exchange);
    }
}
