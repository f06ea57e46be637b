//! Registries in the orders in which threads can come by: `RUSTFLAGS="--cfg shuttle" cargo test --lib interleavings`.
//!
//! Shuttle interrupts at the registry's and the entries' locks, so it shows what is wrong with an
//! operation that takes a lock twice where it should once.

use std::sync::Arc;

use shuttle::thread;

use super::{assert_consistent, assert_empty};
use crate::registry::{
    AuthenticateError, CloseReason, Direction, Draft, Identity, OnDuplicate, Protocol,
    Registration, Registry, Selector, State,
};

/// Enough to find each fault that was put in on purpose, in well under a minute altogether.
const RUNS: usize = 2_000;

/// Most faults need two threads to be interrupted at the wrong moments.
const INTERRUPTIONS: usize = 3;

const USER: &str = "ada";
const LABEL: &str = "red";

fn tried(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(scenario.clone(), RUNS);
    shuttle::check_pct(scenario, RUNS, INTERRUPTIONS);
}

fn register(registry: &Registry) -> Registration {
    registry.register(Draft::new(Direction::Inbound, Protocol::WebSocket))
}

fn user() -> Identity {
    Identity::new().user(Arc::from(USER))
}

#[test]
fn of_those_that_replace_each_other_one_stays() {
    tried(|| {
        let registry = Registry::new();
        let connecting: Vec<_> = (0..3)
            .map(|_| {
                let registry = registry.clone();
                thread::spawn(move || {
                    let registration = register(&registry);
                    registration
                        .authenticate(user(), OnDuplicate::Replace)
                        .unwrap();
                    registration
                })
            })
            .collect();
        let all: Vec<_> = connecting
            .into_iter()
            .map(|each| each.join().unwrap())
            .collect();
        let staying = all.iter().filter(|each| !each.is_close_requested());
        assert_eq!(staying.count(), 1);
        assert_eq!(registry.count_by_user(USER), 3);
        drop(all);
        assert_eq!(registry.stats().closed_for(CloseReason::Replaced), 2);
        assert_empty(&registry);
    });
}

#[test]
fn of_those_that_refuse_each_other_one_holds_and_the_rest_know_it() {
    tried(|| {
        let registry = Registry::new();
        let connecting: Vec<_> = (0..3)
            .map(|_| {
                let registry = registry.clone();
                thread::spawn(move || {
                    let registration = register(&registry);
                    let outcome = registration.authenticate(user(), OnDuplicate::Refuse);
                    (registration, outcome.map(|_| ()))
                })
            })
            .collect();
        let all: Vec<_> = connecting
            .into_iter()
            .map(|each| each.join().unwrap())
            .collect();
        let found = registry.by_user(USER);
        assert_eq!(found.len(), 1);
        let holder = found[0].id();
        for (registration, outcome) in &all {
            match outcome {
                Ok(()) => assert_eq!(registration.id(), holder),
                refusal => assert_eq!(*refusal, Err(AuthenticateError::Duplicate { holder })),
            }
        }
        drop(all);
        assert_empty(&registry);
    });
}

#[test]
fn of_those_that_enter_one_place_one_gets_it() {
    tried(|| {
        let registry = Registry::new();
        let connecting: Vec<_> = (0..3)
            .map(|_| {
                let registry = registry.clone();
                thread::spawn(move || {
                    let draft = Draft::new(Direction::Inbound, Protocol::Tcp);
                    let others = Selector::Protocol(Protocol::Tcp);
                    registry.register_among(draft, &others, OnDuplicate::Refuse)
                })
            })
            .collect();
        let all: Vec<_> = connecting
            .into_iter()
            .map(|each| each.join().unwrap())
            .collect();
        assert_eq!(all.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(registry.count(), 1);
        drop(all);
        assert_empty(&registry);
    });
}

/// R4, in every order.
#[test]
fn an_old_connection_that_ends_does_not_take_its_successor_along() {
    tried(|| {
        let registry = Registry::new();
        let old = register(&registry);
        old.authenticate(user(), OnDuplicate::Replace).unwrap();
        let ending = thread::spawn(move || drop(old));
        let connecting = thread::spawn({
            let registry = registry.clone();
            move || {
                let new = register(&registry);
                new.authenticate(user(), OnDuplicate::Replace).unwrap();
                new
            }
        });
        ending.join().unwrap();
        let new = connecting.join().unwrap();
        let found = registry.by_user(USER);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id(), new.id());
        assert!(!new.is_close_requested());
        assert_consistent(&registry);
        drop(new);
        assert_empty(&registry);
    });
}

/// Labels and users come while the connection ends: they must not stay behind.
#[test]
fn nothing_is_entered_for_a_connection_that_closed_meanwhile() {
    tried(|| {
        let registry = Registry::new();
        let registration = Arc::new(register(&registry));
        let id = registration.id();
        let others: [Box<dyn FnOnce(Registry) + Send>; 3] = [
            Box::new(move |registry| {
                let _ = registry.add_label(id, LABEL);
                registry.remove_label(id, LABEL);
                let _ = registry.add_label(id, LABEL);
            }),
            Box::new(move |registry| {
                let _ = registry.authenticate(id, user(), OnDuplicate::Refuse);
            }),
            Box::new({
                let registration = Arc::clone(&registration);
                move |_| registration.close(CloseReason::PeerClosed)
            }),
        ];
        let others = others.map(|other| {
            let registry = registry.clone();
            thread::spawn(move || other(registry))
        });
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_empty(&registry);
        let closed = registry.recently_closed(2);
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].snapshot, registration.snapshot());
    });
}

/// A connection that moves between two labels, users and states is always found by one of each.
#[test]
fn what_changes_is_seen_before_or_after() {
    tried(|| {
        let registry = Registry::new();
        let registration = register(&registry);
        registration
            .authenticate(user(), OnDuplicate::Allow)
            .unwrap();
        let changing = thread::spawn(move || {
            let other = Identity::new().user(Arc::from("bob"));
            registration
                .authenticate(other, OnDuplicate::Allow)
                .unwrap();
            registration.set_state(State::Open);
            registration
        });
        let known = Selector::User(USER.into()).or(Selector::User("bob".into()));
        assert_eq!(registry.select(&known).len(), 1);
        assert_eq!(registry.count_online_users(), 1);
        let open = Selector::State(State::Open).and(!Selector::User("bob".into()));
        assert_eq!(registry.count_where(&open), 0);
        assert_consistent(&registry);
        let registration = changing.join().unwrap();
        let stats = registry.stats();
        assert_eq!((stats.present, stats.online_users), (1, 1));
        drop(registration);
        assert_empty(&registry);
    });
}

/// What leaves the lookups is among the recently closed in the same moment, and counted.
#[test]
fn what_is_not_present_any_more_is_recently_closed() {
    tried(|| {
        let registry = Registry::new();
        let registration = register(&registry);
        let id = registration.id();
        let closing = thread::spawn(move || registration.close(CloseReason::PeerReset));
        if registry.entry(id).is_none() {
            assert_eq!(registry.recently_closed(1)[0].snapshot.id, id);
            assert_eq!(registry.stats().closed_for(CloseReason::PeerReset), 1);
        }
        closing.join().unwrap();
        assert_empty(&registry);
    });
}
