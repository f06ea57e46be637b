//! What only shows over many operations or many threads, and what others got wrong.

mod agreement;
#[cfg(shuttle)]
mod interleavings;
mod model;
mod operation;
mod races;
mod regressions;

use std::hash::Hash;

use super::index::Index;
use super::{ConnectionId, Registry, State};

/// Every connection stands in exactly the indexes that its facts say, at one moment.
fn assert_consistent(registry: &Registry) {
    let tables = registry.shared.tables.read();
    let (mut hosts, mut addresses, mut users, mut labels) = (0, 0, 0, 0);
    for (id, entry) in &tables.entries {
        let facts = entry.facts.read();
        let id = *id;
        assert_ne!(facts.state, State::Closed);
        assert!(holds(&tables.by_direction, &entry.direction(), id));
        assert!(holds(&tables.by_protocol, &facts.protocol, id));
        assert!(holds(&tables.by_state, &facts.state, id));
        if let Some(host) = &facts.host {
            assert!(holds(&tables.by_host, host, id));
            hosts += 1;
        }
        if let Some(address) = &facts.remote_addr {
            assert!(holds(&tables.by_address, address, id));
            assert!(holds(&tables.by_address_group, &(*address).into(), id));
            addresses += 1;
        }
        if let Some(user) = &facts.identity.user {
            assert!(holds(&tables.by_user, user, id));
            users += 1;
        }
        for label in facts.labels.as_slice() {
            assert!(holds(&tables.by_label, label, id));
            labels += 1;
        }
    }
    assert_eq!(total(&tables.by_direction), tables.entries.len());
    assert_eq!(total(&tables.by_protocol), tables.entries.len());
    assert_eq!(total(&tables.by_state), tables.entries.len());
    assert_eq!(total(&tables.by_host), hosts);
    assert_eq!(total(&tables.by_address), addresses);
    assert_eq!(total(&tables.by_address_group), addresses);
    assert_eq!(total(&tables.by_user), users);
    assert_eq!(total(&tables.by_label), labels);
}

/// Nothing is left behind, no key without connections either.
fn assert_empty(registry: &Registry) {
    assert_consistent(registry);
    let tables = registry.shared.tables.read();
    assert_eq!(tables.entries.len(), 0);
    assert_eq!(tables.by_address.keys().len(), 0);
    assert_eq!(tables.by_address_group.keys().len(), 0);
    assert_eq!(tables.by_direction.keys().len(), 0);
    assert_eq!(tables.by_host.keys().len(), 0);
    assert_eq!(tables.by_label.keys().len(), 0);
    assert_eq!(tables.by_protocol.keys().len(), 0);
    assert_eq!(tables.by_state.keys().len(), 0);
    assert_eq!(tables.by_user.keys().len(), 0);
}

fn holds<K: Clone + Eq + Hash>(index: &Index<K>, key: &K, id: ConnectionId) -> bool {
    index.bucket(key).is_some_and(|bucket| bucket.contains(id))
}

fn total<K: Clone + Eq + Hash>(index: &Index<K>) -> usize {
    let counts = index.buckets().map(|(_, bucket)| bucket.len());
    counts.inspect(|count| assert_ne!(*count, 0)).sum()
}
