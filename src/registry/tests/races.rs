//! Several threads on one registry.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use super::{assert_consistent, assert_empty};
use crate::registry::{
    CloseReason, Direction, Draft, Event, Health, Identity, OnDuplicate, Protocol, Registry,
    Selector, State,
};

const THREADS: usize = 3;

#[test]
fn observers_see_whole_connections_and_nothing_remains() {
    const ROUNDS: usize = 300;
    let registry = Registry::new();
    let working = AtomicUsize::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (registry, working) = (&registry, &working);
            scope.spawn(move || {
                (0..ROUNDS).for_each(|round| live(registry, thread * ROUNDS + round));
                working.fetch_sub(1, Ordering::Release);
            });
        }
        scope.spawn(|| {
            while working.load(Ordering::Acquire) > 0 {
                observe(&registry);
            }
        });
    });

    assert_empty(&registry);
    let stats = registry.stats();
    assert_eq!(
        (stats.opened, stats.closed),
        ((2 * THREADS * ROUNDS) as u64, stats.opened)
    );
    assert_eq!(stats.bytes_sent, (THREADS * ROUNDS) as u64);
    assert!(stats.present_by_state.is_empty());
}

/// One connection's life, with a second one that is dropped, and look-ups in between.
fn live(registry: &Registry, seed: usize) {
    let host: Arc<str> = Arc::from(format!("host{}", seed % 5));
    let address = SocketAddr::from(([127, 0, 0, 1], (seed % 7) as u16));
    let draft = Draft::new(Direction::Outbound, Protocol::Tcp).remote_addr(address);
    let registration = registry.register(draft.clone());
    let _dropped = registry.register(draft.host(Arc::clone(&host)));
    registration.set_state(State::Handshaking);
    registration.set_protocol(Protocol::Http2);
    registration.set_host(Arc::clone(&host));
    registration.set_state(State::Open);
    registration.add_label("open").unwrap();
    let user = Identity::new().user(Arc::clone(&host));
    registration
        .authenticate(user, OnDuplicate::Replace)
        .unwrap();
    assert!(
        registry
            .by_host(&host)
            .iter()
            .any(|entry| entry.id() == registration.id())
    );
    assert!(registry.count_by_address(address) >= 2);
    registration.set_health(Health::Suspect);
    registration.stats().record_sent(1);
    registration.close(CloseReason::LifetimeReached);
    assert!(registry.entry(registration.id()).is_none());
}

fn observe(registry: &Registry) {
    assert_consistent(registry);
    for snapshot in registry.snapshot() {
        // The steps of `live`: a connection is never seen in the middle of one.
        assert!(snapshot.state < State::Open || snapshot.protocol == Protocol::Http2);
        assert!(snapshot.state < State::Open || snapshot.host.is_some());
        assert_ne!(snapshot.state, State::Closed);
    }
    for (more, less) in [
        (
            Selector::Protocol(Protocol::Http2),
            Selector::State(State::Open),
        ),
        (Selector::Label("open".into()), Selector::Authenticated),
    ] {
        assert_eq!(registry.count_where(&less.and(!more)), 0);
    }
    let stats = registry.stats();
    assert_eq!(stats.opened, stats.closed + stats.present as u64);
    assert_eq!(
        stats.present,
        stats.present_by_state.values().sum::<usize>()
    );
    assert_eq!(stats.closed, stats.closed_by_reason.values().sum::<u64>());
    let by_protocol = stats.by_protocol.values();
    let (present, closed) = by_protocol.fold((0, 0), |(present, closed), of_it| {
        (present + of_it.present, closed + of_it.closed)
    });
    assert_eq!((present, closed), (stats.present, stats.closed));
    assert!(stats.peak >= stats.present && stats.peak <= 2 * THREADS);
}

#[test]
fn of_racing_closers_one_closes() {
    const ROUNDS: usize = 200;
    let reasons = [
        CloseReason::Error,
        CloseReason::IdleTimeout,
        CloseReason::PeerReset,
    ];
    let registry = Registry::new();
    for _ in 0..ROUNDS {
        let mut events = registry.subscribe();
        let draft = Draft::new(Direction::Inbound, Protocol::WebSocket);
        let registration = Arc::new(registry.register(draft));
        let entry = Arc::clone(registration.entry());
        let barrier = Barrier::new(reasons.len());
        thread::scope(|scope| {
            for reason in reasons {
                let (registration, barrier) = (Arc::clone(&registration), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    registration.close(reason);
                    assert_eq!(registration.state(), State::Closed);
                });
            }
        });
        drop(registration);

        assert!(matches!(events.try_recv(), Some(Event::Opened { .. })));
        let Some(Event::Closed { id, reason, .. }) = events.try_recv() else {
            panic!("no end");
        };
        assert_eq!((id, Some(reason)), (entry.id(), entry.close_reason()));
        assert!(reasons.contains(&reason));
        assert_eq!(events.try_recv(), None);
    }
    assert_eq!(registry.stats().closed, ROUNDS as u64);
}

#[test]
fn events_of_a_connection_are_in_order_over_threads() {
    const ROUNDS: usize = 100;
    let registry = Registry::new();
    let mut events = registry.subscribe();
    for _ in 0..ROUNDS {
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp);
        let registration = registry.register(draft);
        thread::scope(|scope| {
            for state in [State::Handshaking, State::Open, State::Draining] {
                let registration = &registration;
                scope.spawn(move || registration.set_state(state));
            }
        });
        drop(registration);

        let mut now = State::Connecting;
        assert!(matches!(events.try_recv(), Some(Event::Opened { .. })));
        while let Some(Event::StateChanged { from, to, .. }) = events.try_recv() {
            assert!(from == now && from < to);
            now = to;
        }
        assert_eq!(now, State::Draining);
        assert_eq!(events.try_recv(), None);
    }
}
