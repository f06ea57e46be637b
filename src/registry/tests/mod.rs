//! What only shows over many operations or many threads.

mod agreement;
mod model;
mod operation;
mod races;

use std::hash::Hash;

use super::index::Index;
use super::{Registry, State};

/// Every connection stands in exactly the indexes that its facts say, at one moment.
fn assert_consistent(registry: &Registry) {
    let tables = registry.shared.tables.read();
    let (mut hosts, mut addresses) = (0, 0);
    for (id, entry) in &tables.entries {
        let facts = entry.facts.read();
        assert_ne!(facts.state, State::Closed);
        assert!(tables.by_direction.contains(&entry.direction(), *id));
        assert!(tables.by_protocol.contains(&facts.protocol, *id));
        assert!(tables.by_state.contains(&facts.state, *id));
        if let Some(host) = &facts.host {
            assert!(tables.by_host.contains(host, *id));
            hosts += 1;
        }
        if let Some(address) = &facts.remote_addr {
            assert!(tables.by_address.contains(address, *id));
            addresses += 1;
        }
    }
    assert_eq!(total(&tables.by_direction), tables.entries.len());
    assert_eq!(total(&tables.by_protocol), tables.entries.len());
    assert_eq!(total(&tables.by_state), tables.entries.len());
    assert_eq!(total(&tables.by_host), hosts);
    assert_eq!(total(&tables.by_address), addresses);
}

fn total<K: Clone + Eq + Hash>(index: &Index<K>) -> usize {
    let counts = index.counts().map(|(_, count)| count);
    counts.inspect(|count| assert_ne!(*count, 0)).sum()
}
