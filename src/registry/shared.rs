//! What a registry and its registrations have in common: the tables, and who hears of changes.

use std::sync::Arc;

use parking_lot::RwLock;

use super::event::Publisher;
use super::facts::Facts;
use super::tables::Tables;
use super::{CloseReason, Entry, Event};

/// Events are published with the lock held: so their order is the order in which the tables
/// changed, for all connections. It costs the lock little, as a send never waits for a receiver:
/// it copies the event and schedules the tasks that wait for one.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) tables: RwLock<Tables>,
    pub(super) publisher: Publisher,
}

impl Shared {
    pub(super) fn open(&self, entry: &Arc<Entry>) {
        let mut tables = self.tables.write();
        tables.insert(entry);
        self.publisher.publish(|| Event::Opened {
            id: entry.id(),
            direction: entry.direction(),
            protocol: entry.protocol(),
            host: entry.host(),
            address: entry.remote_addr(),
        });
    }

    /// Changes a connection's facts; whether they are different now.
    pub(super) fn change(&self, entry: &Arc<Entry>, change: impl FnOnce(&mut Facts)) -> bool {
        let mut tables = self.tables.write();
        let Some((before, after)) = tables.change(entry, change) else {
            return false;
        };
        let id = entry.id();
        if before.state != after.state {
            self.publisher.publish(|| Event::StateChanged {
                id,
                from: before.state,
                to: after.state,
            });
        }
        if before.health != after.health {
            self.publisher.publish(|| Event::HealthChanged {
                id,
                from: before.health,
                to: after.health,
            });
        }
        true
    }

    /// Closes a connection for its first cause, which is `reason` if there was none; whether it
    /// was this call that closed it.
    pub(super) fn close(&self, entry: &Arc<Entry>, reason: CloseReason) -> bool {
        let reason = entry.note_close(reason);
        let mut tables = self.tables.write();
        let Some((facts, stats)) = tables.close(entry, reason) else {
            return false;
        };
        self.publisher.publish(|| Event::Closed {
            id: entry.id(),
            direction: entry.direction(),
            protocol: facts.protocol,
            host: facts.host,
            address: facts.remote_addr,
            reason,
            stats,
            age: entry.age(),
        });
        drop(tables);
        entry.announce_close();
        true
    }
}
