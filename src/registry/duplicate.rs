//! Who may have one connection only: a user, an address group, whatever a selector says.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::named::named;
use super::{CloseReason, ConnectionId, Draft, Entry, Registration, Registry, Selector};

named! {
    /// What becomes of the other connections when there is one more, of the same user for instance.
    /// One that was [asked to close](Entry::request_close) does not count: it is on its way out.
    OnDuplicate {
        /// They stay: one connection per device, say.
        Allow = "allow",
        /// They are asked to close, for [`CloseReason::Replaced`].
        Replace = "replace",
        /// They stay, and the new one is refused.
        Refuse = "refuse",
    }
}

impl Registry {
    /// Enters a connection, as [`register`](Self::register) does, and settles in the same step what
    /// becomes of those that `others` means: of the same address group, for instance, which can
    /// have one connection then. Gives those that were asked to close, oldest first.
    ///
    /// Costs what [`register`](Self::register) and [`select`](Self::select) do, under one lock.
    ///
    /// # Errors
    ///
    /// [`Duplicate`] when there is such a connection and the policy is to refuse. Then nothing was
    /// entered.
    pub fn register_among(
        &self,
        draft: Draft,
        others: &Selector,
        policy: OnDuplicate,
    ) -> Result<(Registration, Vec<Arc<Entry>>), Duplicate> {
        let entry = Arc::new(Entry::new(draft));
        let mut tables = self.shared.tables.write();
        let replaced = policy.settle(entry.id(), || {
            let holders = tables.select(others, Instant::now());
            holders.into_iter().cloned().collect()
        })?;
        self.shared.open_in(&mut tables, &entry);
        drop(tables);
        let registration = Registration::new(Arc::clone(&self.shared), entry);
        replace(&replaced);
        Ok((registration, replaced))
    }
}

impl OnDuplicate {
    /// Which of `holders` are to go when `newcomer` is one of them, oldest first.
    pub(super) fn settle(
        self,
        newcomer: ConnectionId,
        holders: impl FnOnce() -> Vec<Arc<Entry>>,
    ) -> Result<Vec<Arc<Entry>>, Duplicate> {
        if self == Self::Allow {
            return Ok(Vec::new());
        }
        let mut holders = holders();
        holders.retain(|holder| holder.id() != newcomer && !holder.is_close_requested());
        holders.sort_unstable_by_key(|holder| holder.id());
        match holders.first() {
            Some(oldest) if self == Self::Refuse => Err(Duplicate {
                holder: oldest.id(),
            }),
            _ => Ok(holders),
        }
    }
}

/// Tells them. Not under the lock: waking an owner may run foreign code.
pub(super) fn replace(entries: &[Arc<Entry>]) {
    for entry in entries {
        entry.request_close(CloseReason::Replaced);
    }
}

/// There is such a connection already, and is to be one only.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Duplicate {
    /// That connection: the oldest if there are several.
    pub holder: ConnectionId,
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {} holds the place already", self.holder)
    }
}

impl StdError for Duplicate {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{AddressGroup, Direction, Protocol};

    #[test]
    fn an_address_group_may_have_one_connection() {
        let registry = Registry::new();
        let register = |last: u16, policy| {
            let address = ([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 443).into();
            let draft = Draft::new(Direction::Inbound, Protocol::Tcp).remote_addr(address);
            let others = Selector::AddressGroup(AddressGroup::from(address));
            registry.register_among(draft, &others, policy)
        };
        let (first, replaced) = register(1, OnDuplicate::Refuse).unwrap();
        assert!(replaced.is_empty());
        let holder = first.id();
        let refusal = register(2, OnDuplicate::Refuse).unwrap_err();
        assert_eq!(refusal, Duplicate { holder });
        assert_eq!((registry.count(), registry.stats().opened), (1, 1));
        assert!(!first.is_close_requested());

        let (second, replaced) = register(2, OnDuplicate::Replace).unwrap();
        assert_eq!(replaced[0].id(), holder);
        assert_eq!(first.close_reason(), Some(CloseReason::Replaced));
        let (_third, replaced) = register(3, OnDuplicate::Allow).unwrap();
        assert!(replaced.is_empty() && !second.is_close_requested());
        assert_eq!(registry.count(), 3);
    }
}
