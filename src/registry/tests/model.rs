//! Random sequences of operations, applied to a registry and to a list, which must agree.

use std::net::SocketAddr;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::assert_consistent;
use crate::registry::{
    CloseReason, ConnectionId, Direction, Draft, Entry, Event, Events, Health, Protocol,
    Registration, Registry, State,
};

const HOSTS: [&str; 3] = ["a.example", "b.example", "c.example"];
const PORTS: std::ops::Range<u16> = 1..4;
const PROTOCOLS: [Protocol; 4] = [
    Protocol::Http1,
    Protocol::Http2,
    Protocol::Tls,
    Protocol::Other("mqtt"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_registry_agrees_with_a_list(operations in vec(operation(), 1..60)) {
        let mut pair = Pair::default();
        for operation in operations {
            pair.apply(operation);
            pair.compare();
        }
        drop(std::mem::take(&mut pair.registrations));
        pair.model.iter_mut().for_each(|model| model.close(CloseReason::Abandoned, &mut pair.told));
        pair.compare();
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Register(Direction, Protocol, Option<&'static str>, Option<u16>),
    Change(Index, Change),
    CloseAll(CloseReason),
}

#[derive(Clone, Copy, Debug)]
enum Change {
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

fn operation() -> impl Strategy<Value = Operation> {
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

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

/// What an event says, without the clock.
#[derive(Debug, PartialEq)]
enum Told {
    Opened(ConnectionId),
    State(ConnectionId, State, State),
    Health(ConnectionId, Health, Health),
    Closed(ConnectionId, CloseReason, u64),
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened { id, .. } => Self::Opened(id),
            Event::StateChanged { id, from, to } => Self::State(id, from, to),
            Event::HealthChanged { id, from, to } => Self::Health(id, from, to),
            Event::Closed {
                id, reason, stats, ..
            } => Self::Closed(id, reason, stats.bytes_sent),
            Event::Lost(count) => panic!("{count} events lost"),
        }
    }
}

struct Model {
    id: ConnectionId,
    direction: Direction,
    protocol: Protocol,
    host: Option<&'static str>,
    remote_port: Option<u16>,
    local_port: Option<u16>,
    state: State,
    health: Health,
    cause: Option<CloseReason>,
    requested: bool,
    sent: u64,
    /// What of it is in the totals.
    counted: u64,
}

impl Model {
    fn present(&self) -> bool {
        self.state != State::Closed
    }

    fn close(&mut self, reason: CloseReason, told: &mut Vec<Told>) {
        let cause = *self.cause.get_or_insert(reason);
        if self.present() {
            self.state = State::Closed;
            self.requested = true;
            told.push(Told::Closed(self.id, cause, self.sent));
        }
    }

    fn change(&mut self, change: Change, told: &mut Vec<Told>) {
        match change {
            Change::Close(reason) => self.close(reason, told),
            Change::Drop => self.close(CloseReason::Abandoned, told),
            Change::State(State::Closed) => self.close(CloseReason::LocalClose, told),
            Change::NoteClose(reason) => {
                self.cause.get_or_insert(reason);
            }
            Change::RequestClose(reason) => {
                self.cause.get_or_insert(reason);
                self.requested = true;
            }
            Change::Send(bytes) => {
                self.sent += u64::from(bytes);
                self.counted += if self.present() { u64::from(bytes) } else { 0 };
            }
            _ if !self.present() => {}
            Change::Health(health) => {
                if self.health != health {
                    told.push(Told::Health(self.id, self.health, health));
                }
                self.health = health;
            }
            Change::State(state) => {
                if state > self.state {
                    told.push(Told::State(self.id, self.state, state));
                    self.state = state;
                }
            }
            Change::Host(host) => self.host = Some(host),
            Change::LocalPort(port) => self.local_port = Some(port),
            Change::Protocol(protocol) => self.protocol = protocol,
            Change::RemotePort(port) => self.remote_port = Some(port),
        }
    }
}

struct Pair {
    registry: Registry,
    events: Events,
    /// `None` once dropped; in step with `entries` and `model`.
    registrations: Vec<Option<Registration>>,
    entries: Vec<Arc<Entry>>,
    model: Vec<Model>,
    told: Vec<Told>,
}

impl Default for Pair {
    fn default() -> Self {
        let registry = Registry::new();
        let events = registry.subscribe();
        let (registrations, entries) = (Vec::new(), Vec::new());
        Self {
            registry,
            events,
            registrations,
            entries,
            model: Vec::new(),
            told: Vec::new(),
        }
    }
}

impl Pair {
    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Register(direction, protocol, host, port) => {
                self.register(direction, protocol, host, port);
            }
            Operation::Change(_, _) if self.model.is_empty() => {}
            Operation::Change(which, change) => self.change(which.index(self.model.len()), change),
            Operation::CloseAll(reason) => {
                let asked = |model: &&mut Model| model.present() && !model.requested;
                let mut count = 0;
                for model in self.model.iter_mut().filter(asked) {
                    model.change(Change::RequestClose(reason), &mut self.told);
                    count += 1;
                }
                assert_eq!(self.registry.close_all(reason), count);
            }
        }
    }

    fn register(
        &mut self,
        direction: Direction,
        protocol: Protocol,
        host: Option<&'static str>,
        remote_port: Option<u16>,
    ) {
        let mut draft = Draft::new(direction, protocol);
        if let Some(host) = host {
            draft = draft.host(Arc::from(host));
        }
        if let Some(port) = remote_port {
            draft = draft.remote_addr(address(port));
        }
        let registration = self.registry.register(draft);
        let id = registration.id();
        self.told.push(Told::Opened(id));
        self.entries.push(Arc::clone(&registration));
        self.registrations.push(Some(registration));
        self.model.push(Model {
            id,
            direction,
            protocol,
            host,
            remote_port,
            local_port: None,
            state: State::Connecting,
            health: Health::Healthy,
            cause: None,
            requested: false,
            sent: 0,
            counted: 0,
        });
    }

    fn change(&mut self, which: usize, change: Change) {
        let Some(registration) = &self.registrations[which] else {
            return;
        };
        let moves = matches!(change, Change::State(state) if state > self.model[which].state);
        match change {
            Change::Close(reason) => registration.close(reason),
            Change::Drop => self.registrations[which] = None,
            Change::Health(health) => registration.set_health(health),
            Change::Host(host) => registration.set_host(Arc::from(host)),
            Change::LocalPort(port) => registration.set_local_addr(address(port)),
            Change::NoteClose(reason) => registration.note_close(reason),
            Change::Protocol(protocol) => registration.set_protocol(protocol),
            Change::RemotePort(port) => registration.set_remote_addr(address(port)),
            Change::RequestClose(reason) => registration.request_close(reason),
            Change::Send(bytes) => registration.stats().record_sent(u64::from(bytes)),
            Change::State(state) => assert_eq!(registration.set_state(state), moves),
        }
        self.model[which].change(change, &mut self.told);
    }

    fn compare(&mut self) {
        let (registry, model) = (&self.registry, &self.model);
        assert_consistent(registry);
        self.compare_lookup(registry.entries(), registry.count(), |_| true);
        for direction in Direction::ALL.iter().copied() {
            let found = registry.by_direction(direction);
            let count = registry.count_by_direction(direction);
            self.compare_lookup(found, count, |model| model.direction == direction);
        }
        for host in HOSTS {
            let (found, count) = (registry.by_host(host), registry.count_by_host(host));
            self.compare_lookup(found, count, |model| model.host == Some(host));
        }
        for port in PORTS {
            let found = registry.by_address(address(port));
            let count = registry.count_by_address(address(port));
            self.compare_lookup(found, count, |model| model.remote_port == Some(port));
        }
        for protocol in PROTOCOLS {
            let found = registry.by_protocol(protocol);
            let count = registry.count_by_protocol(protocol);
            self.compare_lookup(found, count, |model| model.protocol == protocol);
        }
        for state in State::ALL.iter().copied() {
            let (found, count) = (registry.by_state(state), registry.count_by_state(state));
            self.compare_lookup(found, count, |model| model.state == state);
        }
        for (entry, model) in self.entries.iter().zip(model) {
            compare_entry(entry, model);
            assert_eq!(registry.entry(model.id).is_some(), model.present());
        }
        let stats = registry.stats();
        assert_eq!(stats.opened, model.len() as u64);
        assert_eq!(
            stats.bytes_sent,
            model.iter().map(|model| model.counted).sum::<u64>()
        );
        for reason in CloseReason::ALL.iter().copied() {
            let closed = |model: &&Model| !model.present() && model.cause == Some(reason);
            assert_eq!(
                stats.closed_for(reason),
                model.iter().filter(closed).count() as u64
            );
        }
        let heard: Vec<_> = std::iter::from_fn(|| self.events.try_recv())
            .map(Told::from)
            .collect();
        assert_eq!(heard, std::mem::take(&mut self.told));
    }

    fn compare_lookup(&self, found: Vec<Arc<Entry>>, count: usize, picks: impl Fn(&Model) -> bool) {
        let expected = self
            .model
            .iter()
            .filter(|model| model.present() && picks(model));
        let expected: Vec<_> = expected.map(|model| model.id).collect();
        assert_eq!(
            found.iter().map(|entry| entry.id()).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(count, expected.len());
    }
}

fn compare_entry(entry: &Entry, model: &Model) {
    let snapshot = entry.snapshot();
    assert_eq!(
        (snapshot.id, snapshot.direction),
        (model.id, model.direction)
    );
    assert_eq!(
        (snapshot.protocol, snapshot.host.as_deref()),
        (model.protocol, model.host)
    );
    assert_eq!(snapshot.remote_addr, model.remote_port.map(address));
    assert_eq!(snapshot.local_addr, model.local_port.map(address));
    assert_eq!(
        (snapshot.state, snapshot.health),
        (model.state, model.health)
    );
    assert_eq!(snapshot.stats.bytes_sent, model.sent);
    assert_eq!(snapshot.close_reason, model.cause);
    assert_eq!(entry.is_close_requested(), model.requested);
}
