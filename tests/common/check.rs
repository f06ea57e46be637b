//! What every test asks at its end: is the error clear, and is nothing left behind.

use std::net::SocketAddr;
use std::time::Duration;

use hotpool::config::Settings;
use hotpool::registry::State;
use hotpool::{Error, ErrorKind, Pool};

use super::wait::until;

/// What an error has to say for itself.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub kind: ErrorKind,
    pub host: &'a str,
    pub address: Option<SocketAddr>,
    pub sent: bool,
    pub retryable: bool,
    /// What its text must contain.
    pub words: &'a [&'a str],
}

impl Wanted<'_> {
    /// Of a dial to `localhost` that failed before any request.
    pub fn unsent(kind: ErrorKind, address: SocketAddr) -> Self {
        Self {
            kind,
            host: "localhost",
            address: Some(address),
            sent: false,
            retryable: kind.is_transient(),
            words: &[],
        }
    }

    /// Of a request to `localhost` that may have been processed.
    pub fn sent(kind: ErrorKind, address: SocketAddr) -> Self {
        Self {
            sent: true,
            retryable: false,
            ..Self::unsent(kind, address)
        }
    }
}

impl<'a> Wanted<'a> {
    pub fn words(self, words: &'a [&'a str]) -> Self {
        Self { words, ..self }
    }

    #[track_caller]
    pub fn check(&self, error: &Error) {
        assert_eq!(error.kind(), self.kind, "{error:?}");
        assert_eq!(error.host(), Some(self.host), "{error:?}");
        assert_eq!(error.address(), self.address, "{error:?}");
        assert_eq!(error.was_sent(), self.sent, "{error:?}");
        assert_eq!(error.is_retryable(), self.retryable, "{error:?}");
        let text = error.to_string();
        for word in self.words.iter().copied().chain([self.host]) {
            assert!(text.contains(word), "{word:?} is not in {text:?}");
        }
    }
}

/// Nobody dials, waits or uses anything, and every place taken is an open connection's.
pub async fn idle(pool: &Pool) {
    until("an idle pool", || {
        let stats = pool.stats();
        (stats.dialing, stats.waiting, stats.in_use) == (0, 0, 0)
            && stats.places_taken == stats.connections
    })
    .await;
}

/// [`idle`], and after a shutdown nothing is left at all.
pub async fn quiet(pool: &Pool) {
    idle(pool).await;
    let report = pool.shutdown(Duration::from_secs(10)).await;
    assert_eq!(report.cut, 0, "{report:?}");
    gone(pool);
}

/// What must hold after a shutdown.
#[track_caller]
pub fn gone(pool: &Pool) {
    let stats = pool.stats();
    assert_eq!(
        (
            stats.connections,
            stats.dialing,
            stats.waiting,
            stats.places_taken,
            stats.tasks
        ),
        (0, 0, 0, 0, 0),
        "{stats:?}"
    );
    assert_eq!(stats.connections_opened, stats.connections_closed);
    assert_eq!(pool.registry().count(), 0);
}

/// The most that a pool may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    pub per_host: usize,
    pub per_address: usize,
    pub dials: usize,
}

impl Limits {
    /// By which a pool has them.
    pub fn settings(&self) -> Settings {
        Settings {
            max_connections: Some(self.connections),
            max_connections_per_host: Some(self.per_host),
            max_connections_per_address: Some(self.per_address),
            max_dials: Some(self.dials),
            ..Settings::default()
        }
    }
}

/// Whether a pool with a registry of its own keeps to them now.
#[track_caller]
pub fn within(pool: &Pool, limits: &Limits) {
    let registry = pool.registry();
    let connecting = registry.count_by_state(State::Connecting);
    let dialing = connecting + registry.count_by_state(State::Handshaking);
    assert!(dialing <= limits.dials, "{dialing} dials");
    let (there, taken) = (registry.count(), pool.stats().places_taken);
    assert!(there <= limits.connections, "{there} connections");
    assert!(taken <= limits.connections, "{taken} places");
    for entry in registry.entries() {
        if let Some(address) = entry.remote_addr() {
            let there = registry.count_by_address(address);
            assert!(there <= limits.per_address, "{there} at {address}");
        }
        if let Some(host) = entry.host() {
            let there = registry.count_by_host(&host);
            assert!(there <= limits.per_host, "{there} of {host}");
        }
    }
}
