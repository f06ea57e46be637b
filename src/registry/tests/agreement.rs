//! Random sequences of operations, applied to a registry and to a list, which must agree.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Model, Told};
use super::operation::{
    Change, HOSTS, LABELS, Operation, PLACES, PROTOCOLS, USERS, address, address_group, operation,
    selector,
};
use super::{assert_consistent, assert_empty};
use crate::registry::{
    ActivityGuard, AddressGroup, AuthenticateError, CloseReason, ConnectionId, Direction, Draft,
    Entry, Events, Identity, OnDuplicate, Protocol, Registration, Registry, Selector, State,
};

/// Less than what is closed in most runs, so that the oldest are forgotten.
const REMEMBERED: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_registry_agrees_with_a_list(
        operations in vec(operation(), 1..60),
        selectors in vec(selector(), 4),
    ) {
        paused(async {
            let mut pair = Pair::default();
            for operation in operations {
                pair.apply(operation).await;
                pair.compare();
                selectors.iter().for_each(|selector| pair.compare_selector(selector));
            }
            drop(std::mem::take(&mut pair.registrations));
            let closes = (0..pair.model.len()).map(|which| (which, Change::Drop));
            closes.for_each(|(which, change)| pair.change_model(which, change));
            pair.compare();
            assert_empty(&pair.registry);
        });
    }
}

/// Runs with a clock that stands still unless it is advanced.
fn paused(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

struct Pair {
    registry: Registry,
    events: Events,
    /// `None` once dropped; in step with `entries`, `exchanges` and `model`.
    registrations: Vec<Option<Registration>>,
    entries: Vec<Arc<Entry>>,
    exchanges: Vec<Vec<ActivityGuard>>,
    model: Vec<Model>,
    told: Vec<Told>,
    /// Newest first.
    closed: Vec<ConnectionId>,
    peak: usize,
}

impl Default for Pair {
    fn default() -> Self {
        let registry = Registry::builder().recently_closed(REMEMBERED).build();
        let events = registry.subscribe();
        Self {
            registry,
            events,
            registrations: Vec::new(),
            entries: Vec::new(),
            exchanges: Vec::new(),
            model: Vec::new(),
            told: Vec::new(),
            closed: Vec::new(),
            peak: 0,
        }
    }
}

impl Pair {
    async fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Advance(time) => {
                tokio::time::advance(time).await;
                self.model.iter_mut().for_each(|model| model.advance(time));
            }
            Operation::Register(direction, protocol, host, place) => {
                self.register(direction, protocol, host, place);
            }
            Operation::Change(_, _) if self.model.is_empty() => {}
            Operation::Change(which, change) => self.change(which.index(self.model.len()), change),
            Operation::CloseWhere(selector, reason) => {
                let meant = |model: &Model| {
                    model.present() && !model.requested && model.is_meant(&selector)
                };
                let asked = self.matching(meant);
                for which in &asked {
                    self.change_model(*which, Change::RequestClose(reason));
                }
                let count = self.registry.close_where(&selector, reason);
                assert_eq!(count, asked.len());
            }
        }
    }

    fn register(
        &mut self,
        direction: Direction,
        protocol: Protocol,
        host: Option<&'static str>,
        remote_place: Option<u16>,
    ) {
        let mut draft = Draft::new(direction, protocol);
        if let Some(host) = host {
            draft = draft.host(Arc::from(host));
        }
        if let Some(place) = remote_place {
            draft = draft.remote_addr(address(place));
        }
        let registration = self.registry.register(draft);
        let id = registration.id();
        self.told.push(Told::Opened(id));
        self.entries.push(Arc::clone(&registration));
        self.registrations.push(Some(registration));
        self.exchanges.push(Vec::new());
        self.model.push(Model {
            host,
            remote_place,
            ..Model::new(id, direction, protocol)
        });
        self.peak = self.peak.max(self.matching(Model::present).len());
    }

    fn change(&mut self, which: usize, change: Change) {
        let Some(registration) = &self.registrations[which] else {
            return;
        };
        let model = &self.model[which];
        let moves = matches!(change, Change::State(state) if state > model.state);
        let present = model.present();
        match change {
            Change::Authenticate(user, policy) => return self.authenticate(which, user, policy),
            Change::Begin => self.exchanges[which].push(registration.begin()),
            Change::Close(reason) => registration.close(reason),
            Change::Drop => self.registrations[which] = None,
            Change::End => drop(self.exchanges[which].pop()),
            Change::Health(health) => registration.set_health(health),
            Change::Host(host) => registration.set_host(Arc::from(host)),
            Change::Label(label) => {
                let added = registration.add_label(label).unwrap_or(false);
                assert_eq!(added, present && !model.labels.contains(label));
            }
            Change::LocalPlace(place) => registration.set_local_addr(address(place)),
            Change::NoteClose(reason) => registration.note_close(reason),
            Change::Protocol(protocol) => registration.set_protocol(protocol),
            // What is received after the end is of no interest, and the owner sees none.
            Change::Receive(_) if !present => {}
            Change::Receive(bytes) => registration.stats().record_received(u64::from(bytes)),
            Change::RemotePlace(place) => registration.set_remote_addr(address(place)),
            Change::RequestClose(reason) => registration.request_close(reason),
            Change::Send(bytes) => registration.stats().record_sent(u64::from(bytes)),
            Change::State(state) => assert_eq!(registration.set_state(state), moves),
            Change::Unlabel(label) => {
                let removed = registration.remove_label(label);
                assert_eq!(removed, present && model.labels.contains(label));
            }
            Change::User(user) => registration.set_identity(identity(user)),
        }
        self.change_model(which, change);
    }

    fn authenticate(&mut self, which: usize, user: Option<&'static str>, policy: OnDuplicate) {
        let (present, id) = (self.model[which].present(), self.model[which].id);
        let others = self.matching(|model| {
            let same = user.is_some() && model.user == user && model.id != id;
            same && model.present() && !model.requested
        });
        let mut other_ids = others.iter().map(|other| self.model[*other].id);
        let expected = match policy {
            _ if !present => Err(AuthenticateError::Closed),
            OnDuplicate::Refuse if !others.is_empty() => Err(AuthenticateError::Duplicate {
                holder: other_ids.next().unwrap(),
            }),
            OnDuplicate::Replace => Ok(other_ids.collect()),
            OnDuplicate::Allow | OnDuplicate::Refuse => Ok(Vec::new()),
        };
        let outcome = self.registry.authenticate(id, identity(user), policy);
        let outcome = outcome.map(|replaced| replaced.iter().map(|entry| entry.id()).collect());
        assert_eq!(outcome, expected);
        if outcome.is_ok() {
            self.change_model(which, Change::Authenticate(user, policy));
        }
        if present && policy == OnDuplicate::Replace {
            for other in others {
                self.change_model(other, Change::RequestClose(CloseReason::Replaced));
            }
        }
    }

    fn change_model(&mut self, which: usize, change: Change) {
        let model = &mut self.model[which];
        let was_present = model.present();
        model.change(change, &mut self.told);
        if was_present && !model.present() {
            self.closed.insert(0, model.id);
        }
    }

    /// Where in the list those are.
    fn matching(&self, picks: impl Fn(&Model) -> bool) -> Vec<usize> {
        let numbered = self.model.iter().enumerate();
        let picked = numbered.filter(|(_, model)| picks(model));
        picked.map(|(which, _)| which).collect()
    }

    fn compare(&mut self) {
        self.compare_lookups();
        self.compare_stats();
        for (entry, model) in self.entries.iter().zip(&self.model) {
            compare_entry(entry, model);
            let found = self.registry.entry(model.id);
            assert_eq!(found.is_some(), model.present());
        }
        let remembered = self.registry.recently_closed(usize::MAX);
        let ids = remembered.iter().map(|closed| closed.snapshot.id);
        assert!(ids.eq(self.closed.iter().take(REMEMBERED).copied()));
        let heard: Vec<_> = std::iter::from_fn(|| self.events.try_recv())
            .map(Told::from)
            .collect();
        assert_eq!(heard, std::mem::take(&mut self.told));
    }

    fn compare_lookups(&self) {
        let registry = &self.registry;
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
        for place in PLACES {
            let found = registry.by_address(address(place));
            let count = registry.count_by_address(address(place));
            self.compare_lookup(found, count, |model| model.remote_place == Some(place));

            let group = AddressGroup::from(address(place));
            let found = registry.by_address_group(group);
            let count = registry.count_by_address_group(group);
            self.compare_lookup(found, count, |model| {
                model.remote_place.map(address_group) == Some(address_group(place))
            });
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
        for label in LABELS {
            let (found, count) = (registry.by_label(label), registry.count_by_label(label));
            self.compare_lookup(found, count, |model| model.labels.contains(label));
        }
        let mut online = Vec::new();
        for user in USERS {
            let (found, count) = (registry.by_user(user), registry.count_by_user(user));
            online.extend((count > 0).then_some(Arc::from(user)));
            self.compare_lookup(found, count, |model| model.user == Some(user));
        }
        assert_eq!(registry.online_users(), online);
        assert_eq!(registry.count_online_users(), online.len());
    }

    fn compare_selector(&self, selector: &Selector) {
        let registry = &self.registry;
        let (found, count) = (registry.select(selector), registry.count_where(selector));
        for (entry, model) in self.entries.iter().zip(&self.model) {
            assert_eq!(selector.matches(entry), model.is_meant(selector));
        }
        let ids: Vec<_> = found.iter().map(|entry| entry.id()).collect();
        self.compare_lookup(found, count, |model| model.is_meant(selector));
        for limit in 1..3 {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = registry.page(selector, after, limit);
                listed.extend(page.iter().map(|entry| entry.id()));
                after = listed.last().copied();
                if page.len() < limit {
                    break;
                }
            }
            assert_eq!(listed, ids);
        }
    }

    fn compare_lookup(&self, found: Vec<Arc<Entry>>, count: usize, picks: impl Fn(&Model) -> bool) {
        let expected = self.matching(|model| model.present() && picks(model));
        let expected: Vec<_> = expected
            .into_iter()
            .map(|which| self.model[which].id)
            .collect();
        let found: Vec<_> = found.iter().map(|entry| entry.id()).collect();
        assert_eq!(found, expected);
        assert_eq!(count, expected.len());
    }

    fn compare_stats(&self) {
        let stats = self.registry.stats();
        let present = self.matching(Model::present);
        assert_eq!(stats.opened, self.model.len() as u64);
        assert_eq!((stats.present, stats.peak), (present.len(), self.peak));
        let active = self.matching(|model| model.present() && model.in_flight > 0);
        assert_eq!(stats.active, active.len());
        let ages: Duration = present.iter().map(|which| self.model[*which].age).sum();
        let connections = u32::try_from(present.len()).unwrap();
        assert_eq!(
            stats.average_age,
            ages.checked_div(connections).unwrap_or_default()
        );
        let counted: u64 = self.model.iter().map(|model| model.counted).sum();
        assert_eq!(stats.bytes_sent, counted);
        for reason in CloseReason::ALL.iter().copied() {
            let closed = self.matching(|model| !model.present() && model.cause == Some(reason));
            assert_eq!(stats.closed_for(reason), closed.len() as u64);
        }
        for protocol in PROTOCOLS {
            let of_it = self.model.iter().filter(|model| model.protocol == protocol);
            let (present, closed): (Vec<_>, Vec<_>) = of_it.partition(|model| model.present());
            let expected = stats.of_protocol(protocol);
            assert_eq!(present.len(), expected.present);
            assert_eq!(closed.len() as u64, expected.closed);
            let counted = present.iter().chain(&closed).map(|model| model.counted);
            assert_eq!(counted.sum::<u64>(), expected.bytes_sent);
        }
    }
}

fn identity(user: Option<&'static str>) -> Identity {
    match user {
        Some(user) => Identity::new().user(Arc::from(user)),
        None => Identity::new(),
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
    assert_eq!(snapshot.remote_addr, model.remote_place.map(address));
    assert_eq!(snapshot.local_addr, model.local_place.map(address));
    assert_eq!(
        (snapshot.state, snapshot.health),
        (model.state, model.health)
    );
    assert_eq!(snapshot.identity.user.as_deref(), model.user);
    let labels = snapshot.labels.iter().map(|label| &**label);
    assert!(labels.eq(model.labels.iter().copied()));
    assert_eq!((snapshot.age, snapshot.idle_for), (model.age, model.idle));
    assert_eq!(snapshot.in_flight, model.in_flight);
    assert_eq!(snapshot.stats.bytes_sent, model.sent);
    assert_eq!(snapshot.close_reason, model.cause);
    assert_eq!(entry.is_close_requested(), model.requested);
}
