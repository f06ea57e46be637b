//! What the systems that this registry replaces got wrong, by the numbers of the defect table in
//! the requirements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{assert_consistent, assert_empty};
use crate::registry::{
    Activity, AddressGroup, AttributeError, CloseReason, Direction, Draft, Event, Identity,
    OnDuplicate, Protocol, Registration, Registry, Selector, State,
};

fn register(registry: &Registry) -> Registration {
    registry.register(Draft::new(Direction::Inbound, Protocol::WebSocket))
}

fn ada() -> Identity {
    Identity::new().user(Arc::from("ada"))
}

/// Global statistics were handed out by reference while other threads wrote to them.
#[test]
fn r1_statistics_are_of_one_moment_and_do_not_change_afterwards() {
    const ROUNDS: u64 = 500;
    let registry = Registry::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let registration = register(&registry);
                registration.stats().record_sent(1);
                registration.close(CloseReason::LocalClose);
            }
            done.store(true, Ordering::Release);
        });
        let mut before = registry.stats();
        while !done.load(Ordering::Acquire) {
            let now = registry.stats();
            assert_eq!(now.opened, now.closed + now.present as u64);
            assert!(now.bytes_sent >= now.closed && now.bytes_sent <= now.opened);
            assert!(now.bytes_sent >= before.bytes_sent && now.closed >= before.closed);
            before = now;
        }
    });
    let taken = registry.stats();
    let copy = taken.clone();
    register(&registry).stats().record_sent(1);
    assert_eq!(taken, copy);
    assert_eq!((taken.bytes_sent, taken.closed), (ROUNDS, ROUNDS));
}

/// A missing attribute and one of another type were two unrelated exceptions.
#[test]
fn r2_an_attribute_that_cannot_be_had_is_one_type_of_error() {
    let registry = Registry::new();
    let registration = register(&registry);
    let room = |registration: &Registration| -> Result<u32, AttributeError> {
        registration
            .attributes()
            .value::<u32>("room")
            .map(|room| *room)
    };
    assert_eq!(room(&registration), Err(AttributeError::Missing));
    registration.attributes().insert("room", "attic");
    assert_eq!(room(&registration), Err(AttributeError::WrongType));
    registration.attributes().insert("room", 7_u32);
    assert_eq!(room(&registration), Ok(7));
}

/// Authenticating left the user's older connection open, and when that one went it took the user's
/// entry, by then the newer connection's, with it.
#[test]
fn r4_the_end_of_a_replaced_connection_leaves_its_successor_in_place() {
    let registry = Registry::new();
    let [old, new] = [(); 2].map(|()| register(&registry));
    old.authenticate(ada(), OnDuplicate::Replace).unwrap();
    let replaced = new.authenticate(ada(), OnDuplicate::Replace).unwrap();
    assert_eq!(replaced[0].id(), old.id());
    assert!(old.is_close_requested());
    assert_eq!(old.close_reason(), Some(CloseReason::Replaced));

    drop(old);
    let found = registry.by_user("ada");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id(), new.id());
    assert_eq!(registry.online_users(), [Arc::from("ada")]);
    assert_consistent(&registry);
    drop(new);
    assert_empty(&registry);
}

/// The callback for errors was never called.
#[test]
fn r5_who_listens_hears_of_errors() {
    let registry = Registry::new();
    let mut events = registry.subscribe();
    register(&registry).close(CloseReason::PeerReset);
    assert_eq!(events.try_recv().unwrap().as_str(), "connection_added");
    let closed = events.try_recv().unwrap();
    assert_eq!(closed.as_str(), "connection_removed");
    assert!(matches!(closed, Event::Closed { reason, .. } if reason.is_error()));
}

/// Closed connections were handed out as idle ones, and those handed out still counted as idle.
#[test]
fn r6_what_is_found_idle_is_present_and_idle() {
    let registry = Registry::new();
    let idle = Selector::Activity(Activity::Idle);
    let [kept, closed] = [(); 2].map(|()| register(&registry));
    assert_eq!(registry.count_where(&idle), 2);
    let found = registry.select(&idle);
    closed.close(CloseReason::PeerClosed);
    assert_eq!(registry.select(&idle)[0].id(), kept.id());
    assert_eq!(registry.count_where(&idle), 1);
    // Who looked before sees it by the entry itself.
    assert_eq!(found[1].state(), State::Closed);

    let taken = kept.begin();
    assert_eq!(registry.count_where(&idle), 0);
    assert_eq!(taken.entry().activity(), Activity::Active);
    drop(taken);
    assert_eq!(registry.count_where(&idle), 1);
}

/// Names were made of the time and a random number, and finding one was a search of all.
#[test]
fn r8_an_id_is_never_given_twice_and_leads_straight_to_its_connection() {
    let registry = Registry::new();
    let mut ids = Vec::new();
    for _ in 0..100 {
        let registration = register(&registry);
        let id = registration.id();
        assert!(ids.last().is_none_or(|last| id > *last));
        assert_eq!(registry.entry(id).unwrap().id(), id);
        drop(registration);
        assert!(registry.entry(id).is_none());
        ids.push(id);
    }
    // One of many is found by looking at one.
    let kept: Vec<_> = (0..100).map(|_| register(&registry)).collect();
    let selector = Selector::Id(kept[50].id());
    assert_eq!(registry.select(&selector)[0].id(), kept[50].id());
}

/// Errors only added to a rate that never fell; here they are counts, and a rate is a difference.
#[test]
fn r9_errors_are_counted_one_by_one() {
    let registry = Registry::new();
    let registration = register(&registry);
    (0..10).for_each(|_| registration.stats().record_request());
    registration.stats().record_error();
    let before = registry.stats();
    (0..10).for_each(|_| registration.stats().record_request());
    let after = registry.stats();
    assert_eq!((before.requests, before.errors), (10, 1));
    let window = (
        after.requests - before.requests,
        after.errors - before.errors,
    );
    assert_eq!(window, (10, 0));
}

/// A host whose last connection was gone stayed in the table for ever.
#[test]
fn r18_no_key_outlives_its_last_connection() {
    let registry = Registry::new();
    for number in 0..100_u8 {
        let address = ([192, 0, 2, number], 443).into();
        let host: Arc<str> = format!("host{number}.example").into();
        let draft = Draft::new(Direction::Inbound, Protocol::Tcp).host(host);
        let registration = registry.register(draft.remote_addr(address));
        let user = Identity::new().user(format!("user{number}").into());
        registration
            .authenticate(user, OnDuplicate::Refuse)
            .unwrap();
        registration.add_label(format!("label{number}")).unwrap();
        registration.add_label("kept").unwrap();
        registration.remove_label("kept");
        assert_eq!(registry.count_by_label("kept"), 0);
        assert_eq!(
            registry.count_by_address_group(AddressGroup::from(address)),
            1
        );
    }
    assert_empty(&registry);
    assert!(registry.online_users().is_empty());
}

/// C15b: what a server broadcast kept peers that were gone among the active.
#[tokio::test(start_paused = true)]
async fn c15b_what_is_sent_to_a_peer_does_not_make_it_less_idle() {
    let registry = Registry::new();
    let registration = register(&registry);
    for _ in 0..10 {
        tokio::time::advance(Duration::from_secs(1)).await;
        registration.stats().record_sent(1_000);
        registration.stats().record_message_sent();
    }
    assert_eq!(registration.idle_for(), Duration::from_secs(10));
    assert_eq!(registry.close_idle(Duration::from_secs(9)), 1);
    assert_eq!(registration.close_reason(), Some(CloseReason::IdleTimeout));
}
