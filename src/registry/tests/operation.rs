//! What can be done to a registry, drawn at random.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::registry::{
    Activity, AddressGroup, CloseReason, Direction, Health, OnDuplicate, Protocol, Selector, State,
};

pub(super) const HOSTS: [&str; 3] = ["a.example", "b.example", "c.example"];
pub(super) const USERS: [&str; 3] = ["ada", "bob", "cy"];
pub(super) const LABELS: [&str; 3] = ["red", "green", "blue"];
pub(super) const PLACES: Range<u16> = 1..6;
pub(super) const PROTOCOLS: [Protocol; 4] = [
    Protocol::Http1,
    Protocol::Http2,
    Protocol::Tls,
    Protocol::Other("mqtt"),
];
const MAX_SECONDS: u64 = 4;

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Advance(Duration),
    Register(Direction, Protocol, Option<&'static str>, Option<u16>),
    Change(Index, Change),
    CloseWhere(Selector, CloseReason),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Authenticate(Option<&'static str>, OnDuplicate),
    Begin,
    Close(CloseReason),
    Drop,
    End,
    Health(Health),
    Host(&'static str),
    Label(&'static str),
    LocalPlace(u16),
    NoteClose(CloseReason),
    Protocol(Protocol),
    Receive(u8),
    RemotePlace(u16),
    RequestClose(CloseReason),
    Send(u8),
    State(State),
    Unlabel(&'static str),
    User(Option<&'static str>),
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let register = (
        select(Direction::ALL),
        select(&PROTOCOLS),
        option::of(select(&HOSTS)),
        option::of(PLACES),
    );
    prop_oneof![
        2 => seconds().prop_map(Operation::Advance),
        5 => register.prop_map(|(direction, protocol, host, place)| {
            Operation::Register(direction, protocol, host, place)
        }),
        18 => (any::<Index>(), change()).prop_map(|(which, change)| Operation::Change(which, change)),
        1 => (selector(), reason()).prop_map(|(selector, reason)| {
            Operation::CloseWhere(selector, reason)
        }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let ending = prop_oneof![
        reason().prop_map(Change::Close),
        Just(Change::Drop),
        reason().prop_map(Change::NoteClose),
        reason().prop_map(Change::RequestClose),
    ];
    let traffic = prop_oneof![
        any::<u8>().prop_map(Change::Send),
        any::<u8>().prop_map(Change::Receive),
        Just(Change::Begin),
        Just(Change::End),
    ];
    let user = || option::weighted(0.8, select(&USERS));
    let identity = prop_oneof![
        1 => user().prop_map(Change::User),
        3 => (user(), select(OnDuplicate::ALL)).prop_map(|(user, policy)| {
            Change::Authenticate(user, policy)
        }),
        3 => select(&LABELS).prop_map(Change::Label),
        1 => select(&LABELS).prop_map(Change::Unlabel),
    ];
    let setting = prop_oneof![
        select(Health::ALL).prop_map(Change::Health),
        select(&HOSTS).prop_map(Change::Host),
        PLACES.prop_map(Change::LocalPlace),
        select(&PROTOCOLS).prop_map(Change::Protocol),
        PLACES.prop_map(Change::RemotePlace),
    ];
    prop_oneof![
        4 => ending,
        5 => traffic,
        7 => identity,
        8 => setting,
        4 => select(State::ALL).prop_map(Change::State),
    ]
}

pub(super) fn selector() -> impl Strategy<Value = Selector> {
    let place = prop_oneof![
        PLACES.prop_map(|place| Selector::Address(address(place))),
        PLACES.prop_map(|place| Selector::Ip(address(place).ip())),
        PLACES.prop_map(|place| Selector::AddressGroup(AddressGroup::from(address(place)))),
    ];
    let measure = prop_oneof![
        select(Activity::ALL).prop_map(Selector::Activity),
        seconds().prop_map(Selector::IdleFor),
        seconds().prop_map(Selector::OlderThan),
    ];
    let single = prop_oneof![
        1 => Just(Selector::Any),
        1 => Just(Selector::Authenticated),
        2 => select(&USERS).prop_map(|user| Selector::User(user.into())),
        3 => place,
        2 => select(&HOSTS).prop_map(|host| Selector::Host(host.into())),
        2 => select(&PROTOCOLS).prop_map(Selector::Protocol),
        1 => select(Direction::ALL).prop_map(Selector::Direction),
        2 => select(State::ALL).prop_map(Selector::State),
        1 => select(Health::ALL).prop_map(Selector::Health),
        2 => select(&LABELS).prop_map(|label| Selector::Label(label.into())),
        3 => measure,
    ];
    single.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Selector::And),
            vec(inner.clone(), 0..4).prop_map(Selector::Or),
            (inner.clone(), inner.clone()).prop_map(|(first, second)| first.and(second)),
            (inner.clone(), inner.clone()).prop_map(|(first, second)| first.or(second)),
            inner.prop_map(|inner| !inner),
        ]
    })
}

fn reason() -> impl Strategy<Value = CloseReason> {
    select(CloseReason::ALL)
}

fn seconds() -> impl Strategy<Value = Duration> {
    (0..MAX_SECONDS).prop_map(Duration::from_secs)
}

/// Five of them, in three groups: two by one IPv4 address, two by one /64, and one by itself.
pub(super) fn address(place: u16) -> SocketAddr {
    match place {
        1 | 2 => SocketAddr::from(([192, 0, 2, 1], place)),
        3 | 4 => SocketAddr::from(([0x2001, 0xdb8, 0, 1, 0, 0, 0, place], 443)),
        _ => SocketAddr::from(([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1], 443)),
    }
}

/// The group of each, known without asking.
pub(super) fn address_group(place: u16) -> &'static str {
    match place {
        1 | 2 => "192.0.2.1/32",
        3 | 4 => "2001:db8:0:1::/64",
        _ => "2001:db8:0:2::/64",
    }
}
