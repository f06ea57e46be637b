//! What a registry and its registrations have in common: the tables, and who hears of changes.

use std::sync::Arc;

use super::event::Publisher;
use super::facts::Facts;
use super::sync::RwLock;
use super::tables::{Closed, Tables};
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
        self.open_in(&mut self.tables.write(), entry);
    }

    /// The same for who holds the lock already.
    pub(super) fn open_in(&self, tables: &mut Tables, entry: &Arc<Entry>) {
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
    pub(super) fn change(
        &self,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Facts),
    ) -> Result<bool, Closed> {
        self.change_in(&mut self.tables.write(), entry, change)
    }

    /// The same for who holds the lock already.
    pub(super) fn change_in(
        &self,
        tables: &mut Tables,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Facts),
    ) -> Result<bool, Closed> {
        let Some((before, after)) = tables.change(entry, change)? else {
            return Ok(false);
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
        if before.identity.user != after.identity.user {
            self.publisher.publish(|| Event::UserChanged {
                id,
                from: before.identity.user,
                to: after.identity.user,
            });
        }
        Ok(true)
    }

    /// Closes a connection for its first cause, which is `reason` if there was none; whether it
    /// was this call that closed it.
    pub(super) fn close(&self, entry: &Arc<Entry>, reason: CloseReason) -> bool {
        let reason = entry.note_close(reason);
        let mut tables = self.tables.write();
        let Some(last) = tables.close(entry, reason) else {
            return false;
        };
        self.publisher.publish(|| Event::Closed {
            id: last.id,
            direction: last.direction,
            protocol: last.protocol,
            host: last.host,
            address: last.remote_addr,
            reason,
            stats: last.stats,
            age: last.age,
        });
        drop(tables);
        entry.announce_close();
        true
    }
}
