//! A connection as plain fields, to compare the registry's with.

use std::collections::BTreeSet;
use std::time::Duration;

use super::operation::{Change, address, address_group};
use crate::registry::{
    Activity, CloseReason, ConnectionId, Direction, Event, Health, Protocol, Selector, State,
};

/// What an event says, without the clock.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Opened(ConnectionId),
    State(ConnectionId, State, State),
    Health(ConnectionId, Health, Health),
    User(ConnectionId, Option<String>, Option<String>),
    Closed(ConnectionId, CloseReason, u64),
}

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened { id, .. } => Self::Opened(id),
            Event::StateChanged { id, from, to } => Self::State(id, from, to),
            Event::HealthChanged { id, from, to } => Self::Health(id, from, to),
            Event::UserChanged { id, from, to } => {
                let [from, to] = [from, to].map(|user| user.map(|user| user.to_string()));
                Self::User(id, from, to)
            }
            Event::Closed {
                id, reason, stats, ..
            } => Self::Closed(id, reason, stats.bytes_sent),
            Event::Lost(count) => panic!("{count} events lost"),
        }
    }
}

pub(super) struct Model {
    pub(super) id: ConnectionId,
    pub(super) direction: Direction,
    pub(super) protocol: Protocol,
    pub(super) host: Option<&'static str>,
    pub(super) remote_place: Option<u16>,
    pub(super) local_place: Option<u16>,
    pub(super) state: State,
    pub(super) health: Health,
    pub(super) user: Option<&'static str>,
    pub(super) labels: BTreeSet<&'static str>,
    pub(super) in_flight: usize,
    pub(super) cause: Option<CloseReason>,
    pub(super) requested: bool,
    pub(super) sent: u64,
    /// What of it is in the totals.
    pub(super) counted: u64,
    pub(super) age: Duration,
    pub(super) idle: Duration,
}

impl Model {
    pub(super) fn new(id: ConnectionId, direction: Direction, protocol: Protocol) -> Self {
        Self {
            id,
            direction,
            protocol,
            host: None,
            remote_place: None,
            local_place: None,
            state: State::Connecting,
            health: Health::Healthy,
            user: None,
            labels: BTreeSet::new(),
            in_flight: 0,
            cause: None,
            requested: false,
            sent: 0,
            counted: 0,
            age: Duration::ZERO,
            idle: Duration::ZERO,
        }
    }

    pub(super) fn present(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether `selector` means it, which its fields alone say.
    pub(super) fn is_meant(&self, selector: &Selector) -> bool {
        let there = |place: &u16| address(*place);
        match selector {
            Selector::Any => true,
            Selector::Id(id) => self.id == *id,
            Selector::User(user) => self.user == Some(&**user),
            Selector::Authenticated => self.user.is_some(),
            Selector::Address(at) => self.remote_place.as_ref().map(there) == Some(*at),
            Selector::Ip(ip) => self.remote_place.map(|place| address(place).ip()) == Some(*ip),
            Selector::AddressGroup(group) => {
                self.remote_place.map(address_group) == Some(&*group.to_string())
            }
            Selector::Host(host) => self.host == Some(&**host),
            Selector::Protocol(protocol) => self.protocol == *protocol,
            Selector::Direction(direction) => self.direction == *direction,
            Selector::State(state) => self.state == *state,
            Selector::Activity(activity) => (self.in_flight > 0) == (*activity == Activity::Active),
            Selector::Health(health) => self.health == *health,
            Selector::Label(label) => self.labels.contains(&**label),
            Selector::IdleFor(longer) => self.idle > *longer,
            Selector::OlderThan(longer) => self.age > *longer,
            Selector::And(all) => all.iter().all(|each| self.is_meant(each)),
            Selector::Or(any) => any.iter().any(|each| self.is_meant(each)),
            Selector::Not(negated) => !self.is_meant(negated),
        }
    }

    pub(super) fn advance(&mut self, time: Duration) {
        if self.present() {
            self.age += time;
            self.idle += time;
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason, told: &mut Vec<Told>) {
        let cause = *self.cause.get_or_insert(reason);
        if self.present() {
            self.state = State::Closed;
            self.requested = true;
            told.push(Told::Closed(self.id, cause, self.sent));
        }
    }

    pub(super) fn change(&mut self, change: Change, told: &mut Vec<Told>) {
        match change {
            Change::Begin => self.in_flight += 1,
            Change::Close(reason) => self.close(reason, told),
            Change::Drop => self.close(CloseReason::Abandoned, told),
            Change::End => self.in_flight = self.in_flight.saturating_sub(1),
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
            Change::User(user) | Change::Authenticate(user, _) => {
                if self.user != user {
                    let [from, to] = [self.user, user].map(|user| user.map(String::from));
                    told.push(Told::User(self.id, from, to));
                }
                self.user = user;
            }
            Change::Host(host) => self.host = Some(host),
            Change::Label(label) => {
                self.labels.insert(label);
            }
            Change::LocalPlace(place) => self.local_place = Some(place),
            Change::Protocol(protocol) => self.protocol = protocol,
            Change::Receive(_) => self.idle = Duration::ZERO,
            Change::RemotePlace(place) => self.remote_place = Some(place),
            Change::Unlabel(label) => {
                self.labels.remove(label);
            }
        }
    }
}
