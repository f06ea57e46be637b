//! Random sequences of operations, applied to a registry and to a list, which must agree.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::assert_consistent;
use super::model::{Model, Told};
use super::operation::{Change, HOSTS, Operation, PORTS, PROTOCOLS, address, operation};
use crate::registry::{
    CloseReason, Direction, Draft, Entry, Events, Health, Protocol, Registration, Registry, State,
};

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
