//! A connection as plain fields, to compare the registry's with.

use super::operation::Change;
use crate::registry::{CloseReason, ConnectionId, Direction, Event, Health, Protocol, State};

/// What an event says, without the clock.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
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

pub(super) struct Model {
    pub(super) id: ConnectionId,
    pub(super) direction: Direction,
    pub(super) protocol: Protocol,
    pub(super) host: Option<&'static str>,
    pub(super) remote_port: Option<u16>,
    pub(super) local_port: Option<u16>,
    pub(super) state: State,
    pub(super) health: Health,
    pub(super) cause: Option<CloseReason>,
    pub(super) requested: bool,
    pub(super) sent: u64,
    /// What of it is in the totals.
    pub(super) counted: u64,
}

impl Model {
    pub(super) fn present(&self) -> bool {
        self.state != State::Closed
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
