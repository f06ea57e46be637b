//! What can be done to a registry, drawn at random.

use std::net::SocketAddr;
use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::registry::{CloseReason, Direction, Health, Protocol, State};

pub(super) const HOSTS: [&str; 3] = ["a.example", "b.example", "c.example"];
pub(super) const PORTS: Range<u16> = 1..4;
pub(super) const PROTOCOLS: [Protocol; 4] = [
    Protocol::Http1,
    Protocol::Http2,
    Protocol::Tls,
    Protocol::Other("mqtt"),
];

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Register(Direction, Protocol, Option<&'static str>, Option<u16>),
    Change(Index, Change),
    CloseAll(CloseReason),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Close(CloseReason),
    Drop,
    Health(Health),
    Host(&'static str),
    LocalPort(u16),
    NoteClose(CloseReason),
    Protocol(Protocol),
    RemotePort(u16),
    RequestClose(CloseReason),
    Send(u8),
    State(State),
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    let register = (
        select(Direction::ALL),
        select(&PROTOCOLS),
        proptest::option::of(select(&HOSTS)),
        proptest::option::of(PORTS),
    );
    prop_oneof![
        4 => register.prop_map(|(direction, protocol, host, port)| {
            Operation::Register(direction, protocol, host, port)
        }),
        12 => (any::<Index>(), change()).prop_map(|(which, change)| Operation::Change(which, change)),
        1 => reason().prop_map(Operation::CloseAll),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => reason().prop_map(Change::Close),
        1 => Just(Change::Drop),
        2 => select(Health::ALL).prop_map(Change::Health),
        2 => select(&HOSTS).prop_map(Change::Host),
        1 => PORTS.prop_map(Change::LocalPort),
        1 => reason().prop_map(Change::NoteClose),
        2 => select(&PROTOCOLS).prop_map(Change::Protocol),
        2 => PORTS.prop_map(Change::RemotePort),
        1 => reason().prop_map(Change::RequestClose),
        2 => any::<u8>().prop_map(Change::Send),
        4 => select(State::ALL).prop_map(Change::State),
    ]
}

fn reason() -> impl Strategy<Value = CloseReason> {
    select(CloseReason::ALL)
}

pub(super) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}
